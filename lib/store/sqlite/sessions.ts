/**
 * Sessions of the one server that has the file: held in memory, since they end with it; claims, resume tokens and
 * where sessions stood are in SQLite, since they outlive it. Memory changes after the commit, never before: what failed
 * has changed nothing. The promises are those of {@linkcode Sessions}.
 */

import type { DatabaseSync } from "node:sqlite";
import { fold } from "../../wire/names.ts";
import type { SessionState } from "../admin_store.ts";
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
import { guarded, transaction } from "./file/database.ts";
import { SqliteMemberships } from "./memberships.ts";

interface Tokens {
  current: string;
  previous: string | null;
  revoked: string | null;
  room: string;
  expires: number;
  away: string | null;
}

/** See {@linkcode Sessions}. */
export class SqliteSessions implements Sessions {
  readonly #database: DatabaseSync;
  readonly #server: () => string;
  readonly #now: () => number;
  readonly #memberships: SqliteMemberships;
  readonly #sessions = new Map<string, { session: Session; attached: boolean }>();
  /** What those said who are away. Their resume tokens have it too. */
  readonly #away = new Map<string, string>();

  /** @param server gives this server's id */
  constructor(database: DatabaseSync, server: () => string, now: () => number) {
    this.#database = database;
    this.#memberships = new SqliteMemberships(database);
    this.#server = server;
    this.#now = now;
  }

  // deno-lint-ignore require-await
  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const key = fold(request.user);
    const held = this.#sessions.get(key);
    let away = this.#away.get(key);
    const result = transaction(this.#database, (): ClaimResult => {
      const refusal = this.#refusal(key, request);
      if (refusal) return { kind: refusal };
      const returning = request.presentedHash !== undefined;
      const tokens = this.#tokens(key);
      const room = returning ? tokens!.room : request.room;
      if (!held && returning) away = tokens!.away ?? undefined;
      const { claims } = this.#database.prepare(
        "UPDATE accounts SET claims = claims + 1 WHERE key = ? RETURNING claims",
      ).get(key) as { claims: number };
      const revoked = returning ? tokens!.revoked : [tokens?.current, tokens?.previous].filter(Boolean).join(" ");
      this.#database.prepare(
        "INSERT OR REPLACE INTO tokens (user, current, previous, revoked, room, expires, away) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ).run(
        ...[key, request.tokenHash, request.presentedHash ?? null, revoked, room, this.#now() + tokenLifeMs],
        away ?? null,
      );
      const savedPositions = returning ? this.#savedPositions(key) : {};
      if (!returning) this.#database.prepare("DELETE FROM stood WHERE user = ?").run(key);
      const { user, connection, many = false } = request;
      const rooms = many ? this.#memberships.begin(key, request.room) : [room];
      const session = { user, server: this.#server(), connection, claim: claims, many, rooms };
      return { kind: "claimed", session, savedPositions, ...(held ? { superseded: held.session } : {}) };
    });
    if (result.kind === "claimed") {
      this.#sessions.set(key, { session: result.session, attached: true });
      if (away !== undefined) this.#away.set(key, away);
    }
    return result;
  }

  /** Why a session cannot be claimed; undefined where it can. */
  #refusal(
    key: string,
    { presentedHash, policy, passwords }: ClaimRequest,
  ): Exclude<ClaimResult["kind"], "claimed"> | undefined {
    const account = this.#database.prepare("SELECT disabled, passwords FROM accounts WHERE key = ?").get(key);
    if (account?.disabled) return "disabled";
    if (passwords !== undefined && passwords !== account?.passwords) return "outdated";
    const kept = this.#sessions.get(key)?.attached && policy === "reject";
    if (presentedHash === undefined) return kept ? "live" : undefined;
    const tokens = this.#tokens(key);
    const isCurrent = tokens && (presentedHash === tokens.current || presentedHash === tokens.previous);
    if (isCurrent && tokens.expires > this.#now()) return undefined;
    return kept && tokens?.revoked?.split(" ").includes(presentedHash) ? "live" : "refused";
  }

  // deno-lint-ignore require-await
  async move(session: Session, room: string): Promise<Session | undefined> {
    if (!this.holds(session)) return undefined;
    guarded(() => this.#database.prepare("UPDATE tokens SET room = ? WHERE user = ?").run(room, fold(session.user)));
    return this.#with(session, [room]);
  }

  // deno-lint-ignore require-await
  async enter(session: Session, room: string, most: number): Promise<Session | "full" | undefined> {
    if (!this.holds(session)) return undefined;
    const added = transaction(this.#database, () => this.#memberships.add(fold(session.user), room, most));
    return added ? this.#with(session, withRoom(session.rooms, room)) : "full";
  }

  // deno-lint-ignore require-await
  async leave(session: Session, room: string): Promise<Session | undefined> {
    if (!this.holds(session)) return undefined;
    guarded(() => this.#memberships.remove(fold(session.user), room));
    return this.#with(session, session.rooms.filter((other) => other !== room));
  }

  #with(session: Session, rooms: readonly string[]): Session {
    const changed = { ...session, rooms };
    this.#sessions.get(fold(session.user))!.session = changed;
    return changed;
  }

  // deno-lint-ignore require-await
  async renewToken(session: Session, tokenHash: string): Promise<boolean> {
    if (!this.holds(session)) return false;
    guarded(() =>
      this.#database.prepare(
        "INSERT OR REPLACE INTO tokens (user, current, previous, revoked, room, expires, away) " +
          "VALUES (?, ?, NULL, NULL, ?, ?, ?)",
      ).run(
        fold(session.user),
        tokenHash,
        oneRoom(session),
        this.#now() + tokenLifeMs,
        this.awayOf(session.user) ?? null,
      )
    );
    return true;
  }

  // deno-lint-ignore require-await
  async savePositions(session: Session, positions: Readonly<Record<string, string>>): Promise<void> {
    if (!this.holds(session)) return;
    transaction(this.#database, () => {
      const insert = this.#database.prepare("INSERT OR REPLACE INTO stood (user, topic, position) VALUES (?, ?, ?)");
      for (const [topic, position] of Object.entries(positions)) insert.run(fold(session.user), topic, position);
    });
  }

  // deno-lint-ignore require-await
  async detach(session: Session): Promise<void> {
    if (this.holds(session)) this.#sessions.get(fold(session.user))!.attached = false;
  }

  // deno-lint-ignore require-await
  async end(session: Session, revoke: boolean): Promise<boolean> {
    if (!this.holds(session)) return false;
    if (revoke) guarded(() => this.#database.prepare("DELETE FROM tokens WHERE user = ?").run(fold(session.user)));
    this.#sessions.delete(fold(session.user));
    this.#away.delete(fold(session.user));
    return true;
  }

  // deno-lint-ignore require-await
  async revokeToken(user: string, tokenHash: string): Promise<void> {
    const key = fold(user);
    transaction(this.#database, () => {
      this.#database.prepare("DELETE FROM tokens WHERE user = ? AND current = ?").run(key, tokenHash);
      this.#database.prepare("UPDATE tokens SET previous = NULL WHERE user = ? AND previous = ?").run(key, tokenHash);
    });
  }

  // deno-lint-ignore require-await
  async reassert(session: Session, { passwords }: SessionOwner): Promise<Reasserted> {
    if (!this.holds(session)) return { kind: "superseded" };
    const account = guarded(() =>
      this.#database.prepare("SELECT passwords FROM accounts WHERE key = ?").get(fold(session.user))
    );
    const isOutdated = passwords !== undefined && Number(account?.passwords) > passwords;
    return isOutdated ? { kind: "outdated" } : { kind: "held", session, wasGone: false };
  }

  // deno-lint-ignore require-await
  async held(): Promise<Session[]> {
    return [...this.#sessions.values()].map(({ session }) => session);
  }

  // deno-lint-ignore require-await
  async online(): Promise<string[]> {
    return [...this.#sessions.values()].map(({ session }) => session.user).sort();
  }

  // deno-lint-ignore require-await
  async countOnline(users: readonly string[]): Promise<number> {
    return users.filter((user) => this.#sessions.has(fold(user))).length;
  }

  // deno-lint-ignore require-await
  async rooms(): Promise<Map<string, number>> {
    const rooms = new Map<string, number>();
    for (const { session } of this.#sessions.values()) {
      for (const room of session.rooms) rooms.set(room, (rooms.get(room) ?? 0) + 1);
    }
    return rooms;
  }

  // deno-lint-ignore require-await
  async members(room: string): Promise<string[]> {
    const users: string[] = [];
    for (const { session } of this.#sessions.values()) if (session.rooms.includes(room)) users.push(session.user);
    return users.sort();
  }

  /** Whether a user is in the room. */
  isIn(room: string, user: string): boolean {
    return this.#sessions.get(fold(user))?.session.rooms.includes(room) ?? false;
  }

  /** Whether anybody is in the room. */
  isUsed(room: string): boolean {
    for (const { session } of this.#sessions.values()) if (session.rooms.includes(room)) return true;
    return false;
  }

  /** Every session, and whether its connection is there. */
  list(): SessionState[] {
    return [...this.#sessions.values()].map(({ session, attached }) => ({ ...session, attached }));
  }

  /** What a user said on going away; undefined where the user is not. */
  awayOf(user: string): string | undefined {
    return this.#away.get(fold(user));
  }

  /** See {@linkcode Accounts.setAway}. */
  setAway(user: string, away: string | undefined, session: Session | undefined): boolean {
    const key = fold(user);
    if (session ? !this.holds(session) : !this.#sessions.has(key)) return false;
    guarded(() => this.#database.prepare("UPDATE tokens SET away = ? WHERE user = ?").run(away ?? null, key));
    if (away === undefined) this.#away.delete(key);
    else this.#away.set(key, away);
    return true;
  }

  /** Whether the session is still the one that its connection claimed. */
  holds({ user, connection }: Session): boolean {
    return this.#sessions.get(fold(user))?.session.connection === connection;
  }

  /** Whether the user is in the room by this very session. */
  mayWrite(session: Session, room: string | undefined): boolean {
    const held = this.#sessions.get(fold(session.user))?.session;
    return held?.claim === session.claim && (room === undefined || held.rooms.includes(room));
  }

  #tokens(key: string): Tokens | undefined {
    return this.#database.prepare("SELECT current, previous, revoked, room, expires, away FROM tokens WHERE user = ?")
      .get(key) as unknown as Tokens | undefined;
  }

  #savedPositions(key: string): Record<string, string> {
    const rows = this.#database.prepare("SELECT topic, position FROM stood WHERE user = ?").all(key);
    return Object.fromEntries(rows.map(({ topic, position }) => [topic as string, position as string]));
  }
}
