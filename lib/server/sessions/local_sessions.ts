/**
 * Which connection of this server is whose.
 *
 * A connection has its seat from before the store is asked for a session until that session has ended or gone to
 * another. So what befalls a session while its client is still entering finds the seat, and the client hears of it
 * instead of sitting down. The seat of a client that was cut off is kept while it may resume.
 */

import type { SystemEvent } from "../../wire/event.ts";
import { fold } from "../../wire/names.ts";
import type { Member } from "./user_session.ts";

/** What a connection is told, as its last line, whose session has gone to another. */
export const forcedLogout: SystemEvent = {
  type: "system",
  code: "forced_logout",
  message: "Logged in from another location.",
};

/** A seat, as whoever enters sees it. */
export interface Seat {
  /** Whether the session has gone to another connection meanwhile. */
  readonly superseded: boolean;
  /** The last line of a client that was sent away meanwhile. */
  readonly expelled: SystemEvent | undefined;
}

interface Held extends Seat {
  /** Whose it is or will be, folded. */
  readonly user: string;
  /** Nobody as long as somebody is entering. */
  member: Member | undefined;
  superseded: boolean;
  expelled: SystemEvent | undefined;
  /** Running while the connection is gone and its client may resume. */
  grace: ReturnType<typeof setTimeout> | undefined;
}

/** See the file's first lines. */
export class Seats {
  /** By connection. */
  readonly #seats = new Map<string, Held>();

  /** How many there are. */
  get size(): number {
    return this.#seats.size;
  }

  /** Takes a seat for a user who is entering on a connection, who then sits down or gives it up. */
  take(connection: string, user: string): Seat {
    const seat = { user: fold(user), member: undefined, superseded: false, expelled: undefined, grace: undefined };
    this.#seats.set(connection, seat);
    return seat;
  }

  /** Makes somebody who has entered a member; only where nothing has befallen the session meanwhile. */
  sit(member: Member): void {
    const seat = this.#seats.get(member.connection);
    if (seat) seat.member = member; // a server that stops has cleared them
  }

  /** Keeps a member's seat though its connection is gone; after so many milliseconds it is given up, and that told. */
  keep({ connection }: Member, ms: number, givenUp: () => void): void {
    const seat = this.#seats.get(connection);
    if (!seat) return;
    seat.grace = setTimeout(() => {
      this.giveUp(connection);
      givenUp();
    }, ms);
  }

  /** Gives a connection's seat up, if it has one. */
  giveUp(connection: string): void {
    clearTimeout(this.#seats.get(connection)?.grace);
    this.#seats.delete(connection);
  }

  /** Whether this server has the connection, or awaits its client. */
  isKnown(connection: string): boolean {
    return this.#seats.has(connection);
  }

  /** Whether the member has its seat and its connection is there. */
  isSeated(member: Member): boolean {
    const seat = this.#seats.get(member.connection);
    return seat?.member === member && seat.grace === undefined;
  }

  /** The members whose connections are there. */
  seated(): Member[] {
    return [...this.#seats.values()].flatMap(({ member, grace }) => grace === undefined ? member ?? [] : []);
  }

  /** Another connection has the session: tells this one, and closes it. */
  supersede(connection: string): void {
    const seat = this.#seats.get(connection);
    if (!seat) return;
    seat.superseded = true;
    if (!seat.member) return; // still entering: it is told then
    this.giveUp(connection);
    seat.member.following.stopAll();
    seat.member.end(forcedLogout);
  }

  /**
   * Sends a user's clients away.
   *
   * @param last their last line
   * @returns how many connections were closed, and the members whose sessions are to end; a client that is still
   *   entering counts, and is told when it would sit down
   */
  expel(user: string, last: SystemEvent): { closed: number; members: Member[] } {
    let closed = 0;
    const members: Member[] = [];
    for (const [connection, seat] of [...this.#seats].filter(([, seat]) => seat.user === fold(user))) {
      const { member, grace } = seat;
      if (grace === undefined) closed++;
      seat.expelled = last;
      if (!member) continue;
      this.giveUp(connection);
      member.end(last);
      members.push(member);
    }
    return { closed, members };
  }

  /** Gives all seats up. @returns the members whose connections are there */
  clear(): Member[] {
    const members = this.seated();
    for (const { grace } of this.#seats.values()) clearTimeout(grace);
    this.#seats.clear();
    return members;
  }
}
