/**
 * Sessions in Redis. The promises are those of {@linkcode Sessions}.
 *
 * The user's own slot has the truth: the session, its tokens, and what it was granted. Members of rooms and sessions of
 * servers are lists in other slots. A room's is written after the truth and removed before it; a server's the other way
 * round, so that the server finds each session that names it. What a server that died left undone, the next claim or
 * the sweep does.
 */

import { roomTopic, type Topic } from "../../wire/names.ts";
import {
  type ClaimRequest,
  type ClaimResult,
  oneRoom,
  type Reasserted,
  type Session,
  type SessionOwner,
  type Sessions,
  tokenLifeMs,
  withRoom,
} from "../sessions.ts";
import { ClaimLists } from "./claim_lists.ts";
import type { RedisGateway } from "./gateway.ts";
import { fromPairs, type Keys } from "./keys.ts";
import type { Answer } from "./transport/redis_transport.ts";

/** What sessions ask of the servers' leases. */
export interface Leases {
  /** This server's id, and the name of this run of it. */
  readonly id: string;
  readonly instance: string;
  /** The runs whose lease holds. */
  live(): Promise<string[]>;
}

/** Why a session is not held again. */
type RefusedReassertion = Exclude<Reasserted["kind"], "held">;

/** How often a claim is tried again when others claim the same user's session at the same moment. */
const maxTries = 200;

/** How long a room that nobody is in is kept in the list of rooms, in milliseconds. */
const roomMemoryMs = 60_000;

/** See {@linkcode Sessions}. */
export class RedisSessions implements Sessions {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #leases: Leases;
  readonly #lists: ClaimLists;
  readonly #granted = new WeakMap<Session, Map<Topic, Promise<boolean>>>();

  constructor(redis: RedisGateway, keys: Keys, leases: Leases) {
    this.#redis = redis;
    this.#keys = keys;
    this.#leases = leases;
    this.#lists = new ClaimLists(redis, keys);
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const { instance } = this.#leases;
    const expected = this.#lists.expect(instance, request.user);
    const result = await this.#claim(request, expected);
    if (result.kind !== "claimed") await this.#lists.unexpect(instance, request.user);
    return result;
  }

  /** @param expected done when the user is listed as one whose session is about to be here */
  async #claim(request: ClaimRequest, expected: Promise<void>): Promise<ClaimResult> {
    const { user, connection, room, many = false, policy, tokenHash, presentedHash = "", passwords = "" } = request;
    const { account, session, tokens, grants, savedPositions: stood, memberships } = this.#keys;
    const { id, instance } = this.#leases;
    for (let tries = 0; tries < maxTries; tries++) {
      const [pairs] = await Promise.all([this.#redis.command("HGETALL", session(user)), expected]);
      const current = fromPairs(pairs);
      const stands = policy === "reject" && current.attached === "1" &&
        (await this.#leases.live()).includes(current.instance);
      if (presentedHash === "" && stands) return { kind: "live" };
      const answer = await this.#redis.run(
        "claim",
        [session(user), account(user), tokens(user), grants(user), stood(user), memberships(user)],
        [
          ...[current.connection ?? "", connection, id, instance, room, tokenHash, presentedHash, tokenLifeMs],
          ...[passwords, flag(many)],
        ],
      ) as Answer[];
      if (answer[0] === "changed") continue;
      if (answer[0] === "revoked") return { kind: stands ? "live" : "refused" };
      if (answer[0] === "refused" || answer[0] === "disabled" || answer[0] === "outdated") return { kind: answer[0] };
      return await this.#claimed(answer, connection, many);
    }
    throw new Error(`The session of ${user} was claimed by others ${maxTries} times in a row`);
  }

  async #claimed(
    [, user, claim, rooms, earlier, accountRooms, granted, positions]: Answer[],
    connection: string,
    many: boolean,
  ): Promise<ClaimResult> {
    const { id: server } = this.#leases;
    const place = { server, connection, many, rooms: (rooms as string[]).sort() };
    const session: Session = { user: user as string, claim: claim as number, ...place };
    const before = fromPairs(earlier);
    await this.#replace(session, before, fromPairs(granted));
    return {
      kind: "claimed",
      session,
      savedPositions: fromPairs(positions),
      ...(before.connection === undefined ? {} : { superseded: toSession(before, accountRooms as string[]) }),
    };
  }

  async move(session: Session, room: string): Promise<Session | undefined> {
    const topic = roomTopic(room);
    await this.#list([room]);
    if (!await this.#grant(session, topic, room)) return undefined;
    await this.#lists.revokeGrant(session.user, roomTopic(session.rooms[0]), session.claim);
    return this.#with(session, [room]);
  }

  async enter(session: Session, room: string, most: number): Promise<Session | "full" | undefined> {
    const { user, connection, claim } = session;
    const { session: key, grants, memberships, writers } = this.#keys;
    await this.#list([room]);
    const keys = [key(user), grants(user), memberships(user)];
    const entered = await this.#redis.run("enter", keys, [connection, room, claim, most]);
    if (entered === "full") return entered;
    if (entered === 0 || !await this.#lists.admit(writers(roomTopic(room)), session)) return undefined;
    return this.#with(session, withRoom(session.rooms, room));
  }

  async leave(session: Session, room: string): Promise<Session | undefined> {
    const { user, connection } = session;
    const keys = [this.#keys.session(user), this.#keys.memberships(user)];
    if (await this.#redis.run("leave", keys, [connection, room]) === 0) return undefined;
    await this.#lists.revokeGrant(user, roomTopic(room), session.claim);
    return this.#with(session, session.rooms.filter((other) => other !== room));
  }

  /** The session in other rooms. */
  #with(session: Session, rooms: readonly string[]): Session {
    const changed = { ...session, rooms };
    const granted = this.#granted.get(session);
    if (granted) this.#granted.set(changed, granted);
    return changed;
  }

  /**
   * Sees to it that the session may write to a topic that is not its room; once granted, it is remembered.
   *
   * @returns false where the session is superseded
   */
  mayWrite(session: Session, topic: Topic): Promise<boolean> {
    let granted = this.#granted.get(session);
    if (!granted) this.#granted.set(session, granted = new Map());
    let grant = granted.get(topic);
    if (!grant) {
      grant = this.#grant(session, topic, "");
      granted.set(topic, grant);
      grant.catch(() => granted.delete(topic));
    }
    return grant;
  }

  async #grant(session: Session, topic: Topic, room: string): Promise<boolean> {
    const { user, connection, claim } = session;
    const { session: key, grants, tokens, writers } = this.#keys;
    const keys = [key(user), grants(user), tokens(user)];
    if (await this.#redis.run("grant", keys, [connection, topic, claim, room]) === 0) return false;
    return await this.#lists.admit(writers(topic), session);
  }

  async renewToken(session: Session, tokenHash: string): Promise<boolean> {
    const fields = ["current", tokenHash, "previous", "", "revoked", "", "room", oneRoom(session)];
    return await this.#hold(session, this.#keys.tokens(session.user), true, tokenLifeMs, fields);
  }

  async savePositions(session: Session, positions: Readonly<Record<string, string>>): Promise<void> {
    await this.#hold(
      session,
      this.#keys.savedPositions(session.user),
      false,
      tokenLifeMs,
      Object.entries(positions).flat(),
    );
  }

  async detach(session: Session): Promise<void> {
    await this.#hold(session, this.#keys.session(session.user), false, undefined, ["attached", "0"]);
  }

  async #hold(session: Session, key: string, empty: boolean, lifeMs: number | undefined, fields: string[]) {
    const args = [session.connection, empty ? "1" : "0", lifeMs ?? "", ...fields];
    return await this.#redis.run("hold", [this.#keys.session(session.user), key], args) === 1;
  }

  async end({ user, connection, claim: known }: Session, revoke: boolean): Promise<boolean> {
    const { session, account, grants, tokens, serverSessions } = this.#keys;
    const held = fromPairs(await this.#redis.command("HGETALL", session(user)));
    if (held.connection !== undefined && held.connection !== connection) {
      if (known === 0) await this.#lists.unexpect(this.#leases.instance, user); // what came of its claim, nobody was told
      return false;
    }
    // Where the session is gone, what it left behind may not be.
    const { claim = String(known), instance = this.#leases.instance } = held;
    const granted = Object.keys(fromPairs(await this.#redis.command("HGETALL", grants(user)))) as Topic[];
    await Promise.all(granted.map((topic) => this.#lists.revokeGrant(user, topic, claim)));
    const keys = [session(user), tokens(user), account(user)];
    // In this order and at once: a session that is not in its server's list is found by nobody.
    const [ended] = await Promise.all([
      this.#redis.run("end", keys, [connection, revoke ? "1" : "0", claim]),
      this.#lists.revoke(serverSessions(instance), user, claim),
    ]);
    return ended === 1;
  }

  async revokeToken(user: string, tokenHash: string): Promise<void> {
    await this.#redis.run("revokeToken", [this.#keys.tokens(user)], [tokenHash]);
  }

  /** Ends the sessions of a server's run that is over. @returns those that this call ended */
  async endAll(instance: string): Promise<Session[]> {
    const users = await this.#redis.command("HKEYS", this.#keys.serverSessions(instance)) as string[];
    const ended: Session[] = [];
    for (const user of users) {
      const held = fromPairs(await this.#redis.command("HGETALL", this.#keys.session(user)));
      if (held.instance !== instance) continue;
      const session = await this.#toSession(held);
      if (await this.end(session, false)) ended.push(session);
    }
    await this.#redis.command("DEL", this.#keys.serverSessions(instance));
    return ended;
  }

  async reassert(session: Session, { tokenHash, passwords, created }: SessionOwner): Promise<Reasserted> {
    const { user, connection, claim, many, rooms } = session;
    const { session: key, account, grants, tokens, memberships } = this.#keys;
    const { id, instance } = this.#leases;
    const expected = this.#lists.expect(instance, user);
    const answer = this.#redis.run(
      "reassert",
      [key(user), account(user), grants(user), tokens(user), memberships(user)],
      [
        ...[user, id, instance, connection, claim, oneRoom(session), tokenHash, tokenLifeMs],
        ...[passwords ?? "", created ?? "", flag(many), ...(many ? rooms : [])],
      ],
    ) as Promise<[RefusedReassertion | "held" | "gone", number, Answer, Answer]>;
    const [[outcome, held, earlier, granted]] = await Promise.all([answer, expected]);
    if (outcome !== "held" && outcome !== "gone") {
      await this.#lists.unexpect(instance, user);
      return { kind: outcome };
    }
    // What it was granted before is granted anew when it is needed: the topics may have forgotten it too.
    const asserted = { ...session, claim: held };
    await this.#replace(asserted, fromPairs(earlier), fromPairs(granted));
    return { kind: "held", session: asserted, wasGone: outcome === "gone" };
  }

  async held(): Promise<Session[]> {
    const { instance } = this.#leases;
    const index = this.#keys.serverSessions(instance);
    const claims = Object.entries(fromPairs(await this.#redis.command("HGETALL", index)));
    const held = await Promise.all(claims.map(async ([user, claim]) => {
      const session = fromPairs(await this.#redis.command("HGETALL", this.#keys.session(user)));
      if (session.instance === instance) return await this.#toSession(session);
      await this.#lists.revoke(index, user, claim); // an entry without its session
    }));
    return held.filter((session) => session !== undefined);
  }

  async online(): Promise<string[]> {
    const live = await this.#leases.live();
    const users = await Promise.all(live.map((instance) => this.#lists.usersOf(instance)));
    return [...new Set(users.flat())].sort();
  }

  async countOnline(users: readonly string[]): Promise<number> {
    if (users.length === 0) return 0;
    const live = await this.#leases.live();
    const online = await Promise.all(live.map((instance) => this.#lists.areOf(instance, users)));
    return users.filter((_, index) => online.some((are) => are[index])).length;
  }

  async rooms(): Promise<Map<string, number>> {
    const pairs = fromPairs(await this.#redis.command("ZRANGE", this.#keys.rooms(), "0", "-1", "WITHSCORES"));
    const counts = await Promise.all(
      Object.keys(pairs).map(async (room): Promise<[string, number]> => [
        room,
        await this.#redis.command("HLEN", this.#keys.writers(roomTopic(room))) as number,
      ]),
    );
    const before = Date.now() - roomMemoryMs;
    // Not sooner than a minute after somebody came: a join lists its room before it is in it.
    const empty = counts.filter(([room, members]) => members === 0 && Number(pairs[room]) < before);
    await Promise.all(empty.map(([room]) => this.#redis.command("ZREM", this.#keys.rooms(), room)));
    return new Map(counts.filter(([, members]) => members > 0));
  }

  async members(room: string): Promise<string[]> {
    return (await this.#redis.command("HKEYS", this.#keys.writers(roomTopic(room))) as string[]).sort();
  }

  /** A session from its hash, and where it is in many rooms from its account's. */
  async #toSession(held: Record<string, string>): Promise<Session> {
    const rooms = held.many === "1" ? await this.#redis.command("SMEMBERS", this.#keys.memberships(held.user)) : [];
    return toSession(held, rooms as string[]);
  }

  /** Lists rooms as those that may have members. */
  async #list(rooms: readonly string[]): Promise<void> {
    if (rooms.length === 0) return;
    const now = Date.now();
    await this.#redis.run("writeSmall", [this.#keys.rooms()], ["ZADD", ...rooms.flatMap((room) => [now, room])]);
  }

  /** Writes the session into the lists of its rooms and its server, and takes out what it takes the place of. */
  async #replace(session: Session, earlier: Record<string, string>, granted: Record<string, string>): Promise<void> {
    const topics = new Set(session.rooms.map(roomTopic));
    const stale = (Object.entries(granted) as [Topic, string][]).filter(([topic]) => !topics.has(topic));
    await Promise.all([
      earlier.instance !== undefined && earlier.instance !== this.#leases.instance
        ? this.#lists.revoke(this.#keys.serverSessions(earlier.instance), session.user, earlier.claim)
        : undefined,
      ...stale.map(([topic, claim]) => this.#lists.revokeGrant(session.user, topic, claim)),
      this.#list(session.rooms),
      ...[...topics].map((topic) => this.#lists.admit(this.#keys.writers(topic), session)),
      this.#lists.admit(this.#keys.serverSessions(this.#leases.instance), session),
    ]);
  }
}

/** A session from its hash. @param memberships its account's rooms, which are those of a session that is in many */
export function toSession(
  { user, server, connection, claim, room, many }: Record<string, string>,
  memberships: readonly string[],
): Session {
  const rooms = many === "1" ? [...memberships].sort() : [room];
  return { user, server, connection, claim: Number(claim), many: many === "1", rooms };
}

const flag = (set: boolean) => set ? "1" : "";
