/**
 * Joins and leaves, on the way to the users in a room.
 */

import { roomTopic, type Topic } from "../../wire/names.ts";
import type { Follower } from "./hub.ts";
import type { PresenceEvent } from "../../wire/event.ts";

/** The part of the hub that presence needs. */
export interface PresenceOutlet {
  /** How many connections follow the topic. */
  count(topic: Topic): number;
  /** Delivers an event to all but those that it skips. */
  deliver(topic: Topic, event: PresenceEvent, seq: undefined, skips: (follower: Follower) => boolean): void;
}

type State = PresenceEvent["state"];

/** A room with more connections of this server than this is a crowd. */
export const crowd = 100;

/** How long the joins and leaves of a crowd are gathered, in milliseconds. */
export const gatherMs = 1_000;

/** A timer: calls `work` after so many milliseconds, unless the function that it returns is called before. */
export type Later = (work: () => void, ms: number) => () => void;

const later: Later = (work, ms) => {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
};

/**
 * Tells rooms who joins and leaves.
 *
 * A small room is told at once. In a crowd, where each event costs a write to everybody, joins and leaves are gathered for
 * {@linkcode gatherMs} and told together; a user who came and went meanwhile is not mentioned.
 */
export class Presence implements Disposable {
  readonly #outlet: PresenceOutlet;
  /** Room → user → the first and the last state that were heard. */
  readonly #gathered = new Map<string, Map<string, { first: State; last: State }>>();
  readonly #cancels = new Map<string, () => void>();
  readonly #later: Later;

  constructor(outlet: PresenceOutlet, after: Later = later) {
    this.#outlet = outlet;
    this.#later = after;
  }

  /** Tells a room that a user joined or left; the user itself is not told. */
  tell(room: string, user: string, state: State): void {
    let users = this.#gathered.get(room);
    if (!users) {
      if (this.#outlet.count(roomTopic(room)) <= crowd) return this.#deliver(room, user, state);
      this.#gathered.set(room, users = new Map());
      this.#cancels.set(room, this.#later(() => this.#tellGathered(room), gatherMs));
    }
    const heard = users.get(user);
    if (heard) heard.last = state;
    else users.set(user, { first: state, last: state });
  }

  /** Drops what is gathered, and its timers. */
  [Symbol.dispose](): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
    this.#gathered.clear();
  }

  #tellGathered(room: string): void {
    const users = this.#gathered.get(room)!;
    this.#gathered.delete(room);
    this.#cancels.delete(room);
    for (const [user, { first, last }] of users) if (first === last) this.#deliver(room, user, last);
  }

  #deliver(room: string, user: string, state: State): void {
    const event: PresenceEvent = { type: "presence", room, user, state };
    this.#outlet.deliver(roomTopic(room), event, undefined, (follower) => follower.user === user);
  }
}
