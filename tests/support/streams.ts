/**
 * A relay, and what follows through it, over logs in memory: who is told what is kept as short words, a message as its
 * number, a gap as `gap <from>..<to> then <position>`, unsigned.
 */

import assert from "node:assert/strict";
import type { ReaderConnection } from "../../lib/server/delivery/reader_outbox.ts";
import { type PacedFollower, TopicReaders } from "../../lib/server/delivery/topic_readers.ts";
import { type Turns } from "../../lib/server/delivery/flush_scheduler.ts";
import { type Follower, Hub } from "../../lib/server/delivery/hub.ts";
import { type Outlet, Relay } from "../../lib/server/delivery/relay.ts";
import type { RoomGate } from "../../lib/server/delivery/room_gate.ts";
import { decodePosition } from "../../lib/store/log_position.ts";
import type { GapEvent, ServerEvent } from "../../lib/wire/event.ts";
import type { Topic } from "../../lib/wire/names.ts";
import { FakeTopics } from "./fake_topics.ts";

/** The numbers from one to another, as they are kept. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);
}

function gapWord({ from, to, pos }: GapEvent): string {
  return `gap ${from}..${to ?? ""} then ${pos.split(".").slice(0, 3).join(".")}`;
}

/** Keeps what a relay delivers. */
export class Recorder implements Outlet {
  readonly said: string[] = [];
  /** Whom the last event was not for. */
  skips: ((follower: Follower) => boolean) | undefined;
  count = () => 1;

  deliver(_: Topic, event: ServerEvent, seq?: number, skips?: (follower: Follower) => boolean): void {
    this.skips = skips;
    if (event.type === "gap") this.said.push(gapWord(event));
    else if (event.type === "presence") this.said.push(`${event.user} ${event.state} ${event.room}`);
    else this.said.push(`${seq}`);
  }
}

/** Turns that are over as soon as nothing more is to be done at once. */
export const microturns: Turns = { schedule: (flushable) => queueMicrotask(() => flushable.flush()) };

/** The outbox of a connection that takes everything at once, and keeps nothing. */
export const openOutbox: ReaderConnection["outbox"] = {
  closed: false,
  push: () => "accepted",
  written: () => Promise.resolve(),
};

/** A relay that a test looks into. */
export interface TestRelay extends AsyncDisposable {
  readonly topics: FakeTopics;
  readonly outlet: Recorder;
  readonly relay: Relay;
  readonly faults: unknown[];
}

/** Makes a relay that waits hardly at all before it tries again. */
export function makeRelay(
  { pageSize = 500, retryMs = 1, topics = new FakeTopics(), gate = undefined as RoomGate | undefined } = {},
): TestRelay {
  const outlet = new Recorder();
  const faults: unknown[] = [];
  const onFault = (_: Topic, error: unknown) => void faults.push(error);
  const relay = new Relay({ topics, outlet, pageSize, retryMs, onFault, ...(gate ? { gate } : {}) });
  return { topics, outlet, relay, faults, [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose]() };
}

/** A connection that keeps what it was pushed. */
export class Reader implements PacedFollower {
  readonly encoding = "json";
  readonly connection = "c";
  readonly user = "b";
  readonly #hub: Hub;
  readonly #got: string[] = [];
  closed = false;
  /** How often a fault of the server ended it. */
  failures = 0;
  /** Set, it holds replays up until the test lets go. */
  writing: PromiseWithResolvers<void> | undefined;
  drained: () => Promise<void> = () => this.writing?.promise ?? Promise.resolve();

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  isIn(room: string): boolean {
    return room === "lobby";
  }

  fail(): string {
    this.closed = true;
    return `fault ${++this.failures}`;
  }

  /** What it was pushed; a turn is over whenever somebody looks. */
  get got(): readonly string[] {
    this.#hub.flush();
    return this.#got;
  }

  push(bytes: Uint8Array, topic?: Topic, seq?: number): void {
    const events = new TextDecoder().decode(bytes).trimEnd().split("\n").map((line) => JSON.parse(line));
    assert(events.every((event) => event.topic === topic));
    assert.equal(events.findLast((event) => event.seq !== undefined)?.seq, seq);
    for (const event of events) this.#got.push(event.type === "gap" ? gapWord(event) : `${event.seq}`);
  }
}

/** A connection that follows topics, and all that it does so through. */
export interface TestTopicReaders extends AsyncDisposable {
  readonly topics: FakeTopics;
  readonly relay: Relay;
  readonly reader: Reader;
  readonly readers: TopicReaders;
  /** Why replays ended. */
  readonly faults: unknown[];
  /** Another connection of the same server. */
  other(): { readonly reader: Reader; readonly readers: TopicReaders };
}

/** Makes a connection that follows nothing yet. */
export function makeTopicReaders(topics: FakeTopics = new FakeTopics()): TestTopicReaders {
  const hub = new Hub(microturns);
  const relay = new Relay({ topics, outlet: hub, retryMs: 1, pageSize: 3 });
  const all: TopicReaders[] = [];
  const faults: unknown[] = [];
  const onFault = (topic: Topic, error: unknown, reference?: string) => void faults.push([topic, error, reference]);
  const other = () => {
    const reader = new Reader(hub);
    const readers = new TopicReaders({ topics, relay, hub, onFault }, reader);
    all.push(readers);
    return { reader, readers };
  };
  const dispose = async () => {
    for (const readers of all) readers.stopAll();
    await relay[Symbol.asyncDispose]();
  };
  return { topics, relay, faults, ...other(), other, [Symbol.asyncDispose]: dispose };
}

/**
 * Asserts that the log was found to be another than the one that came before: a gap without an end, which names a position
 * in the log as it is, and then all that is behind that position.
 *
 * @param words all that was said
 * @param before how many messages came before the gap
 */
export function assertBegunAnew(words: readonly string[], before: number, topics: FakeTopics, topic: Topic): void {
  const pos = new RegExp(`^gap ${before + 1}\\.\\. then (\\S+)$`).exec(words[before])?.[1];
  const position = decodePosition(pos);
  assert(position, words.join(", "));
  const { epoch, seq } = topics.position(topic);
  assert.equal(position.epoch, epoch);
  assert.deepEqual(words, [...numbers(1, before), words[before], ...numbers(position.seq + 1, seq)]);
}
