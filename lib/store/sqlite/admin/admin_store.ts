import type { DatabaseSync } from "node:sqlite";
import { fold, roomTopic, type Topic, topicKind, topicName } from "../../../wire/names.ts";
import type { AccountRecord, AdminStore, SchemaReport, ServerState, TopicSize, TopicState } from "../../admin_store.ts";
import type { Order, OrderReport } from "../../servers.ts";
import type { RecordArchive } from "../../room_records.ts";
import type { Role } from "../../accounts.ts";
import type { DeviceState, Session } from "../../sessions.ts";
import { talkMark } from "../../talks.ts";
import { cidMemoryMs, type Entry } from "../../topics.ts";
import { decodePosition } from "../../log_position.ts";
import { guarded, transaction } from "../file/database.ts";
import { toAccount } from "../accounts.ts";
import { putTwoFactor, twoFactorOf } from "../accounts/two_factor.ts";
import { SqliteMemberships } from "../memberships.ts";
import { accessTokensOf, putAccessToken } from "../accounts/access_tokens.ts";
import { contactsOf, putRequest, requestsOf } from "../accounts/requests.ts";
import { keysOf } from "../device_keys.ts";
import { marksOf } from "../marks.ts";
import { SqliteTokens } from "../tokens.ts";
import { toEntry } from "../topic_rows.ts";

/** How many rows are read in one turn of the event loop. */
const pageSize = 100;

/** What the admin store asks of the sessions, which are in memory. */
export interface SessionList {
  list(): DeviceState[];
}

/** What the admin store asks of the one server, if one has joined. */
export interface ServerList {
  states(sessions: number): ServerState[];
  order(order: Order, timeoutMs: number): Promise<OrderReport[]>;
}

/** What the admin store asks of the topics. */
export interface TopicMemory {
  /** Forgets what is known of a topic's row: it was written to. */
  forget(topic: Topic): void;
  /** A topic's last message; undefined where there is no such topic. */
  newest(topic: Topic): { readonly seq: number; readonly id: string } | undefined;
  /** The number of the oldest message that is kept; one more than the newest where none is. */
  first(topic: Topic): number;
  /** Forgets a topic's messages before a number. @returns how many */
  purge(topic: Topic, first: number): Promise<number>;
}

/** What an operator asks of the embedded store. The promises are those of {@linkcode AdminStore}. */
export class SqliteAdminStore implements AdminStore {
  readonly schema: SchemaReport;
  readonly #database: DatabaseSync;
  readonly #sessions: SessionList;
  readonly #topics: TopicMemory;
  readonly #servers: ServerList;
  readonly #now: () => number;
  readonly #memberships: SqliteMemberships;
  readonly #tokens: SqliteTokens;

  constructor(
    database: DatabaseSync,
    sessions: SessionList,
    topics: TopicMemory,
    servers: ServerList,
    now: () => number,
    schema: Pick<SchemaReport, "version" | "before">,
    readonly records: RecordArchive,
  ) {
    this.schema = { ...schema, ended: 0, tokens: 0 };
    this.#database = database;
    this.#sessions = sessions;
    this.#topics = topics;
    this.#servers = servers;
    this.#now = now;
    this.#memberships = new SqliteMemberships(database);
    this.#tokens = new SqliteTokens(database);
  }

  async *accounts(): AsyncIterable<AccountRecord> {
    const sql = "SELECT * FROM accounts WHERE key > ? ORDER BY key LIMIT ?";
    for await (const page of this.#pages(sql, "", (row) => row.key as string)) {
      yield* page.map((row) => this.#record(row));
    }
  }

  async *hashes(): AsyncIterable<readonly string[]> {
    const sql = "SELECT key, hash FROM accounts WHERE key > ? ORDER BY key LIMIT ?";
    for await (const page of this.#pages(sql, "", (row) => row.key as string)) {
      yield page.map((row) => row.hash as string);
    }
  }

  #record(row: Record<string, unknown>): AccountRecord {
    return guarded(() => {
      const key = row.key as string;
      const [follows, blocks] = ["follows", "blocks"].map((table) =>
        this.#database.prepare(
          `SELECT name FROM accounts JOIN ${table} ON target = accounts.key WHERE user = ? ORDER BY name`,
        ).all(key).map(({ name }) => name as string)
      );
      const records = this.#tokens.records(key, this.#now());
      const own = records.find(({ device }) => device === "");
      const devices = records.filter((record) => record !== own);
      const marks = marksOf(this.#database, key);
      const keys = keysOf(this.#database, key);
      const accessTokens = accessTokensOf(this.#database, key);
      const requests = requestsOf(this.#database, key);
      const contacts = contactsOf(this.#database, key);
      const twoFactor = twoFactorOf(this.#database, key);
      const joined = [...this.#memberships.joined(key)];
      const known = joined.filter(([, position]) => position !== "");
      return {
        ...toAccount(row),
        ...(row.deleted === null ? {} : { deleted: row.deleted as string }),
        claims: row.claims as number,
        follows,
        ...(blocks.length > 0 ? { blocks } : {}),
        ...(own ? { tokens: own.tokens } : {}),
        stood: this.#tokens.positions(key, ""),
        ...(devices.length > 0 ? { devices } : {}),
        ...(row.has_rooms ? { rooms: joined.map(([room]) => room) } : {}),
        ...(known.length > 0 ? { joined: Object.fromEntries(known) } : {}),
        ...(Object.keys(marks).length > 0 ? { marks } : {}),
        ...(keys.length > 0 ? { keys } : {}),
        ...(accessTokens.length > 0 ? { accessTokens } : {}),
        ...(contacts.length > 0 ? { contacts } : {}),
        ...(requests.length > 0 ? { requests } : {}),
        ...(twoFactor ? { twoFactor } : {}),
      };
    });
  }

  // deno-lint-ignore require-await
  async setRole(name: string, role: Role): Promise<boolean> {
    return guarded(() =>
      this.#database.prepare("UPDATE accounts SET role = ? WHERE key = ?").run(role, fold(name)).changes === 1
    );
  }

  // deno-lint-ignore require-await
  async setDisabled(name: string, disabled: boolean): Promise<boolean> {
    return transaction(this.#database, () => {
      if (disabled) this.#tokens.removeAll(fold(name));
      const { changes } = this.#database.prepare("UPDATE accounts SET disabled = ? WHERE key = ?")
        .run(disabled ? 1 : 0, fold(name));
      return changes === 1;
    });
  }

  // deno-lint-ignore require-await
  async revokeTokens(user: string): Promise<void> {
    guarded(() => this.#tokens.removeAll(fold(user)));
  }

  // deno-lint-ignore require-await
  async sessionsOf(user: string): Promise<Session[]> {
    const found = this.#sessions.list().filter((session) => fold(session.user) === fold(user));
    return found.map(({ attached: _, ...session }) => session);
  }

  async *sessions(): AsyncIterable<DeviceState> {
    yield* this.#sessions.list();
  }

  servers(): Promise<ServerState[]> {
    return Promise.resolve(this.#servers.states(this.#sessions.list().length));
  }

  async *topics(room?: string): AsyncIterable<TopicSize> {
    const sql = "SELECT * FROM topics WHERE topic > ? ORDER BY topic LIMIT ?";
    const toSize = (row: Record<string, unknown>) => guarded(() => this.#toSize(row));
    if (room !== undefined) {
      const one = sql.replace("topic > ?", "topic = ?");
      const row = guarded(() => this.#database.prepare(one).get(roomTopic(room), 1));
      if (row) yield toSize(row);
      return;
    }
    for await (const page of this.#pages(sql, "", (row) => row.topic as string)) yield* page.map(toSize);
  }

  /** Numbers have no holes: what a log holds follows from its oldest, without counting. */
  #toSize(row: Record<string, unknown>): TopicSize {
    const { topic, epoch, read, previous, since } = row as unknown as TopicSize & {
      previous: string | null;
      since: number | null;
    };
    const { seq, id } = this.#topics.newest(topic) ?? { seq: 0, id: "" };
    const last = this.#database.prepare("SELECT time FROM log WHERE topic = ? AND seq = ?").get(topic, seq)?.time;
    const messages = seq - this.#topics.first(topic) + 1;
    const renewed = previous === null ? {} : { renewed: { previous, since: since ?? 0 } };
    return { topic, epoch, seq, id, read, ...renewed, messages, last: messages === 0 ? null : last as number };
  }

  async *log(topic: Topic, upTo: number): AsyncIterable<readonly Entry[]> {
    const sql = "SELECT * FROM log WHERE seq > ? AND topic = ? AND seq <= ? ORDER BY seq LIMIT ?";
    const before = guarded(() => this.#topics.first(topic)) - 1;
    for await (const page of this.#pages(sql, before, (row) => row.seq as number, topic, upTo)) yield page.map(toEntry);
  }

  /** Reads pages; between them, the event loop has a turn. */
  async *#pages<K extends string | number>(
    sql: string,
    before: K,
    keyOf: (row: Record<string, unknown>) => K,
    ...more: (string | number)[]
  ): AsyncIterable<Record<string, unknown>[]> {
    for (let after = before;;) {
      const rows = guarded(() => this.#database.prepare(sql).all(after, ...more, pageSize));
      if (rows.length > 0) yield rows;
      if (rows.length < pageSize) return;
      after = keyOf(rows.at(-1)!);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async purge(room: string, keep: number): Promise<number> {
    const topic = roomTopic(room);
    const newest = guarded(() => this.#topics.newest(topic));
    return newest ? await this.#topics.purge(topic, newest.seq - keep + 1) : 0;
  }

  order(order: Order, timeoutMs: number): Promise<OrderReport[]> {
    return this.#servers.order(order, timeoutMs);
  }

  // deno-lint-ignore require-await
  async isEmpty(): Promise<boolean> {
    const sql = "SELECT EXISTS (SELECT 1 FROM accounts) + EXISTS (SELECT 1 FROM topics WHERE seq > 0) AS used";
    return guarded(() => this.#database.prepare(sql).get()!.used === 0);
  }

  // deno-lint-ignore require-await
  async putAccount(record: AccountRecord): Promise<boolean> {
    const { name, hash, role, created, disabled, claims, follows, tokens, stood, devices = [], deleted = null } =
      record;
    const { blocks = [], rooms, joined = {}, marks = {}, keys = [], accessTokens = [], contacts = [], requests = [] } =
      record;
    const key = fold(name);
    return transaction(this.#database, () => {
      const run = (sql: string, ...values: (string | number | null)[]) => this.#database.prepare(sql).run(...values);
      // Whom somebody follows or blocks is added in any case, so that an import that was interrupted can be done again.
      for (const [table, targets] of Object.entries({ follows, blocks })) {
        for (const target of targets) {
          run(`INSERT INTO ${table} (user, target) VALUES (?, ?) ON CONFLICT DO NOTHING`, key, fold(target));
        }
      }
      const made = run(
        "INSERT INTO accounts (key, name, hash, role, created, claims, disabled, deleted) VALUES (?, ?, ?, ?, ?, ?, ?, ?) " +
          "ON CONFLICT DO NOTHING",
        ...[key, name, hash, role, created, claims, disabled ? 1 : 0],
        deleted,
      );
      if (made.changes === 0) return false;
      for (const one of [{ device: "", tokens, stood }, ...devices]) this.#tokens.putRecord(key, one);
      if (record.twoFactor) putTwoFactor(this.#database, key, record.twoFactor);
      if (rooms) this.#memberships.put(key, rooms, new Map(Object.entries(joined)));
      for (const [topic, position] of Object.entries(marks)) {
        const mark = decodePosition(position);
        if (!mark) continue;
        run(
          "INSERT OR REPLACE INTO marks (user, topic, epoch, seq) VALUES (?, ?, ?, ?)",
          key,
          topic,
          mark.epoch,
          mark.seq,
        );
      }
      for (const contact of contacts) run("INSERT OR IGNORE INTO contacts (user, target) VALUES (?, ?)", key, contact);
      for (const held of requests) putRequest(this.#database, key, held);
      for (const token of accessTokens) putAccessToken(this.#database, key, token);
      for (const { public: one, added, used } of keys) {
        run(
          "INSERT OR REPLACE INTO device_keys (user, public, added, used) VALUES (?, ?, ?, ?)",
          key,
          one,
          added,
          used,
        );
      }
      return true;
    });
  }

  async putTopic(state: TopicState, log: AsyncIterable<readonly Entry[]>): Promise<number | undefined> {
    const { topic, epoch, seq, id, read, renewed } = state;
    const taken = () => this.#database.prepare("SELECT 1 FROM topics WHERE topic = ? AND seq > 0").get(topic);
    if (guarded(taken)) return undefined;
    // A topic has its log from the moment on at which its row says so: what an interrupted import left is cleared.
    transaction(this.#database, () => this.#clear(topic));
    let [put, next] = [0, 0];
    for await (const page of log) {
      transaction(this.#database, () => {
        for (const entry of page) {
          if (put > 0 && entry.seq !== next) {
            this.#clear(topic);
            put = 0;
          }
          this.#append(topic, entry);
          put++;
          next = entry.seq + 1;
        }
      });
    }
    const done = transaction(this.#database, () => {
      if (taken()) return false;
      this.#database.prepare(
        "INSERT OR REPLACE INTO topics (topic, epoch, seq, id, read, previous, since) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ).run(topic, epoch, seq, id, read, renewed?.previous ?? null, renewed?.since ?? null);
      if (topicKind(topic) === "inbox") {
        // What is there counts as read in its talks.
        this.#database.prepare("INSERT OR IGNORE INTO marks (user, topic, epoch, seq) VALUES (?, ?, ?, ?)")
          .run(topicName(topic), talkMark(""), epoch, seq);
      }
      return true;
    });
    this.#topics.forget(topic);
    return done ? put : undefined;
  }

  #clear(topic: Topic): void {
    this.#database.prepare("DELETE FROM log WHERE topic = ?").run(topic);
    this.#database.prepare("DELETE FROM cids WHERE topic = ?").run(topic);
    this.#database.prepare("DELETE FROM deletions WHERE topic = ?").run(topic);
  }

  #append(topic: Topic, { seq, id, time, ...body }: Entry): void {
    this.#database.prepare("INSERT INTO log (topic, seq, id, time, body) VALUES (?, ?, ?, ?, ?)")
      .run(topic, seq, id, time, JSON.stringify(body));
    if (body.cid === undefined || time <= this.#now() - cidMemoryMs) return;
    this.#database.prepare("INSERT OR REPLACE INTO cids (topic, user, cid, seq, time) VALUES (?, ?, ?, ?, ?)")
      .run(topic, body.from, body.cid, seq, time);
  }
}
