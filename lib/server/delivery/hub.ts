/**
 * Topic → the local connections that follow it.
 *
 * What the topics get in one turn of the event loop is pushed together when the turn is over: encoded once a format,
 * joined once, and the same bytes for everybody who follows the same. So a delivery costs next to nothing, and a slow
 * reader keeps no more alive than what waits in its own queue.
 *
 * Promises:
 * 1. a follower is pushed what it follows in the order in which it was delivered, over all of its topics;
 * 2. bytes that were pushed are never changed;
 * 3. what is to come between for one follower goes between: {@linkcode Hub.catchUp} pushes what was delivered before;
 * 4. a follower that has read further in the log than the topic's live stream is (its replay overtook it) is passed over
 *    until the stream has caught up, so that nobody gets a message twice.
 */

import type { Topic } from "../../wire/names.ts";
import { encodeEvent } from "../../wire/format.ts";
import type { Format, ServerEvent } from "../../wire/event.ts";
import { Batch } from "./batch.ts";
import type { Flushable, Turns } from "./flush_scheduler.ts";

/** Who can be told an event. */
export interface Follower {
  readonly format: Format;
  /** The user's name, as registered. */
  readonly user: string;
  /** The room that the user is in, if any. */
  readonly room: string | undefined;
  /** Queues the bytes of whole lines. `seq` is that of the topic's last logged message among them, if there is any. */
  push(bytes: Uint8Array, topic: Topic, seq: number | undefined): void;
}

interface Following {
  readonly topic: Topic;
  readonly live: Set<Follower>;
  /** Those that are ahead of the stream: the last `seq` that each has read. */
  readonly ahead: Map<Follower, number>;
  /** What was delivered in this turn. */
  batch: Batch<Follower> | undefined;
}

/** See the file's promises. */
export class Hub implements Flushable {
  readonly #turns: Turns;
  readonly #topics = new Map<Topic, Following>();
  #dirty = new Set<Following>();
  #delivered = 0;
  #deliveries = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** How many events were delivered to how many followers, all in all. */
  get deliveries(): number {
    return this.#deliveries;
  }

  /** How many connections follow the topic. */
  count(topic: Topic): number {
    const following = this.#topics.get(topic);
    return following === undefined ? 0 : following.live.size + following.ahead.size;
  }

  /** Delivers the topic's events from here on; `through` is the last `seq` that the follower has, if it is ahead. */
  add(topic: Topic, follower: Follower, through?: number): void {
    let following = this.#topics.get(topic);
    if (!following) this.#topics.set(topic, following = { topic, live: new Set(), ahead: new Map(), batch: undefined });
    if (through !== undefined) following.ahead.set(follower, through);
    else if (!following.live.has(follower)) {
      following.live.add(follower);
      following.batch?.skip(follower);
    }
  }

  /** Stops delivering the topic's events; what was delivered before is pushed. */
  remove(topic: Topic, follower: Follower): void {
    const following = this.#topics.get(topic);
    if (!following) return;
    if (following.batch && following.live.has(follower)) this.catchUp(follower);
    following.live.delete(follower);
    following.ahead.delete(follower);
    if (following.live.size > 0 || following.ahead.size > 0) return;
    this.#topics.delete(topic);
    this.#dirty.delete(following);
  }

  /**
   * Has an event pushed to the topic's followers.
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
      this.add(topic, follower);
    }
    const skipping: Follower[] = [];
    if (skips) { for (const follower of live) if (skips(follower)) skipping.push(follower); }
    for (const follower of skipping) this.catchUp(follower);
    this.#deliveries += live.size - skipping.length;
    if (skipping.length < live.size) {
      this.#batch(following).add(event, seq, ++this.#delivered);
      for (const follower of skipping) following.batch!.skip(follower);
    }
    if (seq !== undefined) return;
    for (const follower of ahead.keys()) {
      if (skips?.(follower)) continue;
      this.catchUp(follower);
      follower.push(encodeEvent(event, follower.format), topic, undefined);
    }
  }

  /**
   * Pushes to one follower what was delivered up to now: what it is told next stands behind.
   *
   * @param topics what it follows, if that is known: then the others need not be looked through
   */
  catchUp(follower: Follower, topics?: ReadonlyMap<Topic, unknown>): void {
    if (this.#dirty.size === 0) return;
    const candidates = topics && topics.size < this.#dirty.size
      ? [...topics.keys()].flatMap((topic) => this.#topics.get(topic) ?? [])
      : this.#dirty;
    const batches: Batch<Follower>[] = [];
    for (const { batch, live } of candidates) if (batch && live.has(follower)) batches.push(batch);
    pushFrom(batches, follower);
    for (const batch of batches) batch.skip(follower);
  }

  /** Pushes what was delivered in this turn, which is over. */
  flush(): void {
    const turn = [...this.#dirty].map((following) => ({ live: following.live, batch: following.batch! }));
    for (const following of this.#dirty) following.batch = undefined;
    this.#dirty = new Set();
    if (turn.length === 1) {
      const [{ live, batch }] = turn;
      for (const follower of live) batch.pushTo(follower);
      return;
    }
    const batches = new Map<Follower, Batch<Follower>[]>();
    for (const { live, batch } of turn) {
      for (const follower of live) {
        const own = batches.get(follower);
        if (own) own.push(batch);
        else batches.set(follower, [batch]);
      }
    }
    for (const [follower, own] of batches) pushFrom(own, follower);
  }

  #batch(following: Following): Batch<Follower> {
    if (!following.batch) {
      following.batch = new Batch(following.topic);
      if (this.#dirty.size === 0) this.#turns.schedule(this);
      this.#dirty.add(following);
    }
    return following.batch;
  }
}

/** Pushes to a follower what it has not got of several topics, in the order in which it was delivered. */
function pushFrom(batches: readonly Batch<Follower>[], follower: Follower): void {
  if (batches.length === 0) return;
  if (batches.length === 1) return batches[0].pushTo(follower);
  const pieces = batches.flatMap((batch) => batch.untaken(follower)).sort((a, b) => a.order - b.order);
  for (const { topic, bytes, seq } of pieces) follower.push(bytes(follower.format), topic, seq);
}
