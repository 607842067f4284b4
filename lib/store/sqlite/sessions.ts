/**
 * Sessions of the one server that has the file: held in memory, since they end with it; claims, resume tokens and
 * where sessions stood are in SQLite, since they outlive it. Memory changes after the commit, never before: what failed
 * has changed nothing. The promises are those of {@linkcode Sessions}.
 */

import type { DatabaseSync } from "node:sqlite";
import { fold } from "../../wire/names.ts";
import {
  type ClaimRequest,
  type ClaimResult,
  type DeviceState,
  type EndResult,
  oneRoom,
  type Reasserted,
  type Session,
  type SessionOwner,
  type Sessions,
  tokenLifeMs,
  withRoom,
} from "../sessions.ts";
import { guarded, transaction } from "./file/database.ts";
import { type Held, HeldSessions, toState } from "./held_sessions.ts";
import { SqliteMemberships } from "./memberships.ts";
import { SqliteTokens } from "./tokens.ts";

/** See {@linkcode Sessions}. */
export class SqliteSessions implements Sessions {
  readonly #database: DatabaseSync;
  readonly #server: () => string;
  readonly #now: () => number;
  readonly #memberships: SqliteMemberships;
  readonly #tokens: SqliteTokens;
  readonly #held = new HeldSessions();
  /** What those said who are away. Their resume tokens have it too. */
  readonly #away = new Map<string, string>();

  /** @param server gives this server's id */
  constructor(database: DatabaseSync, server: () => string, now: () => number) {
    this.#database = database;
    this.#memberships = new SqliteMemberships(database);
    this.#tokens = new SqliteTokens(database);
    this.#server = server;
    this.#now = now;
  }

  // deno-lint-ignore require-await
  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const { user, device = "", presentedHash } = request;
    const key = fold(user);
    const isReturning = presentedHash !== undefined;
    const isFirst = !this.#held.has(user);
    let away = this.#away.get(key);
    const result = transaction(this.#database, (): ClaimResult => {
      const refusal = this.#refusal(key, request);
      if (refusal) return { kind: refusal };
      const superseded = this.#givingWay(request);
      if (!superseded) return { kind: "too_many_devices" };
      if (isFirst && isReturning) away = this.#tokens.find(key, device)!.away ?? undefined;
      const session = this.#claim(key, request, away);
      // Whose last session has ended is away again by a resume only, and by none that comes after a login.
      if (isFirst) this.#tokens.setAway(key, away);
      const savedPositions = isReturning ? this.#tokens.positions(key, device) : {};
      return { kind: "claimed", session, superseded, savedPositions };
    });
    if (result.kind === "claimed") {
      for (const session of result.superseded) this.#held.remove(session);
      this.#held.put(result.session);
      if (away !== undefined) this.#away.set(key, away);
    }
    return result;
  }

  /** Why a session cannot be claimed; undefined where it can. */
  #refusal(
    key: string,
    { user, device = "", presentedHash, policy, passwords }: ClaimRequest,
  ): Exclude<ClaimResult["kind"], "claimed"> | undefined {
    const account = this.#database.prepare("SELECT disabled, passwords FROM accounts WHERE key = ?").get(key);
    if (account?.disabled) return "disabled";
    if (passwords !== undefined && passwords !== account?.passwords) return "outdated";
    const isKept = policy === "reject" && this.#held.of(user).some(({ attached }) => attached);
    if (presentedHash === undefined) return isKept ? "live" : undefined;
    const tokens = this.#tokens.find(key, device);
    const isCurrent = tokens && (presentedHash === tokens.current || presentedHash === tokens.previous);
    if (isCurrent && tokens.expires > this.#now()) return undefined;
    return isKept && this.#tokens.isRevoked(key, presentedHash) ? "live" : "refused";
  }

  /**
   * The sessions that a claim takes the place of.
   *
   * @returns undefined where there are too many of which none can give way
   */
  #givingWay({ user, device = "", policy, mostDevices = Infinity }: ClaimRequest): Session[] | undefined {
    const all = this.#held.of(user);
    if (policy !== "share") return all.map(toSession);
    const others = all.filter(({ session }) => session.device !== device);
    const tooMany = Math.max(0, others.length + 1 - mostDevices);
    const gone = others.filter(({ attached }) => !attached).sort((one, other) => one.gone - other.gone);
    if (gone.length < tooMany) return undefined;
    const same = all.filter(({ session }) => session.device === device);
    return [...same, ...gone.slice(0, tooMany)].map(toSession);
  }

  /** Writes down a claim that may go through. @returns its session */
  #claim(key: string, request: ClaimRequest, away: string | undefined): Session {
    const { user, device = "", connection, client = "", many = false, policy, tokenHash, presentedHash } = request;
    const now = this.#now();
    const { claims } = this.#database.prepare(
      "UPDATE accounts SET claims = claims + 1 WHERE key = ? RETURNING claims",
    ).get(key) as { claims: number };
    const isAlone = policy !== "share";
    const before = presentedHash === undefined ? undefined : this.#tokens.find(key, device)!;
    const { room, since } = before ?? { room: request.room, since: now };
    const revoked = before?.revoked ?? this.#tokens.revoke(key, isAlone ? undefined : device);
    const tokens = { current: tokenHash, previous: presentedHash ?? "", revoked, room, since, away: away ?? null };
    this.#tokens.put(key, device, { ...tokens, expires: now + tokenLifeMs });
    if (!before) this.#tokens.beginPositions(key, device, isAlone, now);
    const rooms = many ? this.#memberships.begin(key, request.room) : [room];
    return { user, device, server: this.#server(), connection, claim: claims, since, client, many, rooms };
  }

  // deno-lint-ignore require-await
  async move(session: Session, room: string): Promise<Session | undefined> {
    if (!this.holds(session)) return undefined;
    guarded(() => this.#tokens.setRoom(fold(session.user), session.device, room));
    return this.#enter(session, room, () => [room]);
  }

  // deno-lint-ignore require-await
  async enter(session: Session, room: string, most: number, joined = ""): Promise<Session | "full" | undefined> {
    if (!this.holds(session)) return undefined;
    const isAdded = transaction(this.#database, () => this.#memberships.add(fold(session.user), room, most, joined));
    return isAdded ? this.#enter(session, room, (rooms) => withRoom(rooms, room)) : "full";
  }

  // deno-lint-ignore require-await
  async leave(session: Session, room: string): Promise<Session | undefined> {
    if (!this.holds(session)) return undefined;
    guarded(() => this.#memberships.remove(fold(session.user), room));
    const without = (rooms: readonly string[]) => rooms.filter((other) => other !== room);
    for (const { session: other } of this.#held.of(session.user)) if (other.many) this.#change(other, without);
    return this.#held.get(session.user, session.device)!.session;
  }

  // deno-lint-ignore require-await
  async forgetRoom(user: string, room: string): Promise<void> {
    guarded(() => this.#memberships.remove(fold(user), room));
  }

  // deno-lint-ignore require-await
  async memberships(user: string): Promise<Map<string, string>> {
    return guarded(() => this.#memberships.joined(fold(user)));
  }

  #enter(session: Session, room: string, change: (rooms: readonly string[]) => readonly string[]): Session {
    this.#held.get(session.user, session.device)!.struck.delete(room);
    return this.#change(session, change);
  }

  /** Changes the rooms of a session as it is held: its connection may not know yet what another device has left. */
  #change({ user, device }: Session, change: (rooms: readonly string[]) => readonly string[]): Session {
    const held = this.#held.get(user, device)!;
    return held.session = { ...held.session, rooms: change(held.session.rooms) };
  }

  // deno-lint-ignore require-await
  async renewToken(session: Session, tokenHash: string): Promise<boolean> {
    if (!this.holds(session)) return false;
    const { user, device, since } = session;
    const away = this.awayOf(user) ?? null;
    const tokens = { current: tokenHash, previous: "", revoked: "", room: oneRoom(session), since, away };
    guarded(() => this.#tokens.put(fold(user), device, { ...tokens, expires: this.#now() + tokenLifeMs }));
    return true;
  }

  // deno-lint-ignore require-await
  async savePositions(session: Session, positions: Readonly<Record<string, string>>): Promise<void> {
    if (!this.holds(session)) return;
    transaction(this.#database, () => this.#tokens.savePositions(fold(session.user), session.device, positions));
  }

  // deno-lint-ignore require-await
  async detach(session: Session): Promise<void> {
    if (this.holds(session)) this.#held.drop(session);
  }

  // deno-lint-ignore require-await
  async end(session: Session, revoke: boolean): Promise<EndResult> {
    if (!this.holds(session)) return "not_held";
    if (revoke) this.#revoke(session);
    return this.#remove(session) ? "ended" : "offline";
  }

  /** Removes a device's tokens; who logs out of the last one is not away again by a resume of another. @returns until when they were good */
  #revoke({ user, device }: Pick<Session, "user" | "device">): number | undefined {
    const key = fold(user);
    return transaction(this.#database, () => {
      const isLast = this.#held.of(user).every(({ session }) => session.device === device);
      if (isLast) this.#tokens.setAway(key, undefined);
      return this.#tokens.remove(key, device);
    });
  }

  /** Ends a session in memory. @returns whether its user has others */
  #remove(session: Session): boolean {
    const hasOthers = this.#held.remove(session);
    if (!hasOthers) this.#away.delete(fold(session.user));
    return hasOthers;
  }

  // deno-lint-ignore require-await
  async revokeToken(user: string, device: string, tokenHash: string): Promise<void> {
    transaction(this.#database, () => this.#tokens.removeToken(fold(user), device, tokenHash));
  }

  // deno-lint-ignore require-await
  async withoutRoom(session: Session, room: string): Promise<Session> {
    return { ...session, rooms: session.rooms.filter((other) => other !== room) };
  }

  // deno-lint-ignore require-await
  async revokeDevice(user: string, device: string): Promise<Session | "away" | undefined> {
    const session = this.#held.get(user, device)?.session;
    const expires = this.#revoke({ user, device });
    if (session) this.#remove(session);
    return session ?? (expires !== undefined && expires > this.#now() ? "away" : undefined);
  }

  // deno-lint-ignore require-await
  async reassert(session: Session, { passwords }: SessionOwner): Promise<Reasserted> {
    if (!this.holds(session)) return { kind: "superseded" };
    const account = guarded(() =>
      this.#database.prepare("SELECT passwords FROM accounts WHERE key = ?").get(fold(session.user))
    );
    const isOutdated = passwords !== undefined && Number(account?.passwords) > passwords;
    if (isOutdated) return { kind: "outdated" };
    return { kind: "held", session: this.#held.get(session.user, session.device)!.session, wasGone: false };
  }

  // deno-lint-ignore require-await
  async held(): Promise<Session[]> {
    return this.#held.list().map(({ attached: _, ...session }) => session);
  }

  // deno-lint-ignore require-await
  async revocable(user: string): Promise<string[]> {
    const held = this.#held.of(user).map(({ session }) => session.device);
    const records = this.#tokens.records(fold(user), this.#now()).map(({ device }) => device);
    return [...new Set([...held, ...records])].sort();
  }

  // deno-lint-ignore require-await
  async devices(user: string): Promise<DeviceState[]> {
    return this.#held.of(user).map(toState);
  }

  // deno-lint-ignore require-await
  async online(): Promise<string[]> {
    return this.#held.users();
  }

  // deno-lint-ignore require-await
  async countOnline(users: readonly string[]): Promise<number> {
    return users.filter((user) => this.#held.has(user)).length;
  }

  // deno-lint-ignore require-await
  async rooms(): Promise<Map<string, number>> {
    return this.#held.rooms();
  }

  // deno-lint-ignore require-await
  async members(room: string): Promise<string[]> {
    return this.#held.members(room);
  }

  /** See {@linkcode members}. */
  membersOf(room: string): string[] {
    return this.#held.members(room);
  }

  /** Notes that a user was removed from a room; the user's sessions leave it, or enter it again. */
  strike(room: string, user: string): void {
    this.#held.strike(room, user);
  }

  /** Whether a user is in the room. */
  isIn(room: string, user: string): boolean {
    return this.#held.isIn(room, user);
  }

  /** Whether anybody is in the room. */
  isUsed(room: string): boolean {
    return this.#held.isUsed(room);
  }

  /** Every session, and whether its connection is there. */
  list(): DeviceState[] {
    return this.#held.list();
  }

  /** What a user said on going away; undefined where the user is not. */
  awayOf(user: string): string | undefined {
    return this.#away.get(fold(user));
  }

  /** See {@linkcode Accounts.setAway}. */
  setAway(user: string, away: string | undefined, session: Session | undefined): boolean {
    const key = fold(user);
    if (session ? !this.holds(session) : !this.#held.has(user)) return false;
    guarded(() => this.#tokens.setAway(key, away));
    if (away === undefined) this.#away.delete(key);
    else this.#away.set(key, away);
    return true;
  }

  /** Whether the session is still the one that its connection claimed. */
  holds({ user, device, connection }: Session): boolean {
    return this.#held.get(user, device)?.session.connection === connection;
  }

  /** Whether the user is in the room by this very session. */
  mayWrite(session: Session, room: string | undefined): boolean {
    const held = this.#held.get(session.user, session.device)?.session;
    return held?.claim === session.claim && (room === undefined || held.rooms.includes(room));
  }
}

function toSession({ session }: Held): Session {
  return session;
}
