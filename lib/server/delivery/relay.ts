/**
 * The store's live channels → the hub, each topic in the order of its numbers.
 */

import { pause } from "../../common/time.ts";
import { type DeletionPlace, type Deletions, isBehind, placeAt } from "../../store/topics.ts";
import type { LogPosition } from "../../store/log_position.ts";
import type { Entry, Topics, TopicSignal } from "../../store/topics.ts";
import type { ServerEvent } from "../../wire/event.ts";
import { type Topic, topicKind, topicName } from "../../wire/names.ts";
import { DeletionRelay } from "./deletion_relay.ts";
import { type Continuation, readOn } from "./recovery.ts";
import { liveEvent } from "./events.ts";
import type { Follower } from "./hub.ts";
import { Presence } from "./presence.ts";
import type { RoomGate } from "./room_gate.ts";
import { type AccountListener, agrees, follows, skipsOf, type Stream } from "./stream.ts";

/** The part of the hub that the relay needs. */
export interface Outlet {
  /** Delivers an event to the topic's followers, but for those that it skips; `seq` is the message's number. */
  deliver(topic: Topic, event: ServerEvent, seq?: number, skips?: (follower: Follower) => boolean): void;
  /** How many connections follow the topic. */
  count(topic: Topic): number;
}

/** Settings and ports of the relay. */
export interface RelayOptions {
  readonly topics: Topics;
  /** Where deletions are read of which nothing was heard; without it there are none. */
  readonly deletions?: Pick<Deletions, "since">;
  readonly outlet: Outlet;
  /** Who may read which room; everybody may, unless given. */
  readonly gate?: RoomGate;
  /** How long to wait before a failed read of the log is tried again, in milliseconds. */
  readonly retryMs?: number;
  /** How many messages are read from the log at once. */
  readonly pageSize?: number;
  /** Told of each failure; the relay tries again. */
  readonly onFault?: (topic: Topic, error: unknown) => void;
  /** Told of each message that was passed on. */
  readonly onPass?: (topic: Topic, entry: Entry) => void;
}

/**
 * Passes the messages of topics on, from the store to the hub.
 *
 * 1. A topic is subscribed to once, for as long as any connection of this server follows it.
 * 2. Its messages are passed on in the order of `seq`, each once. A message that is older than the last one is dropped. A
 *    hole is filled from the log before anything newer is passed on.
 * 3. After an interruption of the subscription, and in {@linkcode Relay.check}, the log's head is compared with the last
 *    message that was passed on. So a lost last message is found too.
 * 4. Where the log is not the one that the stream came from, followers are told of a gap.
 * 5. A message that was stored under a newer record of its room than is known waits until that record is read, and whom
 *    it keeps out reads no more. So nobody hears what was said after their removal, even if its signal was lost.
 * 6. Deletions are passed on in their order, each once, and behind every message that was stored before.
 */
export class Relay implements AsyncDisposable {
  readonly #topics: Topics;
  readonly #deleted: DeletionRelay;
  readonly #outlet: Outlet;
  readonly #gate: RoomGate | undefined;
  readonly #presence: Presence;
  readonly #retryMs: number;
  readonly #pageSize: number;
  readonly #onFault: (topic: Topic, error: unknown) => void;
  readonly #onPass: (topic: Topic, entry: Entry) => void;
  #filled = 0;
  #gaps = 0;
  readonly #streams = new Map<Topic, Stream>();
  readonly #closing = new Set<Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(options: RelayOptions) {
    const { topics, outlet, retryMs = 200, pageSize = 500, onFault = () => {}, onPass = () => {} } = options;
    this.#topics = topics;
    this.#deleted = new DeletionRelay(topics.positions, options.deletions, outlet);
    this.#gate = options.gate;
    this.#outlet = outlet;
    this.#presence = new Presence(outlet);
    this.#retryMs = retryMs;
    this.#pageSize = pageSize;
    this.#onFault = onFault;
    this.#onPass = onPass;
  }

  /**
   * Keeps a topic's stream running until {@linkcode release}; call both the same number of times.
   *
   * @throws {ChatError} `store_unavailable` where it cannot be subscribed to; then there is nothing to release
   */
  async acquire(topic: Topic): Promise<void> {
    let stream = this.#streams.get(topic);
    if (!stream) this.#streams.set(topic, stream = this.#open(topic));
    stream.followers++;
    try {
      await stream.ready;
    } catch (error) {
      this.release(topic);
      throw error;
    }
  }

  /** Undoes one {@linkcode acquire}. */
  release(topic: Topic): void {
    const stream = this.#streams.get(topic);
    if (!stream || --stream.followers > 0) return;
    this.#streams.delete(topic);
    this.#close(stream);
  }

  /** Has a listener told of what changes in the account of an inbox, which must be acquired. @returns ends that */
  watch(inbox: Topic, listener: AccountListener): () => void {
    const listeners = this.#streams.get(inbox)!.accountListeners;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** How many topics have a stream. */
  get size(): number {
    return this.#streams.size;
  }

  /** How many messages the subscription did not bring and were read from the log. */
  get filled(): number {
    return this.#filled;
  }

  /** How many gaps followers were told of. */
  get gaps(): number {
    return this.#gaps;
  }

  /** The last message of the topic that was passed on; the topic must be acquired. */
  position(topic: Topic): LogPosition {
    return this.#streams.get(topic)!.position;
  }

  /** The newest deletion in the topic that its followers were told of; the topic must be acquired. */
  deletion(topic: Topic): DeletionPlace {
    return this.#streams.get(topic)!.deletion;
  }

  /** Reads the topic's log again: a replay found it to be another than the stream's. */
  async refresh(topic: Topic): Promise<void> {
    const stream = this.#streams.get(topic);
    if (!stream) return;
    await stream.ready.catch(() => {}); // acquire() throws it
    if (stream.closed) return;
    stream.stale = true;
    this.#fill(stream);
    await stream.filling;
  }

  /** Reads every stream's log again, after the store was away: it may have come back with older data. */
  async verify(): Promise<void> {
    await Promise.all([...this.#streams.keys()].map((topic) => this.refresh(topic)));
  }

  /** Compares every stream with its log's head, a few at a time, and fills what is missing. */
  async check(): Promise<void> {
    const streams = [...this.#streams.values()];
    for (let start = 0; start < streams.length && !this.#stopped.signal.aborted; start += 100) {
      await Promise.all(streams.slice(start, start + 100).map((stream) => this.#checkHead(stream)));
    }
  }

  /** Ends every stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    this.#presence[Symbol.dispose]();
    for (const stream of this.#streams.values()) this.#close(stream);
    this.#streams.clear();
    await Promise.all(this.#closing);
  }

  #open(topic: Topic): Stream {
    const stream: Stream = {
      topic,
      room: this.#gate && topicKind(topic) === "room" ? topicName(topic) : undefined,
      changes: [],
      accountListeners: new Set(),
      followers: 0,
      position: { epoch: "", seq: 0, id: "" },
      deletion: placeAt(0),
      stale: false,
      filling: undefined,
      closed: false,
      ready: Promise.resolve(),
      subscription: undefined,
    };
    stream.ready = this.#start(stream);
    stream.ready.catch(() => {}); // acquire() throws it
    return stream;
  }

  async #start(stream: Stream): Promise<void> {
    let started = false;
    const early: TopicSignal[] = [];
    stream.subscription = await this.#topics.subscribe(stream.topic, (signal) => {
      if (started) this.#hear(stream, signal);
      else early.push(signal);
    });
    try {
      // Read after the subscription runs: what is published or changed from now on is heard.
      if (stream.room !== undefined) await this.#gate!.open(stream.room);
      const { deletion, ...position } = await this.#topics.head(stream.topic).catch((error) => {
        this.#closeGate(stream);
        throw error;
      });
      stream.position = position;
      if (deletion) stream.deletion = deletion;
    } catch (error) {
      await stream.subscription.close();
      stream.subscription = undefined;
      throw error;
    }
    started = true;
    for (const signal of early) this.#hear(stream, signal);
  }

  #close(stream: Stream): void {
    stream.closed = true;
    const done = stream.ready.catch(() => {})
      .then(() => stream.filling)
      .then(() => stream.subscription && this.#closeGate(stream))
      .then(() => stream.subscription?.close())
      .catch((error) => this.#onFault(stream.topic, error))
      .finally(() => this.#closing.delete(done));
    this.#closing.add(done);
  }

  #closeGate({ room }: Stream): void {
    if (room !== undefined) this.#gate!.close(room);
  }

  #hear(stream: Stream, signal: TopicSignal): void {
    if (stream.closed) return;
    if (signal.kind === "presence") {
      this.#presence.tell(topicName(stream.topic), signal);
    } else if (signal.kind === "account") {
      for (const listener of [...stream.accountListeners]) listener(signal.change);
    } else if (signal.kind === "deleted") {
      if (!this.#deleted.hear(stream, signal.deletion)) this.#readAgain(stream);
    } else if (signal.kind === "interrupted") {
      for (const listener of [...stream.accountListeners]) listener(undefined);
      this.#readAgain(stream);
    } else if (signal.kind === "record") {
      if (stream.room === undefined) return;
      stream.changes.push(signal.change);
      this.#readAgain(stream);
    } else if (!stream.filling && follows(stream.position, signal) && this.#isRecordKnown(stream, signal)) {
      this.#pass(stream, signal.entry);
    } else if (
      signal.entry.seq > stream.position.seq || !agrees(stream.position, { ...signal.entry, epoch: signal.epoch })
    ) {
      this.#readAgain(stream);
    }
  }

  #isRecordKnown({ room }: Stream, { revision = 0 }: TopicSignal & { kind: "entry" }): boolean {
    return room === undefined || revision === 0 || this.#gate!.knows(room, revision);
  }

  #readAgain(stream: Stream): void {
    stream.stale = true;
    this.#fill(stream);
  }

  #pass(stream: Stream, entry: Entry): void {
    const { topic, position: { epoch } } = stream;
    stream.position = { epoch, seq: entry.seq, id: entry.id };
    this.#outlet.deliver(
      topic,
      liveEvent(this.#topics.positions, topic, epoch, entry),
      entry.seq,
      skipsOf(topic, entry),
    );
    this.#onPass(topic, entry);
  }

  async #checkHead(stream: Stream): Promise<void> {
    try {
      await stream.ready;
      const before = stream.position;
      const head = await this.#topics.head(stream.topic);
      if (stream.closed) return;
      const isLater = head.deletion !== undefined && isBehind(head.deletion, stream.deletion);
      if (isLater || head.seq < before.seq || head.seq > stream.position.seq || !agrees(stream.position, head)) {
        stream.stale = true;
        this.#fill(stream);
      }
    } catch (error) {
      this.#onFault(stream.topic, error);
    }
  }

  /** Reads the log from the last message passed on, until the stream is not stale any more. */
  #fill(stream: Stream): void {
    stream.filling ??= this.#fillHoles(stream);
  }

  async #fillHoles(stream: Stream): Promise<void> {
    while (!stream.closed && !this.#stopped.signal.aborted) {
      try {
        stream.stale = false;
        const next = await readOn(this.#topics, stream.topic, stream.position, this.#pageSize);
        await this.#checkRecord(stream);
        if (stream.closed) return;
        this.#passOn(stream, next);
        await this.#deleted.fill(stream);
        if (stream.closed) return;
        const behind = stream.position.seq < next.head.seq;
        if (!behind && !stream.stale) {
          stream.filling = undefined; // at once: what is heard next is passed on
          return;
        }
      } catch (error) {
        this.#onFault(stream.topic, error);
        await pause(this.#retryMs, this.#stopped.signal);
      }
    }
  }

  /** Has the gate read the room's record, behind the messages that were read: none of them is of a newer one. */
  async #checkRecord({ room, changes }: Stream): Promise<void> {
    if (room === undefined) return;
    const heard = [...changes];
    await this.#gate!.check(room, heard);
    changes.splice(0, heard.length);
  }

  /** Passes on what was read from the log: the gap first, if there is one. */
  #passOn(stream: Stream, { gap, position, entries }: Continuation): void {
    if (gap) this.#skip(stream, gap, position);
    for (const entry of entries) this.#pass(stream, entry);
    this.#filled += entries.length;
  }

  /** Tells followers of messages that the log does not have, and goes on behind them. */
  #skip(stream: Stream, { from, to }: { from: number; to: number | null }, position: LogPosition): void {
    const { topic } = stream;
    this.#gaps++;
    stream.position = position;
    const pos = this.#topics.positions.encode(topic, position);
    this.#outlet.deliver(topic, { type: "gap", topic, from, to, pos }, to ?? undefined);
  }
}
