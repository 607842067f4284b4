/**
 * All topics that one connection reads: each from a position in its log, and then live.
 */

import { ChatError } from "../../common/errors.ts";
import { pause } from "../../common/time.ts";
import type { LogPosition } from "../../store/log_position.ts";
import type { Entry, Topics } from "../../store/topics.ts";
import type { ServerEvent } from "../../wire/event.ts";
import { encodeEvent } from "../../wire/format.ts";
import { type Topic, topicKind, topicName } from "../../wire/names.ts";
import { type Continuation, readOn } from "./recovery.ts";
import { topicEvent } from "./events.ts";
import type { Follower, Hub } from "./hub.ts";
import type { Relay } from "./relay.ts";
import type { RoomGate } from "./room_gate.ts";

/** A reader that says how fast it reads. */
export interface PacedFollower extends Follower {
  readonly closed: boolean;
  /** Resolves when nearly all that was pushed is written, or when the connection is closed. */
  drained(): Promise<void>;
  /**
   * Closes the connection, since a fault of the server keeps messages from it.
   *
   * @returns the reference that the reader is given, for the log
   */
  fail(): string;
}

/** What the connections of a server share to follow topics. */
export interface Feeds {
  readonly topics: Topics;
  readonly relay: Relay;
  readonly hub: Hub;
  /** Who may read which room; everybody may, unless given. */
  readonly gate?: RoomGate;
  /** Counts what is read from logs; optional. */
  readonly replays?: { messages: number; gaps: number };
  /** Told of a fault that ended a replay, with the reference that the reader was given, if it was still to be told. */
  readonly onFault: (topic: Topic, error: unknown, reference: string | undefined) => void;
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

/**
 * The topics of one connection.
 *
 * 1. There is no hole and no double between the replay of a topic and its live messages.
 * 2. The reader paces its replays: the next page of a log is read when the last one is written, of whichever topic that
 *    was. However many topics are replayed, no more than a page of them waits to be written.
 * 3. A replay waits for a store that is away, and goes on where it stopped. Any other fault closes the connection with
 *    `internal`, so that a reader never waits for messages that do not come.
 */
export class TopicReaders {
  readonly #feeds: Feeds;
  readonly #follower: PacedFollower;
  readonly #readers = new Map<Topic, TopicReader>();
  /** Resolves when the replays whose turn comes before have read and written their pages. */
  #turn: Promise<void> = Promise.resolve();

  constructor(feeds: Feeds, follower: PacedFollower) {
    this.#feeds = feeds;
    this.#follower = follower;
  }

  /** Whether the topic is followed, or about to be. */
  has(topic: Topic): boolean {
    return this.#readers.has(topic);
  }

  /**
   * Has the topic's messages come to this server; nothing is pushed before {@linkcode start}.
   *
   * @returns the position of the topic's stream
   * @throws {ChatError} `store_unavailable`
   */
  async open(topic: Topic): Promise<LogPosition> {
    if (!this.#readers.has(topic)) {
      const reader: TopicReader = { opened: false, replayed: undefined, ahead: undefined, stopped: false };
      this.#readers.set(topic, reader);
      try {
        await this.#feeds.relay.acquire(topic);
      } catch (error) {
        this.#readers.delete(topic);
        throw error;
      }
      if (reader.stopped) { // the connection was closed meanwhile
        this.#feeds.relay.release(topic);
        throw new ChatError("login_required", "The connection is closing");
      }
      reader.opened = true;
      reader.replayed = this.#feeds.relay.position(topic);
    }
    return this.#feeds.relay.position(topic);
  }

  /**
   * Pushes the topic's messages from a position on: first those of the log, then the live ones.
   *
   * @param from the last message that the reader has; a gap is pushed first where the log does not go on from there
   */
  start(topic: Topic, from: LogPosition): void {
    const reader = this.#readers.get(topic);
    if (!reader || reader.stopped) return;
    if (this.#feeds.gate?.admits(topic, this.#follower) === false) return;
    const position = this.#feeds.relay.position(topic);
    if (from.epoch === position.epoch && from.seq === position.seq && (from.id === position.id || from.id === "")) {
      reader.replayed = undefined;
      this.#feeds.hub.add(topic, this.#follower);
      return;
    }
    reader.replayed = from;
    void this.#replay(topic, reader, from);
  }

  /** Has the topic's stream read its log again: the log turned out to be another. */
  async refresh(topic: Topic): Promise<void> {
    await this.#feeds.relay.refresh(topic);
  }

  /** Follows the topic no longer. */
  stop(topic: Topic): void {
    const reader = this.#readers.get(topic);
    if (!reader) return;
    reader.stopped = true;
    this.#feeds.hub.remove(topic, this.#follower);
    this.#readers.delete(topic);
    if (reader.opened) this.#feeds.relay.release(topic);
  }

  /** Has the events pushed that were delivered up to now, so that the next reply stands behind them. */
  catchUp(): void {
    this.#feeds.hub.catchUp(this.#follower, this.#readers);
  }

  /** Follows nothing any more. */
  stopAll(): void {
    for (const topic of [...this.#readers.keys()]) this.stop(topic);
  }

  /** The position in each topic up to which messages were pushed. */
  positions(): Record<Topic, LogPosition> {
    const positions: Record<Topic, LogPosition> = {};
    for (const [topic, { opened, replayed, ahead }] of this.#readers) {
      if (!opened) continue;
      const live = this.#feeds.relay.position(topic);
      const overtaken = ahead && ahead.epoch === live.epoch && ahead.seq > live.seq ? ahead : live;
      positions[topic] = replayed ?? overtaken;
    }
    return positions;
  }

  async #replay(topic: Topic, reader: TopicReader, from: LogPosition): Promise<void> {
    try {
      let position: LogPosition | undefined = from;
      while (position && !reader.stopped && !this.#follower.closed) {
        position = await this.#takeTurn(topic, reader, position);
      }
    } catch (error) {
      // A reader that follows the topic no longer misses nothing.
      const reference = reader.stopped ? undefined : this.#follower.fail();
      this.#feeds.onFault(topic, error, reference);
    }
  }

  /** Replays one page when it is the topic's turn. @returns where to go on from; undefined where the topic is live */
  async #takeTurn(topic: Topic, reader: TopicReader, position: LogPosition): Promise<LogPosition | undefined> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    try {
      if (reader.stopped || this.#follower.closed) return undefined;
      return await this.#replayPage(topic, reader, position);
    } finally {
      resolve();
    }
  }

  async #replayPage(topic: Topic, reader: TopicReader, from: LogPosition): Promise<LogPosition | undefined> {
    const next = await this.#read(topic, from);
    if (next === "away") return from;
    if (reader.stopped) return undefined;
    const position = reader.replayed = this.#pass(topic, next);
    const live = this.#joinStream(topic, reader, position, next.head);
    // At the log's end, and yet not where the stream is: the stream is still that of a log that was lost.
    if (!live && next.entries.length === 0 && !next.gap) await this.#feeds.relay.refresh(topic);
    await this.#follower.drained();
    return live ? undefined : position;
  }

  /** Reads a page, and then the record of a room, which may end the reading; where the store is away, waits a little. */
  async #read(topic: Topic, position: LogPosition): Promise<Continuation | "away"> {
    try {
      const next = await readOn(this.#feeds.topics, topic, position, pageSize);
      if (topicKind(topic) === "room" && next.entries.length > 0) await this.#feeds.gate?.check(topicName(topic));
      return next;
    } catch (error) {
      if (!(error instanceof ChatError) || error.code !== "store_unavailable") throw error;
      await pause(retryMs);
      return "away";
    }
  }

  /** Pushes a page. @returns the position behind it */
  #pass(topic: Topic, { gap, position, entries }: Continuation): LogPosition {
    const { replays, topics } = this.#feeds;
    if (replays) replays.messages += entries.length;
    if (replays && gap) replays.gaps++;
    if (gap) this.#push(topic, { type: "gap", topic, ...gap, pos: topics.positions.encode(topic, position) });
    const { epoch } = position;
    for (const entry of entries) this.#push(topic, topicEvent(topics.positions, topic, epoch, entry), entry);
    const last = entries.at(-1);
    return last ? { epoch, seq: last.seq, id: last.id } : position;
  }

  /** Goes live if the replay has reached the stream. @returns whether it has */
  #joinStream(topic: Topic, reader: TopicReader, position: LogPosition, head: LogPosition): boolean {
    const { relay, hub } = this.#feeds;
    const live = relay.position(topic);
    if (position.epoch !== live.epoch || position.seq < live.seq || position.seq < head.seq) return false;
    reader.replayed = undefined;
    reader.ahead = position.seq > live.seq ? position : undefined;
    hub.add(topic, this.#follower, reader.ahead?.seq);
    return true;
  }

  #push(topic: Topic, event: ServerEvent, entry?: Entry): void {
    if (entry?.room !== undefined && this.#follower.isIn(entry.room)) return;
    this.#follower.push(encodeEvent(event, this.#follower.encoding), topic, entry?.seq);
  }
}
