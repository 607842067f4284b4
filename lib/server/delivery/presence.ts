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

/** What a room is told of a user. */
type Change = Pick<PresenceEvent, "user" | "state" | "offline">;

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
  /** Room → user → the first and the last change that were heard. */
  readonly #gathered = new Map<string, Map<string, { first: Change; last: Change }>>();
  readonly #cancels = new Map<string, () => void>();
  readonly #later: Later;

  constructor(outlet: PresenceOutlet, after: Later = later) {
    this.#outlet = outlet;
    this.#later = after;
  }

  /** Tells a room that a user joined or left; the user itself is not told. */
  tell(room: string, change: Change): void {
    let users = this.#gathered.get(room);
    if (!users) {
      if (this.#outlet.count(roomTopic(room)) <= crowd) return this.#deliver(room, change);
      this.#gathered.set(room, users = new Map());
      this.#cancels.set(room, this.#later(() => this.#tellGathered(room), gatherMs));
    }
    const heard = users.get(change.user);
    if (heard) heard.last = change;
    else users.set(change.user, { first: change, last: change });
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
    for (const { first, last } of users.values()) if (first.state === last.state) this.#deliver(room, last);
  }

  #deliver(room: string, { user, state, offline }: Change): void {
    const event: PresenceEvent = { type: "presence", room, user, state, ...(offline ? { offline } : {}) };
    this.#outlet.deliver(roomTopic(room), event, undefined, (follower) => follower.user === user);
  }
}
