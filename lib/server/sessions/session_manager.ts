/**
 * All sessions of a server, from the login to the end.
 */

import { encodePositions } from "../../store/log_position.ts";
import type { ChatError } from "../../common/errors.ts";
import type { Departure, ServerSignal, SideConnection, UserEvent } from "../../store/servers.ts";
import type { Store } from "../../store/store.ts";
import type { SystemEvent } from "../../wire/event.ts";
import { fold } from "../../wire/names.ts";
import { ownChangeText } from "../../wire/room_text.ts";
import { SessionEnds } from "./session_ends.ts";
import { type LoginOptions, Logins } from "./login.ts";
import type { UserSession } from "./user_session.ts";
import { Expulsions } from "./expulsions.ts";
import { Reconciler } from "./reconcile.ts";
import { hashToken, makeToken } from "./resume_token.ts";
import { type DeviceLine, Devices } from "./devices.ts";
import { type Expelled, LocalSessions } from "./local_sessions.ts";

/** How long a dropped client's session is kept before its room hears that it left, in milliseconds. */
export const resumeGraceMs = 5_000;

/**
 * Ends, keeps, moves and reconciles the sessions that connections of this server hold.
 *
 * The store decides which sessions there are. When one of them ends here, its rooms are told, if need be when the store
 * is back; the session of a client that was cut off is kept for {@linkcode resumeGraceMs}.
 */
export class SessionManager {
  /** Login, resume and side logins. */
  readonly login: Logins;
  readonly #serverId: string;
  readonly #store: Store;
  readonly #onFault: (what: string, error: unknown) => void;
  readonly #local = new LocalSessions();
  readonly #ends: SessionEnds;
  readonly #expulsions: Expulsions;
  readonly #reconciler: Reconciler;
  readonly #devices: Devices;

  constructor(options: LoginOptions) {
    const { serverId, store, onFault } = options;
    this.#serverId = serverId;
    this.#store = store;
    this.#onFault = onFault;
    this.#ends = new SessionEnds(store, onFault);
    this.#expulsions = new Expulsions({ store, local: this.#local, ends: this.#ends, onFault });
    this.#reconciler = new Reconciler({ store, ends: this.#ends, sessions: this.#local, onFault });
    this.login = new Logins(options, this.#local, this.#ends);
    this.#devices = new Devices({ serverId, store, local: this.#local, ends: this.#ends });
  }

  /** How many sessions this server holds, with logins that are under way. */
  get size(): number {
    return this.#local.size;
  }

  /**
   * Gives a session a new resume token; earlier ones are worth nothing then.
   *
   * @returns the token; undefined for text and side connections, and where the store does not know the session
   * @throws {ChatError} `store_unavailable`
   */
  async renewToken(session: UserSession): Promise<string | undefined> {
    if (!session.record) return undefined;
    const token = makeToken(session.user, session.device, session.access?.id);
    const hash = await hashToken(token);
    // First, so that a store which is away meanwhile is never given the earlier token again.
    session.tokenHash = hash;
    const renewed = await this.#store.sessions.renewToken(session.record, hash);
    return renewed && session.format === "json" ? token : undefined;
  }

  /**
   * Goes on with a session that has changed its user's password, and ends whatever the user began with an earlier one, on
   * every server. When this resolves, nothing of that takes effect any more, as far as servers could be asked.
   *
   * @param passwords how often the password was changed by now
   * @returns the session's new resume token, as {@linkcode renewToken} gives it
   * @throws {ChatError} `store_unavailable`
   */
  async passwordChanged(session: UserSession, passwords: number): Promise<string | undefined> {
    session.passwords = passwords;
    const token = this.renewToken(session);
    token.catch(() => {}); // an await of it throws
    await this.#expulsions.afterPassword(session.user, passwords);
    return await token;
  }

  /**
   * Ends a session at its user's wish. The user is logged out in any case; what the store could not be told because it
   * was away, it is told when it is back.
   *
   * @param revoke whether its resume tokens end with it
   * @returns whether the store was told: until it is, a token that was to end may be used
   */
  async leave(session: UserSession, revoke: boolean): Promise<boolean> {
    session.loggedOut = revoke;
    const positions = session.topics.positions();
    session.stop();
    this.#local.release(session.connectionId);
    // With its token it may come back, and then it goes on from here.
    if (session.record && !revoke && session.format === "json") {
      await this.#store.sessions.savePositions(session.record, encodePositions(positions)).catch((error) =>
        this.#onFault("stand", error)
      );
    }
    return await this.#end(session);
  }

  /**
   * Handles the loss of a session's connection. A JSON client has {@linkcode resumeGraceMs} to resume before its room
   * hears that it left; a text client has left.
   */
  async drop(session: UserSession): Promise<void> {
    const { record, connectionId } = session;
    if (!record || !this.#local.isKnown(connectionId)) {
      if (!record) this.#local.release(connectionId);
      session.stop();
      return;
    }
    if (session.format === "text") {
      this.#local.release(connectionId);
      return void await this.#end(session);
    }
    const positions = session.topics.positions();
    session.stop();
    this.#local.keep(session, resumeGraceMs, () => void this.#end(session));
    try {
      await this.#store.sessions.savePositions(record, encodePositions(positions));
      await this.#store.sessions.detach(record);
    } catch (error) {
      this.#onFault("detach", error);
    }
  }

  /** Ends a user's connections here, see {@linkcode Expulsions.here}. @returns how many were closed */
  expel(user: string, last: SystemEvent, which?: Expelled): Promise<number> {
    return this.#expulsions.here(user, last, which);
  }

  /**
   * Ends what the user of a deleted account has, on every server, and last the session itself. Never fails: where the store
   * is away, servers look for the account when it is back.
   *
   * @param passwords how often the password counts as changed by now
   */
  async accountDeleted(session: UserSession, passwords: number): Promise<void> {
    session.passwords = passwords;
    await this.#expulsions.afterDeletion(session.user, passwords).catch((error) => this.#onFault("expel", error));
    await this.leave(session, true);
  }

  /** Has this server read what was said by users of deleted accounts under their new names. */
  loadDeleted(): Promise<void> {
    return this.#store.accounts.loadDeleted();
  }

  /** Ends what began with an access token, on every server, see {@linkcode Expulsions.afterToken}. */
  tokenRevoked(user: string, access: string): Promise<void> {
    return this.#expulsions.afterToken(user, access);
  }

  /** See {@linkcode Devices.list}. */
  devices(session: UserSession): Promise<readonly DeviceLine[]> {
    return this.#devices.list(session);
  }

  /** See {@linkcode Devices.revoke}. */
  revoke(session: UserSession, device: string | undefined): Promise<readonly string[]> {
    return this.#devices.revoke(session, device);
  }

  /** The user's side connections on this server. */
  sidesHere(user: string): SideConnection[] {
    return this.#devices.sidesHere(user);
  }

  /** Tells a user's sessions on every server of something, but for the connection that did it; best effort. */
  async tell(user: string, event: UserEvent, except = ""): Promise<void> {
    await this.#signalAll({ kind: "tell", user, event, except });
  }

  /** Tells everybody who is logged in on any server of something; best effort. */
  async tellAll(event: UserEvent): Promise<void> {
    await this.#signalAll({ kind: "tell_all", event });
  }

  /** Tells the service's moderators of something who are logged in on any server, and some others; best effort. */
  async tellModerators(event: UserEvent, also: readonly string[]): Promise<void> {
    await this.#signalAll({ kind: "tell_moderators", event, also });
  }

  async #signalAll(signal: ServerSignal): Promise<void> {
    this.hear(signal);
    try {
      const others = (await this.#store.admin.servers()).filter(({ id }) => id !== this.#serverId);
      await Promise.all(others.map(({ id }) => this.#store.servers.signal(id, signal)));
    } catch (error) {
      this.#onFault("tell", error);
    }
  }

  /** Takes another server's signal. */
  hear(signal: ServerSignal): void {
    if (signal.kind === "evict") this.#local.supersede(signal.connection, signal.last);
    else if (signal.kind === "tell") {
      for (const session of this.#local.sessionsOf(signal.user)) {
        if (session.connectionId !== signal.except) tellOne(session, signal.event);
      }
    } else if (signal.kind === "tell_all") {
      for (const session of this.#local.attached()) tellOne(session, signal.event);
    } else if (signal.kind === "tell_moderators") {
      const also = new Set(signal.also.map(fold));
      for (const session of this.#local.attached()) {
        if (!session.side && (session.role !== "user" || also.has(fold(session.user)))) tellOne(session, signal.event);
      }
    } else if (signal.kind === "missed") this.reassert().catch((error) => this.#onFault("reassert", error));
  }

  /** Reconciles all sessions with the store, see {@linkcode Reconciler.all}. @throws {ChatError} `store_unavailable` */
  reassert(): Promise<void> {
    return this.#reconciler.all();
  }

  /** Looks for a session that the store does not know, see {@linkcode Reconciler.recheck}. @returns what to answer */
  recheck(session: UserSession): ChatError {
    return this.#reconciler.recheck(session);
  }

  /** Ends what was to end while the store was away. @throws {ChatError} `store_unavailable` */
  async drainEnds(): Promise<void> {
    await Promise.all([this.#ends.drain(), this.#expulsions.drain()]);
  }

  /** Tells rooms of users who were lost with their server. */
  async announceDepartures(departures: readonly Departure[]): Promise<void> {
    await Promise.all(departures.map(({ user, room, claim, offline }) => {
      return this.#ends.announce(room, { user, state: "left", claim, ...(offline ? { offline } : {}) });
    }));
  }

  /** All that are logged in on this server and whose connections are there, side connections included. */
  attached(): UserSession[] {
    return this.#local.attached();
  }

  /** Tells rooms that a user has left and joined them. */
  async moved({ record }: UserSession, left: readonly string[], joined: readonly string[]): Promise<void> {
    if (!record) return;
    await Promise.all([
      this.#ends.announceAll(record, "left", left),
      this.#ends.announceAll(record, "joined", joined),
    ]);
  }

  /**
   * Releases all sessions, before the server stops: text clients leave; what JSON clients have read is saved, so that
   * they can resume at another server.
   */
  async release(): Promise<void> {
    // The positions of those whose connections are gone are saved already.
    await Promise.all(
      this.#local.clear().map(async (session) => {
        const positions = session.topics.positions();
        session.stop();
        if (session.format === "text" || session.side) return void await this.#end(session);
        try {
          await session.remember(positions);
          await this.#store.sessions.detach(session.record!);
        } catch (error) {
          this.#onFault("detach", error);
        }
      }),
    );
    await this.#ends.drain().catch((error) => this.#onFault("end", error));
    const { unrevoked } = this.#ends;
    if (unrevoked.length > 0) {
      this.#onFault("revoke", new Error(`the resume tokens of ${unrevoked.join(", ")} are good until they expire`));
    }
  }

  async #end(session: UserSession): Promise<boolean> {
    session.stop();
    const { record, loggedOut, tokenHash, format, device } = session;
    // Nobody has the token of a text connection, and nobody else will have the device that was made up for it.
    const revoke = loggedOut || (format === "text" && device !== "");
    return !record || await this.#ends.end(record, revoke ? tokenHash : undefined);
  }
}

/** Tells a session of something that is about its user; a person reads what the others are not told. */
function tellOne(session: UserSession, event: UserEvent): void {
  if (event.type !== "room_changed" || session.format === "json") return session.tell(event);
  const message = ownChangeText(event);
  session.tell(message === undefined ? event : { type: "system", code: "notice", message });
}
