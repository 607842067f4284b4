/**
 * How the store comes to hold the sessions that are connected here, after it was away, put back to older data, or this
 * server was thought dead; and how a session whose claim the store does not know is looked for.
 *
 * Promises:
 * 1. a connection whose session somebody has claimed since is closed, any other's session is there again;
 * 2. a session that is held again has a new claim. Nothing is published with it before all that was published with the
 *    old one is answered: of one connection's messages, none fails and lets a later one pass;
 * 3. one at a time: two for the same session would not know of each other's claim.
 */

import { ChatError } from "../../common/errors.ts";
import type { Session, Store } from "../../store/store.ts";
import type { SessionEnds } from "./session_ends.ts";
import type { UserSession } from "./user_session.ts";
import type { LocalSessions } from "./local_sessions.ts";

/** What it is made from. */
export interface ReconcileOptions {
  readonly store: Store;
  readonly ends: SessionEnds;
  readonly sessions: LocalSessions;
  /** Told of what could not be done because the store was away. */
  readonly onFault: (what: string, error: unknown) => void;
}

/** How many sessions are reasserted at the same time. */
const atOnce = 200;

/** See the file's promises. */
export class Reconciler {
  readonly #options: ReconcileOptions;
  readonly #rechecked = new Set<UserSession>();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ReconcileOptions) {
    this.#options = options;
  }

  /**
   * Makes the store hold the sessions that are connected here; those that somebody has claimed since are closed.
   *
   * @throws {ChatError} `store_unavailable`
   */
  all(): Promise<void> {
    return this.#inTurn(() => this.#all());
  }

  /**
   * The store does not know a session's record as its own: somebody has claimed it, or this server was thought dead and
   * the session ended. Which, is found out behind this: then the connection is closed, or the session is there again.
   *
   * @returns what to answer; a client that sends it again keeps its messages' order, since those behind are refused too
   */
  recheck(session: UserSession): ChatError {
    const { record } = session;
    if (!this.#rechecked.has(session) && this.#options.sessions.isAttached(session)) {
      this.#rechecked.add(session);
      this.#inTurn(() => this.#lookFor(session, record))
        .catch((error) => this.#options.onFault("reassert", error))
        .finally(() => this.#rechecked.delete(session));
    }
    return new ChatError("store_unavailable", "Your session is being looked for; try again");
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const run = this.#running.then(work);
    this.#running = run.catch(() => {});
    await run;
  }

  async #all(): Promise<void> {
    const { store, ends, sessions } = this.#options;
    const attached = sessions.attached();
    for (let start = 0; start < attached.length; start += atOnce) {
      await Promise.all(attached.slice(start, start + atOnce).map((session) => this.#reassert(session)));
    }
    // Older data may have brought back sessions that have ended.
    for (const session of await store.sessions.held()) if (!sessions.isKnown(session.connection)) ends.enqueue(session);
  }

  /** The lease comes first: a session of a server without one would be swept by nobody. */
  async #lookFor(session: UserSession, record: Session | undefined): Promise<void> {
    const lease = await this.#options.store.servers.renew();
    if (lease === "expired") await this.#all();
    // Unless it was reasserted since the recheck began.
    else if (lease === "kept" && session.record === record) await this.#reassert(session);
  }

  async #reassert(session: UserSession): Promise<void> {
    const { store, ends, sessions } = this.#options;
    const { record, connectionId, tokenHash } = session;
    if (!record) return;
    const asserted = await store.sessions.reassert(record, tokenHash);
    if (!sessions.isKnown(connectionId)) return ends.enqueue(asserted?.session ?? record); // it went meanwhile
    if (!asserted) return sessions.supersede(connectionId);
    await session.answered();
    // The session may have changed its room while this was under way; then the store knows better.
    if (session.record === record) session.reasserted(asserted.session);
    if (asserted.wasGone) await ends.announce(record.room, record.user, "joined", asserted.session.claim);
  }
}
