/**
 * All topics that one connection reads: each from a position in its log, and then live.
 */

import { ChatError } from "../../common/errors.ts";
import { pause } from "../../common/time.ts";
import { type DeletionPlace, type Deletions, isBehind, placeAt } from "../../store/topics.ts";
import type { LogPosition } from "../../store/log_position.ts";
import type { Entry, Topics } from "../../store/topics.ts";
import type { ServerEvent } from "../../wire/event.ts";
import { encodeEvent } from "../../wire/format.ts";
import { type Topic, topicKind, topicName } from "../../wire/names.ts";
import { type Continuation, readOn } from "./recovery.ts";
import { deletedEvent, topicEvent } from "./events.ts";
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
  /** Where deletions are read that were made before a reader was there; without it there are none. */
  readonly deletions?: Pick<Deletions, "since">;
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
  /** Behind which deletion the reader has heard of none. */
  deletion: DeletionPlace;
  stopped: boolean;
}

/**
 * The topics of one connection.
 *
 * 1. There is no hole and no double between the replay of a topic and its live messages.
 * 2. The reader paces its replays: the next page of a log is read when the last one is written, of whichever topic that
 *    was. However many topics are replayed, no more than a page of them waits to be written.
 * 3. What was deleted while a topic was replayed is told behind the replay; to who comes back, also what was deleted since.
 * 4. A replay waits for a store that is away, and goes on where it stopped. Any other fault closes the connection with
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
      const reader: TopicReader = {
        opened: false,
        replayed: undefined,
        ahead: undefined,
        deletion: placeAt(0),
        stopped: false,
      };
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
   * @param returning whether the reader comes back, and is told what was deleted of what it has
   */
  start(topic: Topic, from: LogPosition, returning = false): void {
    const reader = this.#readers.get(topic);
    if (!reader || reader.stopped) return;
    if (this.#feeds.gate?.admits(topic, this.#follower) === false) return;
    reader.deletion = returning ? placeAt(from.seq) : this.#feeds.relay.deletion(topic);
    const position = this.#feeds.relay.position(topic);
    if (from.epoch === position.epoch && from.seq === position.seq && (from.id === position.id || from.id === "")) {
      reader.replayed = undefined;
      this.#feeds.hub.add(topic, this.#follower);
      void this.#guarded(topic, reader, () => this.#tellDeletions(topic, reader));
      return;
    }
    reader.replayed = from;
    void this.#guarded(topic, reader, () => this.#replay(topic, reader, from));
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
    for (const [topic, reader] of this.#readers) {
      if (reader.opened) positions[topic] = this.#positionOf(topic, reader);
    }
    return positions;
  }

  #positionOf(topic: Topic, { replayed, ahead }: TopicReader): LogPosition {
    const live = this.#feeds.relay.position(topic);
    const overtaken = ahead && ahead.epoch === live.epoch && ahead.seq > live.seq ? ahead : live;
    return replayed ?? overtaken;
  }

  async #replay(topic: Topic, reader: TopicReader, from: LogPosition): Promise<void> {
    let position: LogPosition | undefined = from;
    while (position && !reader.stopped && !this.#follower.closed) {
      position = await this.#takeTurn(topic, reader, position);
    }
  }

  /** Closes the connection where a fault keeps something from the reader. */
  async #guarded(topic: Topic, reader: TopicReader, work: () => Promise<void>): Promise<void> {
    try {
      await work();
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
    if (live) await this.#tellDeletions(topic, reader);
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
    const { relay, hub, topics } = this.#feeds;
    const live = relay.position(topic);
    if (position.epoch !== live.epoch || position.seq < live.seq || position.seq < head.seq) return false;
    reader.replayed = undefined;
    reader.ahead = position.seq > live.seq ? position : undefined;
    const through = reader.ahead && { seq: position.seq, pos: topics.positions.encode(topic, position) };
    hub.add(topic, this.#follower, through);
    return true;
  }

  /** Tells what was deleted before the topic was live. */
  async #tellDeletions(topic: Topic, reader: TopicReader): Promise<void> {
    const { relay, topics, deletions: log } = this.#feeds;
    if (!log) return;
    const until = relay.deletion(topic); // what comes later is live
    while (isBehind(until, reader.deletion)) {
      const deletions = await log.since(topic, reader.deletion).catch(isUnavailable);
      if (!deletions) await pause(retryMs);
      if (reader.stopped || this.#follower.closed) return;
      if (!deletions) continue;
      this.catchUp();
      const position = this.#positionOf(topic, reader);
      for (const deletion of deletions) {
        if (isBehind(deletion, until)) break;
        this.#push(topic, deletedEvent(topics.positions, topic, position, deletion), { room: deletion.room });
      }
      return;
    }
  }

  #push(topic: Topic, event: ServerEvent, entry?: Partial<Pick<Entry, "room" | "seq">>): void {
    if (entry?.room !== undefined && this.#follower.isIn(entry.room)) return;
    this.#follower.push(encodeEvent(event, this.#follower.encoding), topic, entry?.seq);
  }
}

/** Passes over a store that is away, which says so itself. */
function isUnavailable(error: unknown): undefined {
  if (!(error instanceof ChatError) || error.code !== "store_unavailable") throw error;
}
