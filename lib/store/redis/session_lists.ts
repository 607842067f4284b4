/**
 * Who is where, in Redis: the members of rooms and the sessions of servers. These are made from what the users' own slots
 * have, in other slots: each entry has the claim that it is for, so that a step that comes late or again changes nothing
 * that is newer.
 */

import { roomTopic, type Topic } from "../../wire/names.ts";
import type { Session } from "../sessions.ts";
import type { RedisGateway } from "./gateway.ts";
import { fromPairs, fromSessionField, type Keys, sessionField } from "./keys.ts";

/** What sessions ask of the servers' leases. */
export interface Leases {
  /** This server's id, and the name of this run of it. */
  readonly id: string;
  readonly instance: string;
  /** The runs whose lease holds. */
  live(): Promise<string[]>;
}

/** A session, as far as its entries in lists go. */
type Entry = Pick<Session, "user" | "device">;

/** The claim of an entry whose session is only about to be: below any other. */
const aboutToBe = "0";

/** How long a room that nobody is in is kept in the list of rooms, in milliseconds. */
const roomMemoryMs = 60_000;

/** Keeps members of rooms, writers of topics and sessions of servers, and tells who is present. */
export class SessionLists {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #leases: Leases;

  constructor(redis: RedisGateway, keys: Keys, leases: Leases) {
    this.#redis = redis;
    this.#keys = keys;
    this.#leases = leases;
  }

  /** Lists rooms as those that may have members. */
  async addRooms(rooms: readonly string[]): Promise<void> {
    if (rooms.length === 0) return;
    const now = Date.now();
    await this.#redis.run("writeSmall", [this.#keys.rooms()], ["ZADD", ...rooms.flatMap((room) => [now, room])]);
  }

  /** Writes the session into the lists of its rooms and its server, and takes out what it takes the place of. */
  async replace(session: Session, earlier: Record<string, string>, granted: Record<string, string>): Promise<void> {
    const topics = new Set(session.rooms.map(roomTopic));
    const stale = (Object.entries(granted) as [Topic, string][]).filter(([topic]) => !topics.has(topic));
    await Promise.all([
      earlier.instance !== undefined && earlier.instance !== this.#leases.instance
        ? this.removeFromServer(earlier.instance, session, earlier.claim)
        : undefined,
      ...stale.map(([topic, claim]) => this.revokeGrant(session, topic, claim)),
      this.addRooms(session.rooms),
      this.#admit([...[...topics].map((topic) => this.#writers(topic)), this.#server(this.#leases.instance)], session),
    ]);
  }

  /** Takes a session that has ended out of all lists. @param granted topic → claim */
  async remove(
    { user, device = "", instance, claim }: Record<string, string>,
    granted: Record<string, string>,
  ): Promise<void> {
    if (user === undefined) return;
    await Promise.all([
      ...(Object.entries(granted) as [Topic, string][]).map(([topic, of]) => {
        return this.revokeGrant({ user, device }, topic, of);
      }),
      this.removeFromServer(instance, { user, device }, claim),
    ]);
  }

  /** Takes a session's right to write to a topic away, then the note of it. */
  async revokeGrant(
    session: Entry,
    topic: Topic,
    claim: string | number,
  ): Promise<void> {
    await this.removeWriter(topic, session, claim);
    await this.#redis.run("revoke", [this.#keys.grants(session.user, session.device)], [topic, claim, session.user]);
  }

  /** Lets a session write to a topic, which in a room makes it a member. @returns false where it is superseded */
  async addWriter(topic: Topic, session: Session): Promise<boolean> {
    return await this.#admit([this.#writers(topic)], session);
  }

  /** Takes a session's right to write to a topic away. */
  async removeWriter(topic: Topic, session: Entry, claim: string | number): Promise<void> {
    await this.#revoke(this.#writers(topic), session, claim);
  }

  /**
   * Lists a session as one of a server's run before it is there: whatever moment the data are put back to, or the server
   * dies at, the session is found by the list. Nobody is online by such an entry.
   */
  async expect(instance: string, session: Entry): Promise<void> {
    const args = [sessionField(session), aboutToBe, session.user];
    await this.#redis.run("admit", this.#server(instance), args);
  }

  /** Takes back what {@linkcode expect} did, unless the session is there. */
  async unexpect(instance: string, session: Entry): Promise<void> {
    await this.#revoke(this.#server(instance), session, aboutToBe);
  }

  /** Takes a session out of those of a server's run. */
  async removeFromServer(instance: string, session: Entry, claim: string | number): Promise<void> {
    await this.#revoke(this.#server(instance), session, claim);
  }

  /** The sessions of a server's run, with their claims, by user and device. */
  async onServer(instance: string): Promise<{ user: string; device: string; claim: string }[]> {
    const claims = fromPairs(await this.#redis.command("HGETALL", this.#keys.serverSessions(instance)));
    return Object.keys(claims).sort().map((field) => ({ ...fromSessionField(field), claim: claims[field] }));
  }

  /** See {@linkcode Sessions.online}. */
  async online(): Promise<string[]> {
    const live = await this.#leases.live();
    const users = await Promise.all(
      live.map((instance) => this.#redis.command("HKEYS", this.#keys.serverUsers(instance))),
    );
    return [...new Set(users.flat() as string[])].sort();
  }

  /** See {@linkcode Sessions.countOnline}. */
  async countOnline(users: readonly string[]): Promise<number> {
    if (users.length === 0) return 0;
    const live = await this.#leases.live();
    const counts = await Promise.all(
      live.map((instance) => this.#redis.command("HMGET", this.#keys.serverUsers(instance), ...users)),
    ) as (string | null)[][];
    return users.filter((_, index) => counts.some((count) => count[index] !== null)).length;
  }

  /** See {@linkcode Sessions.rooms}. */
  async rooms(): Promise<Map<string, number>> {
    const pairs = fromPairs(await this.#redis.command("ZRANGE", this.#keys.rooms(), "0", "-1", "WITHSCORES"));
    const counts = await Promise.all(
      Object.keys(pairs).map(async (room): Promise<[string, number]> => [
        room,
        await this.#redis.command("HLEN", this.#keys.present(roomTopic(room))) as number,
      ]),
    );
    const before = Date.now() - roomMemoryMs;
    // Not sooner than a minute after somebody came: a join lists its room before it is in it.
    const empty = counts.filter(([room, members]) => members === 0 && Number(pairs[room]) < before);
    await Promise.all(empty.map(([room]) => this.#redis.command("ZREM", this.#keys.rooms(), room)));
    return new Map(counts.filter(([, members]) => members > 0));
  }

  /** See {@linkcode Sessions.members}. */
  async members(room: string): Promise<string[]> {
    return (await this.#redis.command("HKEYS", this.#keys.present(roomTopic(room))) as string[]).sort();
  }

  #writers(topic: Topic): string[] {
    const { writers, present } = this.#keys;
    return topic.startsWith("room:") ? [writers(topic), present(topic)] : [writers(topic)];
  }

  #server(instance: string): string[] {
    return [this.#keys.serverSessions(instance), this.#keys.serverUsers(instance)];
  }

  /**
   * Writes a session into lists, each named by its keys. It may come late, behind the step that removed an entry for a
   * newer claim: nothing remembers that, so it asks afterwards whether the session still is what it was, and takes the
   * entries back where not.
   *
   * @returns whether it is in all of them
   */
  async #admit(lists: readonly string[][], session: Session): Promise<boolean> {
    const { user, device, claim } = session;
    const args = [sessionField(session), claim, user];
    const admitted = await Promise.all(lists.map(async (keys) => await this.#redis.run("admit", keys, args) === 1));
    const written = lists.filter((_, index) => admitted[index]);
    if (written.length === 0) return false;
    const held = await this.#redis.command("HGET", this.#keys.session(user, device), "claim");
    if (held === String(claim)) return written.length === lists.length;
    await Promise.all(written.map((keys) => this.#revoke(keys, session, claim)));
    return false;
  }

  async #revoke(keys: string[], session: Entry, claim: string | number): Promise<void> {
    await this.#redis.run("revoke", keys, [sessionField(session), claim, session.user]);
  }
}
