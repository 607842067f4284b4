/**
 * Topic → the local connections that follow it.
 *
 * An event is encoded once a format, and the same bytes are pushed to every follower; nothing here waits for anybody.
 * A follower that has read further in the log than the topic's live stream is (its replay overtook it) is passed over
 * until the stream has caught up, so that nobody gets a message twice.
 */

import type { Topic } from "../wire/names.ts";
import { encodeEvent } from "../wire/format.ts";
import type { Format, ServerEvent } from "../wire/event.ts";

/** Who can be told an event. */
export interface Follower {
  readonly format: Format;
  /** The user's name, as registered. */
  readonly user: string;
  /** The room that the user is in, if any. */
  readonly room: string | undefined;
  /** Queues the bytes of whole lines. `topic` and `seq` are set where they are a logged message's. */
  push(bytes: Uint8Array, topic?: Topic, seq?: number): void;
}

interface Following {
  readonly live: Set<Follower>;
  /** Those that are ahead of the stream: the last `seq` that each has read. */
  readonly ahead: Map<Follower, number>;
}

/** See the file's promises. */
export class Hub {
  readonly #topics = new Map<Topic, Following>();

  /** Delivers the topic's events from here on; `through` is the last `seq` that the follower has, if it is ahead. */
  add(topic: Topic, follower: Follower, through?: number): void {
    let following = this.#topics.get(topic);
    if (!following) this.#topics.set(topic, following = { live: new Set(), ahead: new Map() });
    if (through === undefined) following.live.add(follower);
    else following.ahead.set(follower, through);
  }

  /** Stops delivering the topic's events. */
  remove(topic: Topic, follower: Follower): void {
    const following = this.#topics.get(topic);
    if (!following) return;
    following.live.delete(follower);
    following.ahead.delete(follower);
    if (following.live.size === 0 && following.ahead.size === 0) this.#topics.delete(topic);
  }

  /**
   * Pushes an event to the topic's followers.
   *
   * @param seq the message's number; undefined for what is not logged
   * @param skips who is not to be told
   */
  deliver(topic: Topic, event: ServerEvent, seq?: number, skips?: (follower: Follower) => boolean): void {
    const following = this.#topics.get(topic);
    if (!following) return;
    const { live, ahead } = following;
    // Where the stream begins anew, nobody is ahead of it any more.
    const through = event.type === "gap" && event.to === null ? Infinity : seq ?? 0;
    for (const [follower, read] of ahead) {
      if (read >= through) continue;
      ahead.delete(follower);
      live.add(follower);
    }
    let text: Uint8Array | undefined;
    let json: Uint8Array | undefined;
    const push = (follower: Follower) => {
      if (skips?.(follower)) return;
      const bytes = follower.format === "json"
        ? json ??= encodeEvent(event, "json")
        : text ??= encodeEvent(event, "text");
      follower.push(bytes, seq === undefined ? undefined : topic, seq);
    };
    for (const follower of live) push(follower);
    if (seq === undefined) { for (const follower of ahead.keys()) push(follower); }
  }
}
