/**
 * Who joins and leaves, on the way to a room's members.
 *
 * In a small room they are told at once. In a crowd, where each word costs a write to everybody, joins and leaves are
 * gathered for a moment and told together; who came and went meanwhile is not mentioned.
 */

import { roomTopic, type Topic } from "../../wire/names.ts";
import type { Follower } from "./hub.ts";
import type { PresenceEvent } from "../../wire/event.ts";

/** Who is told. */
export interface Audience {
  /** How many connections follow the topic. */
  count(topic: Topic): number;
  deliver(topic: Topic, event: PresenceEvent, seq: undefined, skips: (follower: Follower) => boolean): void;
}

type State = PresenceEvent["state"];

/** A room with more members here than this is a crowd. */
export const crowd = 100;

/** How long a crowd's comings and goings are gathered, in milliseconds. */
export const gatherMs = 1_000;

/** Has something done after so many milliseconds, unless what it returns is called before. */
export type Later = (work: () => void, ms: number) => () => void;

const later: Later = (work, ms) => {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
};

/** See the file's first lines. */
export class Presence implements Disposable {
  readonly #audience: Audience;
  /** Room → user → what was heard first and last. */
  readonly #gathered = new Map<string, Map<string, { first: State; last: State }>>();
  readonly #cancels = new Map<string, () => void>();
  readonly #later: Later;

  constructor(audience: Audience, after: Later = later) {
    this.#audience = audience;
    this.#later = after;
  }

  /** Tells a room's members that somebody came or went; the user itself is not told. */
  tell(room: string, user: string, state: State): void {
    let users = this.#gathered.get(room);
    if (!users) {
      if (this.#audience.count(roomTopic(room)) <= crowd) return this.#deliver(room, user, state);
      this.#gathered.set(room, users = new Map());
      this.#cancels.set(room, this.#later(() => this.#tellGathered(room), gatherMs));
    }
    const heard = users.get(user);
    if (heard) heard.last = state;
    else users.set(user, { first: state, last: state });
  }

  /** Tells nobody any more. */
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
    this.#audience.deliver(roomTopic(room), event, undefined, (follower) => follower.user === user);
  }
}
