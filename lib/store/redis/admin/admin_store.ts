import { fold, parseTopic, roomTopic, type Topic } from "../../../wire/names.ts";
import { allowLate, within } from "../../../common/time.ts";
import type {
  AccountRecord,
  AdminStore,
  DeviceRecord,
  SchemaReport,
  ServerState,
  TopicSize,
  TopicState,
} from "../../admin_store.ts";
import type { Order, OrderReport, ServerSignal } from "../../servers.ts";
import type { RecordArchive } from "../../room_records.ts";
import type { Role } from "../../accounts.ts";
import { type DeviceState, type Session, tokenLifeMs } from "../../sessions.ts";
import { cidMemoryMs, type Entry, type Topics } from "../../topics.ts";
import { randomWord } from "../../log_position.ts";
import { putOwnRecord, readOwnRecord } from "../accounts/records.ts";
import { toAccount } from "../accounts.ts";
import { fromTwoFactor } from "../accounts/two_factor.ts";
import { toKeys } from "../device_keys.ts";
import { fromMarks, toMarks } from "../marks.ts";
import type { RedisGateway } from "../gateway.ts";
import { fromPairs, type Keys, schemaVersion } from "../keys.ts";
import type { StoredSessions } from "../stored_sessions.ts";
import type { Answer } from "../transport/redis_transport.ts";

/** How many messages are read at once. */
const pageSize = 500;

/** How long a log that was not put in whole is kept beside the topic's own, in milliseconds. */
const incomingLifeMs = "3600000";

/**
 * What an operator asks of Redis. The promises are those of {@linkcode AdminStore}. Lists go through the keys, which
 * finds what was there all the while, once or more; so names are remembered.
 */
export class RedisAdminStore implements AdminStore {
  schema: SchemaReport = { version: schemaVersion, before: schemaVersion, ended: 0, tokens: 0 };
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #topics: Pick<Topics, "read">;

  constructor(
    redis: RedisGateway,
    keys: Keys,
    topics: Pick<Topics, "read">,
    readonly stored: StoredSessions,
    readonly records: RecordArchive,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#topics = topics;
  }

  async *accounts(): AsyncIterable<AccountRecord> {
    for await (const key of this.#each(this.#keys.accounts())) {
      const record = await this.#record(this.#keys.userOf(key));
      if (record) yield record;
    }
  }

  async *hashes(): AsyncIterable<readonly string[]> {
    for await (const keys of this.#redis.keys(this.#keys.accounts())) {
      const hashes = await Promise.all(keys.map((key) => this.#redis.command("HGET", key, "hash")));
      yield hashes.filter((hash) => hash !== null) as string[];
    }
  }

  async #record(user: string): Promise<AccountRecord | undefined> {
    const { account, subscriptions, marks: read, deviceKeys, memberships } = this.#keys;
    const [fields, known, follows, blocked, marked, keyed, rooms, ownRecord] = await Promise.all([
      this.#redis.command("HGETALL", account(user)),
      this.stored.devices(user),
      this.#redis.command("SMEMBERS", subscriptions(user)),
      this.#redis.command("SMEMBERS", this.#keys.blocks(user)),
      this.#redis.command("HGETALL", read(user)),
      this.#redis.command("HGETALL", deviceKeys(user)),
      this.#redis.command("HGETALL", memberships(user)),
      readOwnRecord(this.#redis, this.#keys, user),
    ]);
    const keys = toKeys(keyed);
    const marks = toMarks(marked);
    const { away: _, ...found } = fromPairs(fields); // it is of a session, which does not last
    if (found.name === undefined) return undefined;
    const { generation = "0" } = found;
    const [own, ...devices] = await Promise.all(
      ["", ...Object.keys(known).filter((device) => device !== "").sort()].map((device) =>
        this.#deviceRecord(user, device, generation)
      ),
    );
    const mayResume = devices.filter((record) => record !== undefined);
    const joined = Object.entries(fromPairs(rooms)).filter(([, position]) => position !== "");
    return {
      ...toAccount(found),
      claims: Number(found.claims ?? 0),
      follows: (follows as string[]).sort(),
      ...((blocked as string[]).length > 0 ? { blocks: (blocked as string[]).sort() } : {}),
      ...(own ? { tokens: own.tokens } : {}),
      stood: own?.stood ?? {},
      ...(mayResume.length > 0 ? { devices: mayResume } : {}),
      ...(found.rooms !== undefined ? { rooms: Object.keys(fromPairs(rooms)).sort() } : {}),
      ...(joined.length > 0 ? { joined: Object.fromEntries(joined) } : {}),
      ...(Object.keys(marks).length > 0 ? { marks } : {}),
      ...(keys.length > 0 ? { keys } : {}),
      ...ownRecord,
    };
  }

  /** What lasts of a device; undefined where it may not resume. @param generation the tokens' that are good */
  async #deviceRecord(user: string, device: string, generation: string): Promise<DeviceRecord | undefined> {
    const { tokens, savedPositions: stood } = this.#keys;
    const [token, life, positions] = await Promise.all([
      this.#redis.command("HGETALL", tokens(user, device)),
      this.#redis.command("PTTL", tokens(user, device)),
      this.#redis.command("HGETALL", stood(user, device)),
    ]);
    const { current, previous = "", revoked = "", room = "", generation: of = "0" } = fromPairs(token);
    if (current === undefined || of !== generation) return undefined;
    const kept = { current, previous, revoked, room, expires: Date.now() + (life as number) };
    return { device, tokens: kept, stood: fromPairs(positions) };
  }

  async #putDevice(user: string, { device, tokens, stood }: DeviceRecord): Promise<void> {
    const { tokens: tokensKey, savedPositions: stoodKey, devices } = this.#keys;
    const { expires, ...rest } = tokens;
    if (expires <= Date.now()) return;
    await this.#redis.command("HSET", tokensKey(user, device), ...Object.entries(rest).flat());
    await this.#redis.command("PEXPIREAT", tokensKey(user, device), String(expires));
    await this.#redis.command("HSET", devices(user), device, `- 0 ${expires}`);
    const positions = Object.entries(stood).flat();
    if (positions.length === 0) return;
    await this.#redis.command("HSET", stoodKey(user, device), ...positions);
    await this.#redis.command("PEXPIRE", stoodKey(user, device), String(tokenLifeMs));
  }

  /** Each key like a pattern, once. */
  async *#each(pattern: string): AsyncIterable<string> {
    const seen = new Set<string>();
    for await (const keys of this.#redis.keys(pattern)) {
      for (const key of keys) {
        if (seen.has(key)) continue;
        seen.add(key);
        yield key;
      }
    }
  }

  async setRole(name: string, role: Role): Promise<boolean> {
    return await this.#amend(name, ["role", role, "0"]);
  }

  async setDisabled(name: string, disabled: boolean): Promise<boolean> {
    return await this.#amend(name, disabled ? ["disabled", "1", "1"] : ["disabled", "", "0"]);
  }

  async #amend(name: string, change: string[]): Promise<boolean> {
    return await this.#redis.run("amend", [this.#keys.account(name)], change) === 1;
  }

  async revokeTokens(user: string): Promise<void> {
    await this.#amend(user, ["", "", "1"]);
  }

  async sessionsOf(user: string): Promise<Session[]> {
    return await Promise.all((await this.stored.heldBy(user)).map((held) => this.stored.toSession(held)));
  }

  async *sessions(): AsyncIterable<DeviceState> {
    const [leases] = this.#keys.leases();
    for (const instance of await this.#redis.run("leaseList", [leases], ["live"]) as string[]) {
      yield* this.stored.onServer(instance);
    }
  }

  async servers(): Promise<ServerState[]> {
    const [leases, ids, , since] = this.#keys.leases();
    const [now, ends, instances, taken] = await Promise.all([
      this.#redis.time(leases),
      this.#redis.command("ZRANGE", leases, "0", "-1", "WITHSCORES"),
      this.#redis.command("HGETALL", ids),
      this.#redis.command("HGETALL", since),
    ]);
    const leaseOf = fromPairs(ends);
    const times = fromPairs(taken);
    const states = await Promise.all(
      Object.entries(fromPairs(instances)).map(async ([id, instance]): Promise<ServerState> => ({
        id,
        leaseMs: Math.round(Number(leaseOf[instance] ?? 0) - now),
        since: times[id] === undefined ? null : Number(times[id]),
        sessions: await this.#redis.command("HLEN", this.#keys.serverSessions(instance)) as number,
      })),
    );
    return states.sort((a, b) => a.id < b.id ? -1 : 1);
  }

  async *topics(room?: string): AsyncIterable<TopicSize> {
    if (room !== undefined) {
      const size = await this.#size(roomTopic(room));
      if (size) yield size;
      return;
    }
    for await (const key of this.#each(this.#keys.metas())) {
      const topic = parseTopic(this.#keys.topicOf(key))?.topic;
      const size = topic && await this.#size(topic);
      if (size) yield size;
    }
  }

  async #size(topic: Topic): Promise<TopicSize | undefined> {
    const state = await this.#redis.command("HMGET", this.#keys.meta(topic), "epoch", "read");
    const [known, read] = state as (string | null)[];
    if (known === null) return undefined;
    const { epoch, head, first, entries, renewed } = await this.#topics.read(topic, { limit: 1, make: false });
    return {
      topic,
      epoch,
      seq: head.seq,
      id: head.id,
      read: Number(read ?? 0),
      ...(renewed === undefined ? {} : { renewed }),
      messages: head.seq - first + 1,
      last: entries[0]?.time ?? null,
    };
  }

  async *log(topic: Topic, upTo: number): AsyncIterable<readonly Entry[]> {
    for (let after = 0; after < upTo;) {
      const page = await this.#topics.read(topic, { after, limit: pageSize, make: false });
      const entries = page.entries.filter(({ seq }) => seq <= upTo);
      if (entries.length === 0) return;
      yield entries;
      after = entries.at(-1)!.seq;
    }
  }

  async purge(room: string, keep: number): Promise<number> {
    const topic = roomTopic(room);
    return await this.#redis.run("purge", [this.#keys.meta(topic), this.#keys.log(topic)], [keep]) as number;
  }

  async order(order: Order, timeoutMs: number, only?: string): Promise<OrderReport[]> {
    const live = (await this.servers()).filter(({ leaseMs }) => leaseMs! > 0).map(({ id }) => id);
    const ids = only === undefined ? live : live.filter((id) => id === only);
    const me = `office-${randomWord(12)}`;
    const reports = new Map<string, OrderReport>();
    const all = Promise.withResolvers<void>();
    const channel = this.#keys.serverChannel(me);
    const listener = {
      hear(message: string) {
        const signal = JSON.parse(message) as ServerSignal;
        if (signal.kind !== "report") return;
        reports.set(signal.report.server, signal.report);
        if (ids.every((id) => reports.has(id))) all.resolve();
      },
      interrupted() {},
    };
    await this.#redis.subscribe(channel, listener);
    try {
      const signal = JSON.stringify({ kind: "order", from: me, id: me, order } satisfies ServerSignal);
      await Promise.all(ids.map((id) => this.#redis.command("SPUBLISH", this.#keys.serverChannel(id), signal)));
      if (ids.length > 0) await within(timeoutMs, all.promise).catch(allowLate);
    } finally {
      await this.#redis.unsubscribe(channel, listener);
    }
    return ids.map((server) => reports.get(server) ?? { server, failed: "it did not answer in time" });
  }

  async isEmpty(): Promise<boolean> {
    for await (const _ of this.#each(this.#keys.accounts())) return false;
    for await (const { seq } of this.topics()) if (seq > 0) return false;
    return true;
  }

  async putAccount(record: AccountRecord): Promise<boolean> {
    const { name, hash, role, created, disabled, claims, follows, tokens, stood, devices = [] } = record;
    const { blocks = [], rooms, joined = {}, marks = {}, keys = [] } = record;
    const { account, subscriptions, subscribers } = this.#keys;
    // Whom somebody follows or blocks is added in any case, so that an import that was interrupted can be done again.
    if (follows.length > 0) await this.#redis.command("SADD", subscriptions(name), ...follows);
    if (blocks.length > 0) await this.#redis.command("SADD", this.#keys.blocks(name), ...blocks);
    await Promise.all(follows.map((target) => this.#redis.command("SADD", subscribers(target), name)));
    const fields = ["name", name, "hash", hash, "role", role, "created", created, "claims", claims];
    fields.push(...(disabled ? ["disabled", "1"] : []), ...(rooms ? ["rooms", "1"] : []));
    const values = [fields.length, ...fields, ...fromTwoFactor(record.twoFactor)];
    if (await this.#redis.run("putAccount", [account(name), this.#keys.twoFactor(name)], values) !== 1) return false;
    if (rooms && rooms.length > 0) {
      await this.#redis.command(
        "HSET",
        this.#keys.memberships(name),
        ...rooms.flatMap((room) => [room, joined[room] ?? ""]),
      );
    }
    const keyed = keys.flatMap((key) => [key.public, `${key.added} ${key.used}`]);
    if (keyed.length > 0) await this.#redis.command("HSET", this.#keys.deviceKeys(name), ...keyed);
    await putOwnRecord(this.#redis, this.#keys, record);
    const read = fromMarks(marks);
    if (read.length > 0) await this.#redis.command("HSET", this.#keys.marks(name), ...read);
    const own = tokens ? [{ device: "", tokens, stood }] : [];
    await Promise.all([...own, ...devices].map((device) => this.#putDevice(name, device)));
    return true;
  }

  async putTopic(state: TopicState, log: AsyncIterable<readonly Entry[]>): Promise<number | undefined> {
    const { topic, epoch, seq, id, read, renewed } = state;
    const { meta, log: own, incoming, deletions } = this.#keys;
    if ((await this.#size(topic))?.seq) return undefined;
    await this.#redis.command("DEL", incoming(topic));
    let [put, next] = [0, 0];
    for await (const page of log) {
      let added: Promise<Answer>[] = [];
      for (const entry of page) {
        if (put > 0 && entry.seq !== next) {
          await Promise.all(added);
          await this.#redis.command("DEL", incoming(topic));
          [added, put] = [[], 0];
        }
        added.push(this.#append(topic, entry));
        put++;
        next = entry.seq + 1;
      }
      await Promise.all(added);
      await this.#redis.command("PEXPIRE", incoming(topic), incomingLifeMs);
    }
    // Of the store's present generation: of an earlier one, the log would get a new epoch when it is next used.
    const [generation] = await this.#redis.command("HMGET", this.#keys.dataGeneration(), "generation") as [
      string | null,
    ];
    const fields = ["epoch", epoch, "generation", generation ?? "0", "seq", seq, "read", read];
    if (id !== "") fields.push("id", id);
    if (renewed) fields.push("previous", renewed.previous, "since", renewed.since);
    // The list of rooms may lack it now; it is made anew before anything is refused by it.
    if (topic.startsWith("room:")) await this.#redis.command("DEL", this.#keys.roomList()[1]);
    const keys = [meta(topic), own(topic), incoming(topic), deletions(topic)];
    const done = await this.#redis.run("putTopic", keys, fields);
    return done === 1 ? put : undefined;
  }

  async #append(topic: Topic, { seq, id, time, ...body }: Entry): Promise<Answer> {
    const key = this.#keys.incoming(topic);
    const fields = ["i", id, "t", String(time), "b", JSON.stringify(body)];
    const added = this.#redis.command("XADD", key, `${seq}-0`, ...fields);
    const life = time + cidMemoryMs - Date.now();
    if (body.cid !== undefined && life > 0 && !topic.startsWith("sent:")) {
      const cid = this.#keys.cid(topic, fold(body.from), body.cid);
      await this.#redis.command("SET", cid, `${seq} ${time}`, "PX", String(Math.ceil(life)));
    }
    return await added;
  }
}
