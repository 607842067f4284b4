/**
 * Topic → the local connections that follow it.
 */

import type { Topic } from "../../wire/names.ts";
import { encodeEvent, type Encoding } from "../../wire/format.ts";
import type { ServerEvent } from "../../wire/event.ts";
import { Batch } from "./batch.ts";
import type { Flushable, Turns } from "./flush_scheduler.ts";

/** A connection that events can be delivered to. */
export interface Follower {
  readonly encoding: Encoding;
  /** The connection's id. */
  readonly connection: string;
  /** The user's name, as registered. */
  readonly user: string;
  /** Whether the user is in a room, or listens to it. */
  isIn(room: string): boolean;
  /** Queues the bytes of whole lines. `seq` is that of the topic's last logged message among them, if there is any. */
  push(bytes: Uint8Array, topic: Topic, seq: number | undefined): void;
}

/** The last message that a follower has read. */
export interface Read {
  readonly seq: number;
  /** Its position, as the follower is told it. */
  readonly pos: string;
}

interface TopicFollowers {
  readonly topic: Topic;
  readonly live: Set<Follower>;
  /** The followers that are ahead of the stream, each with the last message that it has read. */
  readonly ahead: Map<Follower, Read>;
  /** The events of this turn, if there are any. */
  batch: Batch<Follower> | undefined;
}

/**
 * Delivers events to the local followers of their topics.
 *
 * What the topics get in one turn of the event loop is pushed together when the turn is over. It is encoded once for each
 * encoding and joined once, and all who follow the same are pushed the same bytes. So a delivery costs next to nothing,
 * and a slow reader keeps no more bytes alive than those in its own queue.
 *
 * 1. A follower is pushed events in the order of their delivery, over all of its topics.
 * 2. Bytes that were pushed are never changed.
 * 3. {@linkcode Hub.catchUp} pushes what was delivered before, so that a reply to one follower stands in its place.
 * 4. A follower whose replay overtook the live stream is passed over until the stream has caught up. So nobody gets a
 *    message twice.
 */
export class Hub implements Flushable {
  readonly #turns: Turns;
  readonly #topics = new Map<Topic, TopicFollowers>();
  #dirty = new Set<TopicFollowers>();
  #delivered = 0;
  #deliveries = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Deliveries so far: an event to three followers counts three times. */
  get deliveries(): number {
    return this.#deliveries;
  }

  /** How many connections of this server follow the topic. */
  count(topic: Topic): number {
    const followers = this.#topics.get(topic);
    return followers === undefined ? 0 : followers.live.size + followers.ahead.size;
  }

  /**
   * Delivers the topic's events to a follower from now on.
   *
   * @param through the last message that the follower has read, if that is ahead of the stream
   */
  add(topic: Topic, follower: Follower, through?: Read): void {
    let followers = this.#topics.get(topic);
    if (!followers) this.#topics.set(topic, followers = { topic, live: new Set(), ahead: new Map(), batch: undefined });
    if (through !== undefined) followers.ahead.set(follower, through);
    else if (!followers.live.has(follower)) {
      followers.live.add(follower);
      followers.batch?.skip(follower);
    }
  }

  /** Stops delivering the topic's events to a follower, once those that were delivered before are pushed. */
  remove(topic: Topic, follower: Follower): void {
    const followers = this.#topics.get(topic);
    if (!followers) return;
    if (followers.batch && followers.live.has(follower)) this.catchUp(follower);
    followers.live.delete(follower);
    followers.ahead.delete(follower);
    if (followers.live.size > 0 || followers.ahead.size > 0) return;
    this.#topics.delete(topic);
    this.#dirty.delete(followers);
  }

  /**
   * Delivers an event: it is pushed to the topic's followers at the end of the turn.
   *
   * @param seq the message's number; undefined for what is not logged
   * @param skips says which followers are not told
   */
  deliver(topic: Topic, event: ServerEvent, seq?: number, skips?: (follower: Follower) => boolean): void {
    const followers = this.#topics.get(topic);
    if (!followers) return;
    const { live, ahead } = followers;
    // Where the stream begins anew, no follower is ahead of it any more.
    const through = event.type === "gap" && event.to === null ? Infinity : seq ?? 0;
    for (const [follower, read] of ahead) {
      if (read.seq >= through) continue;
      ahead.delete(follower);
      this.add(topic, follower);
    }
    const skipping: Follower[] = [];
    if (skips) { for (const follower of live) if (skips(follower)) skipping.push(follower); }
    for (const follower of skipping) this.catchUp(follower);
    this.#deliveries += live.size - skipping.length;
    if (skipping.length < live.size) {
      this.#batch(followers).add(event, seq, ++this.#delivered);
      for (const follower of skipping) followers.batch!.skip(follower);
    }
    if (seq !== undefined) return;
    for (const [follower, { pos }] of ahead) {
      if (skips?.(follower)) continue;
      this.catchUp(follower);
      follower.push(encodeEvent(toldAhead(event, pos), follower.encoding), topic, undefined);
    }
  }

  /**
   * Pushes to one follower the events that were delivered up to now, so that its next reply stands behind them.
   *
   * @param topics the topics that it follows; if given, no others are searched
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

  /** Pushes the events of the turn that is over. */
  flush(): void {
    const turn = [...this.#dirty].map((followers) => ({ live: followers.live, batch: followers.batch! }));
    for (const followers of this.#dirty) followers.batch = undefined;
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

  #batch(followers: TopicFollowers): Batch<Follower> {
    if (!followers.batch) {
      followers.batch = new Batch(followers.topic);
      if (this.#dirty.size === 0) this.#turns.schedule(this);
      this.#dirty.add(followers);
    }
    return followers.batch;
  }
}

/** An event as those get it who are ahead: a position that is told is safe to keep, and none is behind what they have. */
function toldAhead(event: ServerEvent, pos: string): ServerEvent {
  return event.type === "deleted" ? { ...event, pos } : event;
}

/** Pushes to a follower the pieces of several topics that it has not got, in the order of their delivery. */
function pushFrom(batches: readonly Batch<Follower>[], follower: Follower): void {
  if (batches.length === 0) return;
  if (batches.length === 1) return batches[0].pushTo(follower);
  const pieces = batches.flatMap((batch) => batch.untaken(follower)).sort((a, b) => a.order - b.order);
  for (const piece of pieces) follower.push(piece.bytes(follower.encoding), piece.topic, piece.seq);
}
