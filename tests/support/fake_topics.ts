/**
 * Logs and their channels in memory, for what is built on {@linkcode Topics}: a test writes to a log, decides who hears
 * of it and when, and can lose the log, roll it back or let it forget.
 *
 * It knows heads, reads and subscriptions only; nobody publishes through it.
 */

import { ChatError } from "../../lib/common/errors.ts";
import type { Entry, Page, Subscription, Topics, TopicSignal } from "../../lib/store/topics.ts";
import type { LogPosition } from "../../lib/store/log_position.ts";
import { PositionSigner } from "../../lib/store/position_signer.ts";
import type { Topic } from "../../lib/wire/names.ts";

interface Log {
  epoch: string;
  first: number;
  entries: Entry[];
  renewed?: Page["renewed"];
}

/** Runs a step of the store: at once, or when a test lets it. */
export type Step = <T>(what: string, work: () => T) => Promise<T>;

/** See the file's first lines. */
export class FakeTopics implements Topics {
  readonly positions = new PositionSigner();
  /** What was asked of the store, such as `read room:a after 3`. */
  readonly calls: string[] = [];
  /** How many of the next calls fail. */
  failures = 0;
  readonly #step: Step;
  readonly #logs = new Map<Topic, Log>();
  readonly #listeners = new Map<Topic, Set<(signal: TopicSignal) => void>>();
  /** Message → the id of the one before it. */
  readonly #before = new WeakMap<Entry, string>();
  #made = 0;

  // deno-lint-ignore require-await
  constructor(step: Step = async (_, work) => work()) {
    this.#step = step;
  }

  /** How many subscriptions run. */
  get subscriptions(): number {
    return [...this.#listeners.values()].reduce((sum, listeners) => sum + listeners.size, 0);
  }

  /** The calls of one kind. */
  count(kind: "read" | "head" | "subscribe" | "close"): number {
    return this.calls.filter((call) => call.startsWith(kind)).length;
  }

  /** Appends to a log; nobody hears of it. */
  write(topic: Topic, more: Partial<Entry> = {}): Entry {
    const log = this.#log(topic);
    const seq = log.first + log.entries.length;
    const entry = { seq, id: `id${++this.#made}`, time: 0, from: "a", text: `${seq}`, ...more };
    this.#before.set(entry, this.position(topic).id);
    log.entries.push(entry);
    return entry;
  }

  /** Appends to a log, and lets the listeners hear of it. @param revision that of its room's record, if there is one */
  say(topic: Topic, more: Partial<Entry> = {}, revision?: number): Entry {
    const entry = this.write(topic, more);
    this.tell(topic, entry, undefined, revision);
    return entry;
  }

  /** Lets the listeners hear of a message, again or late. */
  tell(topic: Topic, entry: Entry, epoch = this.#log(topic).epoch, revision?: number): void {
    const record = revision === undefined ? {} : { revision };
    this.signal(topic, { kind: "entry", epoch, entry, prev: this.#before.get(entry) ?? "", ...record });
  }

  signal(topic: Topic, signal: TopicSignal): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(signal);
  }

  /** Loses the log: what comes next is of another epoch. */
  lose(topic: Topic): void {
    this.#logs.set(topic, { epoch: `epoch${++this.#made}`, first: 1, entries: [] });
  }

  /** Takes back what came after a number, as a store does that comes back from an old copy. */
  rollBack(topic: Topic, seq: number): void {
    const log = this.#log(topic);
    log.entries.splice(Math.max(0, seq - log.first + 1));
  }

  /** Forgets what is older than a number. */
  trim(topic: Topic, first: number): void {
    const log = this.#log(topic);
    log.entries.splice(0, first - log.first);
    log.first = first;
  }

  /** The position of the newest message. */
  position(topic: Topic): LogPosition {
    const { epoch, first, entries } = this.#log(topic);
    return { epoch, seq: first + entries.length - 1, id: entries.at(-1)?.id ?? "" };
  }

  read(topic: Topic, range: { after: number; limit: number } | { before?: number; limit: number }): Promise<Page> {
    if (!("after" in range)) throw new Error("Nobody reads backwards here");
    const { after, limit } = range;
    return this.#call(`read ${topic} after ${after}`, () => {
      const { epoch, first, entries, renewed } = this.#log(topic);
      const read = entries.filter(({ seq }) => seq > after).slice(0, limit);
      return { epoch, head: this.position(topic), first, entries: read, ...(renewed ? { renewed } : {}) };
    });
  }

  head(topic: Topic): Promise<LogPosition> {
    return this.#call(`head ${topic}`, () => this.position(topic));
  }

  subscribe(topic: Topic, listener: (signal: TopicSignal) => void): Promise<Subscription> {
    return this.#call(`subscribe ${topic}`, () => {
      const listeners = this.#listeners.get(topic) ?? new Set();
      this.#listeners.set(topic, listeners.add(listener));
      return { close: () => this.#call(`close ${topic}`, () => void listeners.delete(listener)) };
    });
  }

  sweep(): Promise<number> {
    return Promise.resolve(0);
  }

  renewEpoch(topic: Topic, epoch: string, since?: number): Promise<void> {
    return this.#call(`renew ${topic}`, () => {
      const log = this.#log(topic);
      if (log.epoch !== epoch) return;
      log.renewed = { previous: epoch, since: since ?? this.position(topic).seq };
      log.epoch = `epoch${++this.#made}`;
    });
  }

  publish = unused;
  readTalk = unused;
  readMark = unused;
  markRead = unused;
  tellAccount = unused;
  announce = unused;

  async #call<T>(what: string, work: () => T): Promise<T> {
    this.calls.push(what);
    const answer = await this.#step(what, () => {
      if (this.failures > 0) {
        this.failures--;
        throw new ChatError("store_unavailable", `No answer to ${what}`);
      }
      return work();
    });
    return await this.#step(`answer to ${what}`, () => answer);
  }

  #log(topic: Topic): Log {
    if (!this.#logs.has(topic)) this.lose(topic);
    return this.#logs.get(topic)!;
  }
}

function unused(): never {
  throw new Error("Nobody should ask this of the fake");
}
