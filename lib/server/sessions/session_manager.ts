/**
 * All sessions of a server, from the login to the end.
 */

import type { ChatError } from "../../common/errors.ts";
import type { Departure, ServerSignal } from "../../store/servers.ts";
import type { Store } from "../../store/store.ts";
import type { SystemEvent } from "../../wire/event.ts";
import { SessionEnds } from "./session_ends.ts";
import { type LoginOptions, Logins } from "./login.ts";
import type { UserSession } from "./user_session.ts";
import { Reconciler } from "./reconcile.ts";
import { hashToken, makeToken } from "./resume_token.ts";
import { LocalSessions } from "./local_sessions.ts";

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
  readonly #store: Store;
  readonly #onFault: (what: string, error: unknown) => void;
  readonly #local = new LocalSessions();
  readonly #ends: SessionEnds;
  readonly #reconciler: Reconciler;

  constructor(options: LoginOptions) {
    const { store, onFault } = options;
    this.#store = store;
    this.#onFault = onFault;
    this.#ends = new SessionEnds(store, onFault);
    this.#reconciler = new Reconciler({ store, ends: this.#ends, sessions: this.#local, onFault });
    this.login = new Logins(options, this.#local, this.#ends);
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
    if (!session.record || session.format !== "json") return undefined;
    const token = makeToken(session.user);
    const hash = await hashToken(token);
    // First, so that a store which is away meanwhile is never given the earlier token again.
    session.tokenHash = hash;
    return await this.#store.sessions.renewToken(session.record, hash) ? token : undefined;
  }

  /**
   * Ends a session at its user's wish.
   *
   * @param revoke whether its resume tokens end with it
   */
  async leave(session: UserSession, revoke: boolean): Promise<void> {
    const positions = session.topics.positions();
    session.topics.stopAll();
    this.#local.release(session.connectionId);
    // With its token it may come back, and then it goes on from here.
    if (session.record && !revoke && session.format === "json") {
      await this.#store.sessions.savePositions(session.record, positions).catch((error) =>
        this.#onFault("stand", error)
      );
    }
    await this.#end(session, revoke);
  }

  /**
   * Handles the loss of a session's connection. A JSON client has {@linkcode resumeGraceMs} to resume before its room
   * hears that it left; a text client has left.
   */
  async drop(session: UserSession): Promise<void> {
    const { record, connectionId } = session;
    if (!record || !this.#local.isKnown(connectionId)) {
      session.topics.stopAll();
      return;
    }
    if (session.format === "text") {
      this.#local.release(connectionId);
      return await this.#end(session, false);
    }
    const positions = session.topics.positions();
    session.topics.stopAll();
    this.#local.keep(session, resumeGraceMs, () => void this.#end(session, false));
    try {
      await this.#store.sessions.savePositions(record, positions);
      await this.#store.sessions.detach(record);
    } catch (error) {
      this.#onFault("detach", error);
    }
  }

  /**
   * Ends a user's sessions here, with their resume tokens, and tells their clients why.
   *
   * @param last the clients' last line
   * @returns how many connections were closed
   */
  async expel(user: string, last: SystemEvent): Promise<number> {
    const { closed, sessions } = this.#local.expel(user, last);
    await Promise.all(sessions.map((session) => this.#end(session, true)));
    return closed;
  }

  /** Takes another server's signal. */
  hear(signal: ServerSignal): void {
    if (signal.kind === "evict") this.#local.supersede(signal.connection);
    else if (signal.kind === "missed") this.reassert().catch((error) => this.#onFault("reassert", error));
  }

  /** Reconciles all sessions with the store, see {@linkcode Reconciler.all}. @throws {ChatError} `store_unavailable` */
  reassert(): Promise<void> {
    return this.#reconciler.all();
  }

  /** Looks for a session that the store does not know, see {@linkcode Reconciler.recheck}. @returns what to answer */
  recheck(session: UserSession): ChatError {
    return this.#reconciler.recheck(session);
  }

  /** Ends the sessions that were to end while the store was away. @throws {ChatError} `store_unavailable` */
  drainEnds(): Promise<void> {
    return this.#ends.drain();
  }

  /** Tells rooms of users who were lost with their server. */
  async announceDepartures(departures: readonly Departure[]): Promise<void> {
    await Promise.all(departures.map(({ user, room, claim }) => this.#ends.announce(room, user, "left", claim)));
  }

  /** Tells two rooms that a user has moved from one to the other. */
  async moved(session: UserSession, left: string): Promise<void> {
    if (!session.record) return;
    const { user, record: { claim, room } } = session;
    await Promise.all([
      this.#ends.announce(left, user, "left", claim),
      this.#ends.announce(room, user, "joined", claim),
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
        session.topics.stopAll();
        if (session.format === "text") return await this.#end(session, false);
        try {
          await session.remember(positions);
          await this.#store.sessions.detach(session.record!);
        } catch (error) {
          this.#onFault("detach", error);
        }
      }),
    );
  }

  async #end(session: UserSession, revoke: boolean): Promise<void> {
    session.topics.stopAll();
    if (session.record) await this.#ends.end(session.record, revoke);
  }
}
