/**
 * One connection's bounded queue of bytes on their way out.
 *
 * Promises:
 * 1. bytes go out in the order in which they were pushed, and nothing waits for a slow reader but its own queue;
 * 2. one write is in flight at a time; whatever gathered meanwhile goes out in the next, as one write;
 * 3. a reader is slow when more events than the limit wait for it and what was written last has not been taken for a
 *    while, or when {@linkcode burstFactor} times the limit wait: the push that finds it so empties the queue, and answers
 *    `slow`. A burst alone, of many publishers in one turn, is not the reader's fault;
 * 4. answers are not counted, since who asks is made to wait while too much is pending;
 * 5. after `slow`, or once it is finishing, the outbox takes nothing more.
 *
 * It knows neither formats nor TLS; a sink is anything that takes bytes.
 */

import type { Flushable, Turns } from "./flush_scheduler.ts";

/** Where the bytes go: the part of `Deno.Conn` that an outbox needs. */
export interface Sink {
  write(bytes: Uint8Array): Promise<number>;
}

/** How many times the limit may wait for a reader that has not had the time to take it. */
export const burstFactor = 8;

/** What became of a push. */
export type PushResult = "accepted" | "slow" | "closed";

/** See the file's promises. */
export class Outbox implements Flushable {
  readonly #sink: Sink;
  readonly #turns: Turns;
  readonly #limit: number;
  readonly #patienceMs: number;
  #chunks: Uint8Array[] = [];
  #queued = 0;
  #events = 0; // of what is queued, the bytes that nobody asked for
  #inFlight = 0;
  #state: "open" | "slow" | "finishing" | "closed" = "open";
  #scheduled = false;
  #taken = 0; // bytes that were ever queued, those that were dropped not counted
  #written = 0; // bytes that were ever written
  #progress = 0; // when something was last written, or began to be
  #waiters: { at: number; resolve: () => void }[] = [];

  /**
   * @param limit the most bytes of events that may wait, those in flight not counted
   * @param patienceMs how long a reader may take for what is in flight before the limit holds, in milliseconds
   */
  constructor(sink: Sink, turns: Turns, limit: number, patienceMs = 0) {
    this.#sink = sink;
    this.#turns = turns;
    this.#limit = limit;
    this.#patienceMs = patienceMs;
  }

  /** Bytes that are not written yet. */
  get pending(): number {
    return this.#queued + this.#inFlight;
  }

  /** Bytes that were ever written. */
  get sent(): number {
    return this.#written;
  }

  /** Queues an event's bytes; they must not be changed afterwards. */
  push(bytes: Uint8Array): PushResult {
    if (this.#state !== "open") return "closed";
    if (this.#events + bytes.length > this.#limit && this.#isSlow(this.#events + bytes.length)) {
      this.#state = "slow";
      this.#taken -= this.#queued;
      for (const waiter of this.#waiters) waiter.at = Math.min(waiter.at, this.#taken);
      this.#drop();
      this.#wake();
      return "slow";
    }
    this.#events += bytes.length;
    this.#queue(bytes);
    return "accepted";
  }

  /** Queues an answer's bytes, however many. */
  answer(bytes: Uint8Array): void {
    if (this.#state === "open") this.#queue(bytes);
  }

  /** Resolves when all but so many bytes of what is queued now are written or dropped, or when the outbox is closed. */
  written(allBut = 0): Promise<void> {
    const at = this.#taken - allBut;
    if (this.#written >= at || this.#state === "closed") return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ at, resolve }));
  }

  /** Writes what is queued and these last bytes, and takes nothing more; resolves when all is out or lost. */
  finish(last?: Uint8Array): Promise<void> {
    if (this.#state === "open" || this.#state === "slow") {
      if (last) this.#queue(last);
      this.#state = "finishing";
    }
    return this.written();
  }

  /** Gives up what is not written. */
  close(): void {
    this.#state = "closed";
    this.#drop();
    this.#wake();
  }

  /** Starts the next write, when the turn is over. */
  flush(): void {
    this.#scheduled = false;
    if (this.#inFlight > 0 || this.#queued === 0) return;
    const bytes = this.#chunks.length === 1 ? this.#chunks[0] : this.#gather();
    this.#drop();
    this.#inFlight = bytes.length;
    this.#write(bytes);
  }

  /** Whether it is the reader who holds up so many bytes of events. */
  #isSlow(events: number): boolean {
    if (this.#patienceMs === 0 || events > burstFactor * this.#limit) return true;
    return this.#inFlight > 0 && performance.now() - this.#progress > this.#patienceMs;
  }

  #drop(): void {
    this.#chunks = [];
    this.#queued = 0;
    this.#events = 0;
  }

  #queue(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#queued += bytes.length;
    this.#taken += bytes.length;
    if (this.#scheduled || this.#inFlight > 0) return;
    this.#scheduled = true;
    this.#turns.schedule(this);
  }

  #gather(): Uint8Array {
    const bytes = new Uint8Array(this.#queued);
    let offset = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  }

  /** Writes the bytes, in as many pieces as the sink takes. */
  #write(bytes: Uint8Array): void {
    this.#progress = performance.now();
    this.#sink.write(bytes).then((count) => {
      this.#written += count;
      if (count < bytes.length) this.#write(bytes.subarray(count));
      else this.#finished();
    }, () => {
      // The peer is gone: the reading side notices the same and ends the session.
      this.#inFlight = 0;
      this.close();
    });
  }

  #finished(): void {
    this.#inFlight = 0;
    this.#wake();
    if (this.#queued > 0 && !this.#scheduled) {
      this.#scheduled = true;
      this.#turns.schedule(this);
    }
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const ready = (waiter: { at: number }) => this.#state === "closed" || this.#written >= waiter.at;
    const woken = this.#waiters.filter(ready);
    this.#waiters = this.#waiters.filter((waiter) => !ready(waiter));
    for (const { resolve } of woken) resolve();
  }
}
