/**
 * Who is logged in on which connection of this server, side connections included.
 */

import type { SystemEvent } from "../../wire/event.ts";
import { fold } from "../../wire/names.ts";
import type { UserSession } from "./user_session.ts";

/** The last line of a connection whose session another connection has taken. */
export const forcedLogout: SystemEvent = {
  type: "system",
  code: "forced_logout",
  message: "Logged in from another location.",
};

/** The last line of a connection whose user has revoked its device. */
export const deviceRevoked: SystemEvent = {
  type: "system",
  code: "forced_logout",
  message: "This device was revoked.",
};

/** The last line of a connection that began with a password which was changed since. */
export const passwordChanged: SystemEvent = {
  type: "system",
  code: "forced_logout",
  message: "Your password was changed; log in with the new one.",
};

/** The last line of a connection whose access token was revoked, or has expired. */
export const tokenOver: SystemEvent = {
  type: "system",
  code: "forced_logout",
  message: "The token that you logged in with was revoked, or has expired.",
};

/** The last line of a connection whose session and account the store has lost. */
export const sessionLost: SystemEvent = {
  type: "system",
  code: "session_lost",
  message: "The server's store has lost your session; log in again.",
  retry_after_ms: 0,
};

/** A reserved connection, as a login that is under way sees it. */
export interface Reservation {
  /** Whether another connection has taken the session meanwhile. */
  readonly superseded: boolean;
  /** The last line of the client, if it was expelled meanwhile. */
  readonly expelled: SystemEvent | undefined;
}

/** Whose login a connection is reserved for. */
export interface Login {
  readonly user: string;
  readonly device: string;
  /** How often the password had been changed when it was checked, or when the resume token was. */
  readonly passwords: number;
  readonly side: boolean;
  /** The id of the access token that it begins with, if it does. */
  readonly access?: string | undefined;
}

/** Which of a user's connections are closed: all, unless something is given. */
export interface Expelled {
  /** Spares those that began when the password had been changed so often, or more often. */
  readonly before?: number | undefined;
  /** Only the side connection of this name. */
  readonly side?: string | undefined;
  /** Only those that began with the access token of this id. */
  readonly access?: string | undefined;
}

interface LocalSession extends Reservation {
  readonly login: Login;
  /** Undefined while the login is under way. */
  session: UserSession | undefined;
  superseded: boolean;
  expelled: SystemEvent | undefined;
  /** Runs while the connection is gone and its client may resume. */
  grace: ReturnType<typeof setTimeout> | undefined;
}

/**
 * The logins of this server's connections, with sessions or on the side: those that they have, are about to have, or had
 * until a moment ago.
 *
 * 1. A login reserves its connection before it asks the store for the session. So an eviction that comes meanwhile finds
 *    the reservation, and the client is told instead of logged in.
 * 2. A connection is released when its session has ended or another connection has taken it.
 * 3. The session of a client that was cut off is kept for as long as the client may resume.
 */
export class LocalSessions {
  /** By connection. */
  readonly #sessions = new Map<string, LocalSession>();

  /** How many sessions there are, reserved and kept ones among them; side connections have none. */
  get size(): number {
    let sides = 0;
    for (const { login } of this.#sessions.values()) if (login.side) sides++;
    return this.#sessions.size - sides;
  }

  /** How many connections of a user there are, logins under way among them. */
  connectionsOf(user: string): number {
    let count = 0;
    const name = fold(user);
    for (const { login, grace } of this.#sessions.values()) {
      if (grace === undefined && fold(login.user) === name) count++;
    }
    return count;
  }

  /** Reserves a connection for a login, which then attaches or releases it. */
  reserve(connection: string, login: Login): Reservation {
    const local = { login, session: undefined, superseded: false, expelled: undefined, grace: undefined };
    this.#sessions.set(connection, local);
    return local;
  }

  /** Attaches a session to its connection; not where the reservation was superseded or expelled meanwhile. */
  attach(session: UserSession): void {
    const local = this.#sessions.get(session.connectionId);
    if (local) local.session = session; // a server that stops has cleared them
  }

  /**
   * Keeps a session whose connection is gone, then releases it.
   *
   * @param ms for how long, in milliseconds
   * @param released called then, unless the session was released before
   */
  keep({ connectionId: connection }: UserSession, ms: number, released: () => void): void {
    const local = this.#sessions.get(connection);
    if (!local) return;
    local.grace = setTimeout(() => {
      this.release(connection);
      released();
    }, ms);
  }

  /** Forgets a connection, if it is known. */
  release(connection: string): void {
    clearTimeout(this.#sessions.get(connection)?.grace);
    this.#sessions.delete(connection);
  }

  /** Whether this server has the connection, or waits for its client to resume. */
  isKnown(connection: string): boolean {
    return this.#sessions.has(connection);
  }

  /** Whether the session is attached and its connection is there. */
  isAttached(session: UserSession): boolean {
    const local = this.#sessions.get(session.connectionId);
    return local?.session === session && local.grace === undefined;
  }

  /** All that are logged in and whose connections are there, side connections included. */
  attached(): UserSession[] {
    return [...this.#sessions.values()].flatMap(({ session, grace }) => grace === undefined ? session ?? [] : []);
  }

  /** Tells a connection that it has its session no longer, and closes it. @param last its last line */
  supersede(connection: string, last = forcedLogout): void {
    const local = this.#sessions.get(connection);
    if (!local) return;
    local.superseded = true;
    if (local.session) this.dismiss(connection, last); // else the login finds it superseded
  }

  /** Tells a connection why it has no session any more, and closes it. */
  dismiss(connection: string, last: SystemEvent): void {
    const session = this.#sessions.get(connection)?.session;
    if (!session) return;
    this.release(connection);
    session.stop();
    session.end(last);
  }

  /** The sessions of a user whose connections are there; side connections have none. */
  sessionsOf(user: string): UserSession[] {
    return this.#attachedOf(user).filter(({ side }) => !side);
  }

  /** The side connections of a user. */
  sidesOf(user: string): UserSession[] {
    return this.#attachedOf(user).filter(({ side }) => side);
  }

  #attachedOf(user: string): UserSession[] {
    return this.attached().filter((session) => fold(session.user) === fold(user));
  }

  /**
   * Closes a user's connections.
   *
   * @param last their last line
   * @returns how many connections were closed, and the sessions that are to end; a login that is under way counts, and
   *   its client is told instead of logged in
   */
  expel(
    user: string,
    last: SystemEvent,
    { before = Infinity, side, access }: Expelled = {},
  ): { closed: number; sessions: UserSession[] } {
    let closed = 0;
    const sessions: UserSession[] = [];
    for (const [connection, local] of [...this.#sessions]) {
      const { login, session, grace } = local;
      if (fold(login.user) !== fold(user) || (session ?? login).passwords >= before) continue;
      if (side !== undefined && !(login.side && login.device === side)) continue;
      if (access !== undefined && login.access !== access) continue;
      if (grace === undefined) closed++;
      local.expelled = last;
      if (!session) continue;
      this.release(connection);
      session.end(last);
      sessions.push(session);
    }
    return { closed, sessions };
  }

  /** Forgets all. @returns the sessions whose connections are there */
  clear(): UserSession[] {
    const sessions = this.attached();
    for (const { grace } of this.#sessions.values()) clearTimeout(grace);
    this.#sessions.clear();
    return sessions;
  }
}
