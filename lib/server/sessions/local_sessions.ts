/**
 * Which connection of this server is whose.
 *
 * A connection has its seat from before the store is asked for a session until that session has ended or gone to
 * another. So what befalls a session while its client is still entering finds the seat, and the client hears of it
 * instead of sitting down. The seat of a client that was cut off is kept while it may resume.
 */

import type { SystemEvent } from "../../wire/event.ts";
import { fold } from "../../wire/names.ts";
import type { UserSession } from "./user_session.ts";

/** What a connection is told, as its last line, whose session has gone to another. */
export const forcedLogout: SystemEvent = {
  type: "system",
  code: "forced_logout",
  message: "Logged in from another location.",
};

/** A seat, as whoever enters sees it. */
export interface Reservation {
  /** Whether the session has gone to another connection meanwhile. */
  readonly superseded: boolean;
  /** The last line of a client that was sent away meanwhile. */
  readonly expelled: SystemEvent | undefined;
}

interface LocalSession extends Reservation {
  /** Whose it is or will be, folded. */
  readonly user: string;
  /** Nobody as long as somebody is entering. */
  session: UserSession | undefined;
  superseded: boolean;
  expelled: SystemEvent | undefined;
  /** Running while the connection is gone and its client may resume. */
  grace: ReturnType<typeof setTimeout> | undefined;
}

/** See the file's first lines. */
export class LocalSessions {
  /** By connection. */
  readonly #sessions = new Map<string, LocalSession>();

  /** How many there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Takes a seat for a user who is entering on a connection, who then sits down or gives it up. */
  reserve(connection: string, user: string): Reservation {
    const local = { user: fold(user), session: undefined, superseded: false, expelled: undefined, grace: undefined };
    this.#sessions.set(connection, local);
    return local;
  }

  /** Makes somebody who has entered a member; only where nothing has befallen the session meanwhile. */
  attach(session: UserSession): void {
    const local = this.#sessions.get(session.connectionId);
    if (local) local.session = session; // a server that stops has cleared them
  }

  /** Keeps a member's seat though its connection is gone; after so many milliseconds it is given up, and that told. */
  keep({ connectionId: connection }: UserSession, ms: number, givenUp: () => void): void {
    const local = this.#sessions.get(connection);
    if (!local) return;
    local.grace = setTimeout(() => {
      this.release(connection);
      givenUp();
    }, ms);
  }

  /** Gives a connection's seat up, if it has one. */
  release(connection: string): void {
    clearTimeout(this.#sessions.get(connection)?.grace);
    this.#sessions.delete(connection);
  }

  /** Whether this server has the connection, or awaits its client. */
  isKnown(connection: string): boolean {
    return this.#sessions.has(connection);
  }

  /** Whether the member has its seat and its connection is there. */
  isAttached(session: UserSession): boolean {
    const local = this.#sessions.get(session.connectionId);
    return local?.session === session && local.grace === undefined;
  }

  /** The members whose connections are there. */
  attached(): UserSession[] {
    return [...this.#sessions.values()].flatMap(({ session, grace }) => grace === undefined ? session ?? [] : []);
  }

  /** Another connection has the session: tells this one, and closes it. */
  supersede(connection: string): void {
    const local = this.#sessions.get(connection);
    if (!local) return;
    local.superseded = true;
    if (!local.session) return; // still entering: it is told then
    this.release(connection);
    local.session.topics.stopAll();
    local.session.end(forcedLogout);
  }

  /**
   * Sends a user's clients away.
   *
   * @param last their last line
   * @returns how many connections were closed, and the members whose sessions are to end; a client that is still
   *   entering counts, and is told when it would sit down
   */
  expel(user: string, last: SystemEvent): { closed: number; sessions: UserSession[] } {
    let closed = 0;
    const sessions: UserSession[] = [];
    for (const [connection, local] of [...this.#sessions].filter(([, local]) => local.user === fold(user))) {
      const { session, grace } = local;
      if (grace === undefined) closed++;
      local.expelled = last;
      if (!session) continue;
      this.release(connection);
      session.end(last);
      sessions.push(session);
    }
    return { closed, sessions };
  }

  /** Gives all seats up. @returns the members whose connections are there */
  clear(): UserSession[] {
    const sessions = this.attached();
    for (const { grace } of this.#sessions.values()) clearTimeout(grace);
    this.#sessions.clear();
    return sessions;
  }
}
