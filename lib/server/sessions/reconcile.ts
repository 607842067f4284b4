/**
 * Makes the store and the connections of this server agree on sessions again, after an outage.
 */

import { ChatError } from "../../common/errors.ts";
import type { Session } from "../../store/sessions.ts";
import type { Store } from "../../store/store.ts";
import type { SessionEnds } from "./session_ends.ts";
import type { UserSession } from "./user_session.ts";
import { forcedLogout, type LocalSessions, passwordChanged, sessionLost, tokenOver } from "./local_sessions.ts";
import type { SystemEvent } from "../../wire/event.ts";

/** Settings and ports of a reconciler. */
export interface ReconcileOptions {
  readonly store: Store;
  readonly ends: SessionEnds;
  readonly sessions: LocalSessions;
  /** Told what failed because the store was away. */
  readonly onFault: (what: string, error: unknown) => void;
}

/** The last line of a side connection whose account was disabled meanwhile. */
const disabled: SystemEvent = { type: "system", code: "forced_logout", message: "Your account was disabled." };

/** The last line of a session that the store does not hold again, by the reason. */
const lastLines = {
  superseded: forcedLogout,
  disabled,
  outdated: passwordChanged,
  lost: sessionLost,
  token_over: tokenOver,
} as const;

/** How many sessions are reasserted at the same time. */
const atOnce = 200;

/**
 * What the owner of sessions does after the store was away or came back with older data, or after other servers took
 * this one for dead.
 *
 * 1. A connection whose session another one has claimed since is closed. The store holds the session of any other again.
 * 2. A session that is held again has a new claim. Nothing is published with it before all that was published with the
 *    old one is answered: of one connection's messages, none fails and lets a later one pass.
 * 3. One run at a time: two runs for the same session would not know of each other's claim.
 */
export class Reconciler {
  readonly #options: ReconcileOptions;
  readonly #rechecked = new Set<UserSession>();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ReconcileOptions) {
    this.#options = options;
  }

  /**
   * Makes the store hold the sessions of this server's connections; closes the connections whose sessions another one
   * has claimed since.
   *
   * @throws {ChatError} `store_unavailable`
   */
  all(): Promise<void> {
    return this.#inTurn(() => this.#all());
  }

  /**
   * Starts to look for a session that the store does not know. Either another connection has claimed it, and this one is
   * closed; or this server was taken for dead and the session ended, and the store is made to hold it again.
   *
   * @returns what to answer; a client that sends again keeps its messages' order, since those behind are refused too
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

  /** Renews the lease first: nobody would sweep a session of a server without one. */
  async #lookFor(session: UserSession, record: Session | undefined): Promise<void> {
    const lease = await this.#options.store.servers.renew();
    if (lease === "expired") await this.#all();
    // Unless it was reasserted since the recheck began.
    else if (lease === "kept" && session.record === record) await this.#reassert(session);
  }

  /** @param unseen rooms that were told that the user left, since the store had lost the session */
  async #reassert(session: UserSession, unseen: readonly string[] = []): Promise<void> {
    const { store, ends, sessions } = this.#options;
    const { record, connectionId, tokenHash, passwords, created } = session;
    if (await this.#isTokenOver(session)) return await this.#dismiss(session, record, "token_over");
    if (!record) return await this.#checkSide(session);
    const asserted = await store.sessions.reassert(record, { tokenHash, passwords, created });
    if (!sessions.isKnown(connectionId)) { // its client went meanwhile
      const held = asserted.kind === "held" ? asserted.session : record;
      return ends.enqueue(held, session.loggedOut ? session.tokenHash : undefined);
    }
    // The session itself has changed the password meanwhile.
    if (asserted.kind === "outdated" && session.passwords > passwords) return await this.#reassert(session, unseen);
    if (asserted.kind !== "held") return await this.#dismiss(session, record, asserted.kind);
    const { session: held, wasGone } = asserted;
    const untold = wasGone ? held.rooms : unseen.filter((room) => held.rooms.includes(room));
    await session.answered();
    // It has joined or left a room meanwhile, and the store may hold it in the earlier ones again.
    if (session.record !== record) return await this.#reassert(session, untold);
    session.reasserted(held);
    await ends.announceAll(held, "joined", untold);
  }

  /** Closes a connection whose session the store does not hold again, and ends what is left of it there. */
  async #dismiss(
    { connectionId }: UserSession,
    record: Session | undefined,
    reason: keyof typeof lastLines,
  ): Promise<void> {
    const { ends, sessions } = this.#options;
    sessions.dismiss(connectionId, lastLines[reason]);
    if (!record) return;
    ends.enqueue(record);
    if (reason === "lost") await ends.announceOffline(record); // nobody else can
  }

  /** Whether what the connection began with was revoked, or has expired, without this server's hearing. */
  async #isTokenOver({ user, access }: UserSession): Promise<boolean> {
    if (!access) return false;
    return !(await this.#options.store.accessTokens.list(user)).some(({ id }) => id === access.id);
  }

  /** Closes a side connection whose account was disabled, or whose password was changed, without this server's hearing. */
  async #checkSide(session: UserSession): Promise<void> {
    const { store, sessions } = this.#options;
    const account = await store.accounts.find(session.user);
    const isLost = account?.created !== session.created;
    if (!isLost && !account.disabled && (account.passwords ?? 0) <= session.passwords) return;
    sessions.dismiss(session.connectionId, isLost ? sessionLost : account.disabled ? disabled : passwordChanged);
  }
}
