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
import type { Endings } from "./session_ends.ts";
import type { Member } from "./user_session.ts";
import type { Seats } from "./local_sessions.ts";

/** What it is made from. */
export interface ReassertionOptions {
  readonly store: Store;
  readonly endings: Endings;
  readonly seats: Seats;
  /** Told of what could not be done because the store was away. */
  readonly onFault: (what: string, error: unknown) => void;
}

/** How many sessions are reasserted at the same time. */
const atOnce = 200;

/** See the file's promises. */
export class Reassertion {
  readonly #options: ReassertionOptions;
  readonly #doubted = new Set<Member>();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ReassertionOptions) {
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
   * The store does not know a member's session as its own: somebody has claimed it, or this server was thought dead and
   * the session ended. Which, is found out behind this: then the connection is closed, or the session is there again.
   *
   * @returns what to answer; a client that sends it again keeps its messages' order, since those behind are refused too
   */
  doubt(member: Member): ChatError {
    const { session } = member;
    if (!this.#doubted.has(member) && this.#options.seats.isSeated(member)) {
      this.#doubted.add(member);
      this.#inTurn(() => this.#lookFor(member, session))
        .catch((error) => this.#options.onFault("reassert", error))
        .finally(() => this.#doubted.delete(member));
    }
    return new ChatError("store_unavailable", "Your session is being looked for; try again");
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const run = this.#running.then(work);
    this.#running = run.catch(() => {});
    await run;
  }

  async #all(): Promise<void> {
    const { store, endings, seats } = this.#options;
    const members = seats.seated();
    for (let start = 0; start < members.length; start += atOnce) {
      await Promise.all(members.slice(start, start + atOnce).map((member) => this.#reassert(member)));
    }
    // Older data may have brought back sessions that have ended.
    for (const session of await store.sessions.held()) if (!seats.isKnown(session.connection)) endings.owe(session);
  }

  /** The lease comes first: a session of a server without one would be swept by nobody. */
  async #lookFor(member: Member, doubted: Session | undefined): Promise<void> {
    const lease = await this.#options.store.servers.renew();
    if (lease === "expired") await this.#all();
    // Unless it was reasserted since it was doubted.
    else if (lease === "kept" && member.session === doubted) await this.#reassert(member);
  }

  async #reassert(member: Member): Promise<void> {
    const { store, endings, seats } = this.#options;
    const { session, connection, tokenHash } = member;
    if (!session) return;
    const asserted = await store.sessions.reassert(session, tokenHash);
    if (!seats.isKnown(connection)) return endings.owe(asserted?.session ?? session); // it went meanwhile
    if (!asserted) return seats.supersede(connection);
    await member.answered();
    // The member may have changed its room while this was under way; then the store knows better.
    if (member.session === session) member.reasserted(asserted.session);
    if (asserted.wasGone) await endings.announce(session.room, session.user, "joined", asserted.session.claim);
  }
}
