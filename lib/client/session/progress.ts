import type { GapEvent, TopicEvent } from "../../wire/event.ts";
import { feedTopic } from "../../wire/names.ts";

/** More topics than anyone follows: a server that names more makes the client forget the oldest. */
const maxTopics = 10_000;

/**
 * How far a client has read each topic: which messages it need not show again, and from which position it goes on.
 *
 * 1. Of each topic, a message is new once: its `seq` is beyond the last one shown, unless a `gap` said that the count
 *    begins anew.
 * 2. A position is never ahead of what was shown: it is the last shown message's, or the one from which the events go
 *    on by a reply.
 */
export class Progress {
  readonly #positions = new Map<string, string>();
  readonly #shown = new Map<string, number>();

  /** Topic → position, for `resume`. */
  positions(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#positions);
  }

  /**
   * Takes a message that came.
   *
   * @param rooms the rooms that the client is in, folded: no other room's messages move a position
   * @returns whether it is to be shown
   */
  take({ topic, seq, pos }: TopicEvent, rooms: ReadonlySet<string>): boolean {
    if (seq <= (this.#shown.get(topic) ?? 0)) return false;
    keep(this.#shown, topic, seq);
    if (isFollowed(topic, rooms)) keep(this.#positions, topic, pos);
    return true;
  }

  /** Takes a gap: what comes next follows its `pos`. */
  skip({ topic, to, pos }: GapEvent, rooms: ReadonlySet<string>): void {
    if (to === null) this.#shown.delete(topic);
    else keep(this.#shown, topic, to);
    if (isFollowed(topic, rooms)) keep(this.#positions, topic, pos);
  }

  /** Takes the positions from which the events go on by a reply. */
  follow(positions: ReadonlyMap<string, string>): void {
    for (const [topic, pos] of positions) keep(this.#positions, topic, pos);
  }

  /** Is in these rooms, and so in no other any more. */
  enter(rooms: ReadonlySet<string>): void {
    for (const topic of new Set([...this.#positions.keys(), ...this.#shown.keys()])) {
      if (!isFollowed(topic, rooms)) this.#forget(topic);
    }
  }

  /** Follows a user's feed no more. */
  unfollow(user: string): void {
    this.#forget(feedTopic(user));
  }

  /** Forgets everything, as after a logout. */
  clear(): void {
    this.#positions.clear();
    this.#shown.clear();
  }

  #forget(topic: string): void {
    this.#positions.delete(topic);
    this.#shown.delete(topic);
  }
}

function isFollowed(topic: string, rooms: ReadonlySet<string>): boolean {
  return !topic.startsWith("room:") || rooms.has(topic.slice("room:".length));
}

function keep<V>(map: Map<string, V>, topic: string, value: V): void {
  map.delete(topic);
  map.set(topic, value);
  if (map.size > maxTopics) map.delete(map.keys().next().value!);
}
