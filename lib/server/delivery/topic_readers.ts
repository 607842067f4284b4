/**
 * The topics that one connection follows: each from a position in its log, with no hole and no double between what is
 * replayed and what is live.
 *
 * A replay is paced by the reader: the log is read a page at a time, and the next page only when the last is written.
 */

import { ChatError } from "../../common/errors.ts";
import { encodePosition } from "../../store/log_position.ts";
import type { Entry, LogPosition, Topics } from "../../store/store.ts";
import type { ServerEvent } from "../../wire/event.ts";
import { encodeEvent } from "../../wire/format.ts";
import type { Topic } from "../../wire/names.ts";
import { type Continuation, readOn } from "./recovery.ts";
import { topicEvent } from "./events.ts";
import type { Follower, Hub } from "./hub.ts";
import type { Relay } from "./relay.ts";

/** The connection that follows. */
export interface PacedFollower extends Follower {
  /** Resolves when what was pushed is nearly written, or the connection is closed. */
  drained(): Promise<void>;
  readonly closed: boolean;
}

/** What a server's connections share to follow topics. */
export interface Feeds {
  readonly topics: Topics;
  readonly relay: Relay;
  readonly hub: Hub;
  /** Counts what is read from logs, where somebody wants to know. */
  readonly replays?: { messages: number; gaps: number };
}

/** How many messages are read at once for a replay: half a queue of the longest ones would be read again if it failed. */
const pageSize = 100;

/** How long to wait before a failed read is tried again, in milliseconds. */
const retryMs = 500;

interface TopicReader {
  opened: boolean;
  /** How far a replay has come; undefined once the topic is live. */
  replayed: LogPosition | undefined;
  /** Where the replay ended, if it had overtaken the stream. */
  ahead: LogPosition | undefined;
  stopped: boolean;
}

/** See the file's promises. */
export class TopicReaders {
  readonly #feeds: Feeds;
  readonly #follower: PacedFollower;
  readonly #followed = new Map<Topic, TopicReader>();

  constructor(feeds: Feeds, follower: PacedFollower) {
    this.#feeds = feeds;
    this.#follower = follower;
  }

  /** Whether the topic is followed, or about to be. */
  has(topic: Topic): boolean {
    return this.#followed.has(topic);
  }

  /**
   * Has the topic's messages flow to this server; nothing is pushed before {@linkcode start}.
   *
   * @returns where the topic's stream stands
   * @throws {ChatError} `store_unavailable`
   */
  async open(topic: Topic): Promise<LogPosition> {
    if (!this.#followed.has(topic)) {
      const followed: TopicReader = { opened: false, replayed: undefined, ahead: undefined, stopped: false };
      this.#followed.set(topic, followed);
      try {
        await this.#feeds.relay.acquire(topic);
      } catch (error) {
        this.#followed.delete(topic);
        throw error;
      }
      if (followed.stopped) { // meanwhile the connection went
        this.#feeds.relay.release(topic);
        throw new ChatError("login_required", "The connection is closing");
      }
      followed.opened = true;
      followed.replayed = this.#feeds.relay.position(topic);
    }
    return this.#feeds.relay.position(topic);
  }

  /**
   * Pushes the topic's messages from a position on: first what the log has, then what comes.
   *
   * @param from the last message that the reader has; a gap is pushed first where the log does not go on from there
   */
  start(topic: Topic, from: LogPosition): void {
    const followed = this.#followed.get(topic);
    if (!followed || followed.stopped) return;
    const position = this.#feeds.relay.position(topic);
    if (from.epoch === position.epoch && from.seq === position.seq && (from.id === position.id || from.id === "")) {
      followed.replayed = undefined;
      this.#feeds.hub.add(topic, this.#follower);
      return;
    }
    followed.replayed = from;
    void this.#replay(topic, followed, from);
  }

  /** Follows the topic no longer. */
  stop(topic: Topic): void {
    const followed = this.#followed.get(topic);
    if (!followed) return;
    followed.stopped = true;
    this.#feeds.hub.remove(topic, this.#follower);
    this.#followed.delete(topic);
    if (followed.opened) this.#feeds.relay.release(topic);
  }

  /** Has pushed what was delivered up to now: what is told next stands behind it. */
  catchUp(): void {
    this.#feeds.hub.catchUp(this.#follower, this.#followed);
  }

  /** Follows nothing any more. */
  stopAll(): void {
    for (const topic of [...this.#followed.keys()]) this.stop(topic);
  }

  /** Where the reader stands in each topic, as far as bytes were pushed to it. */
  positions(): Record<Topic, string> {
    const positions: Record<Topic, string> = {};
    for (const [topic, { opened, replayed, ahead }] of this.#followed) {
      if (!opened) continue;
      const live = this.#feeds.relay.position(topic);
      const overtaken = ahead && ahead.epoch === live.epoch && ahead.seq > live.seq ? ahead : live;
      positions[topic] = encodePosition(replayed ?? overtaken);
    }
    return positions;
  }

  async #replay(topic: Topic, followed: TopicReader, from: LogPosition): Promise<void> {
    const { topics, relay, hub } = this.#feeds;
    let position = from;
    while (!followed.stopped && !this.#follower.closed) {
      let next: Continuation;
      try {
        next = await readOn(topics, topic, position, pageSize);
      } catch {
        // The store is away: what is live fails likewise, and the replay goes on where it stopped.
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        continue;
      }
      if (followed.stopped) return;
      position = next.position;
      this.#count(next);
      if (next.gap) this.#push(topic, { type: "gap", topic, ...next.gap, pos: encodePosition(position) });
      for (const entry of next.entries) {
        this.#push(topic, topicEvent(topic, position.epoch, entry), entry);
        position = { epoch: position.epoch, seq: entry.seq, id: entry.id };
      }
      followed.replayed = position;
      const live = relay.position(topic);
      if (position.epoch === live.epoch && position.seq >= live.seq && position.seq >= next.head.seq) {
        followed.replayed = undefined;
        followed.ahead = position.seq > live.seq ? position : undefined;
        hub.add(topic, this.#follower, followed.ahead?.seq);
        return;
      }
      // At the log's end, and yet not where the stream is: it is still that of a log that was lost.
      if (next.entries.length === 0) await relay.refresh(topic);
      await this.#follower.drained();
    }
  }

  #count({ entries, gap }: Continuation): void {
    const { replays } = this.#feeds;
    if (!replays) return;
    replays.messages += entries.length;
    if (gap) replays.gaps++;
  }

  #push(topic: Topic, event: ServerEvent, entry?: Entry): void {
    if (entry?.room !== undefined && entry.room === this.#follower.room) return;
    this.#follower.push(encodeEvent(event, this.#follower.format), topic, entry?.seq);
  }
}
