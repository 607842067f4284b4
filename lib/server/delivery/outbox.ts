/**
 * The bounded queue of bytes on their way to one connection. It knows neither formats nor TLS.
 */

import type { Flushable, Turns } from "./flush_scheduler.ts";

/** Where the bytes go: the part of `Deno.Conn` that an outbox needs. */
export interface Sink {
  write(bytes: Uint8Array): Promise<number>;
}

/** A reader that had no time to take its events may have this many times the limit waiting. */
export const burstFactor = 8;

/** Of all outboxes that have nothing queued; never changed. */
const noChunks: Uint8Array[] = [];
const nothing = new Uint8Array(0);

/** What became of a push. */
export type PushResult = "accepted" | "slow" | "closed";

/** Learns how far its reader has read. */
export interface ReadMarks {
  /** The bytes that were pushed with this number are written. */
  written(seq: number): void;
}

/** Settings and ports of an outbox. */
export interface OutboxOptions {
  /** How long a reader may take for what is in flight before the limit holds, in milliseconds; 0 by default. */
  readonly patienceMs?: number;
  /** Called once, by the push that finds the reader slow. */
  readonly onSlow?: () => void;
}

/**
 * One connection's queue of bytes.
 *
 * 1. Bytes go out in the order in which they were pushed. Nothing waits for a slow reader but its own queue.
 * 2. One write is in flight at a time. All that gathers meanwhile goes out in the next, as one write.
 * 3. A reader is slow when more events than the limit wait for it and it has not taken the last write for a while, or
 *    when {@linkcode burstFactor} times the limit wait. The push that finds it slow empties the queue and returns
 *    `slow`. A burst alone, of many publishers in one turn, is not the reader's fault.
 * 4. Answers do not count, since a client that asks has to wait while too much is pending.
 * 5. After `slow`, or once it is finishing, the outbox takes nothing more.
 * 6. A read mark that came with some bytes is told when the sink has taken them. Where they are dropped, it is not.
 */
export class Outbox implements Flushable {
  readonly #sink: Sink;
  readonly #turns: Turns;
  readonly #limit: number;
  readonly #patienceMs: number;
  readonly #onSlow: (() => void) | undefined;
  #chunks: Uint8Array[] = noChunks;
  #queued = 0;
  #events = 0; // of what is queued, the bytes that nobody asked for
  #inFlight = 0;
  #state: "open" | "slow" | "finishing" | "closed" = "open";
  #scheduled = false;
  #taken = 0; // bytes that were ever queued, those that were dropped not counted
  #written = 0; // bytes that were ever written
  #progress = 0; // when something was last written, or began to be
  #answeredUntil = 0; // of the bytes that were ever queued, where the last answer ends
  #writing: Uint8Array = nothing; // what the sink has not taken of what is in flight
  readonly #onTaken = (count: number) => this.#wrote(count); // two functions for all writes
  readonly #onLost = () => {
    // The peer is gone: the reading side notices the same and ends the session.
    this.#inFlight = 0;
    this.close();
  };
  #waiters: { at: number; resolve: () => void }[] = [];
  #marks: { at: number; seq: number; readonly marks: ReadMarks }[] = []; // in the order of `at`

  /** @param limit the most bytes of events that may wait, those in flight not counted */
  constructor(sink: Sink, turns: Turns, limit: number, { patienceMs = 0, onSlow }: OutboxOptions = {}) {
    this.#sink = sink;
    this.#turns = turns;
    this.#limit = limit;
    this.#patienceMs = patienceMs;
    this.#onSlow = onSlow;
  }

  /** Whether it takes nothing more. */
  get closed(): boolean {
    return this.#state !== "open";
  }

  /** Bytes that are not written yet. */
  get pending(): number {
    return this.#queued + this.#inFlight;
  }

  /** Bytes that were ever written. */
  get sent(): number {
    return this.#written;
  }

  /**
   * Queues an event's bytes; they must not be changed afterwards.
   *
   * @param marks is told of `seq` when these bytes are written; of several that are written together, of the last one
   */
  push(bytes: Uint8Array, seq = 0, marks?: ReadMarks): PushResult {
    if (this.#state !== "open") return "closed";
    if (this.#events + bytes.length > this.#limit && this.#isSlow(this.#events + bytes.length)) {
      this.#dropSlow();
      return "slow";
    }
    this.#events += bytes.length;
    this.#queue(bytes);
    if (marks) this.#mark(seq, marks);
    return "accepted";
  }

  /** For how long the reader has taken nothing of what is in flight, in milliseconds. */
  get stalledMs(): number {
    return this.#inFlight > 0 ? performance.now() - this.#progress : 0;
  }

  /** Whether an answer waits. */
  get answering(): boolean {
    return this.#written < this.#answeredUntil;
  }

  /** Queues an answer's bytes, without a limit: its connection sees to it that not too much waits. */
  answer(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#queue(bytes);
    this.#answeredUntil = this.#taken;
  }

  /** Gives the reader up, as a push does that finds it slow. */
  giveUp(): void {
    if (this.#state === "open") this.#dropSlow();
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
    this.#marks = [];
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

  #dropSlow(): void {
    this.#state = "slow";
    this.#taken -= this.#queued;
    this.#answeredUntil = Math.min(this.#answeredUntil, this.#taken);
    for (const waiter of this.#waiters) waiter.at = Math.min(waiter.at, this.#taken);
    this.#marks = this.#marks.filter(({ at }) => at <= this.#taken);
    this.#drop();
    this.#wake();
    this.#onSlow?.();
  }

  /** Notes whom to tell when all that is queued now is written. */
  #mark(seq: number, marks: ReadMarks): void {
    if (this.#written === this.#taken) return marks.written(seq);
    const last = this.#marks.at(-1);
    const inSameWrite = last !== undefined && last.at > this.#written + this.#inFlight;
    if (inSameWrite && last.marks === marks) [last.at, last.seq] = [this.#taken, seq];
    else this.#marks.push({ at: this.#taken, seq, marks });
  }

  #drop(): void {
    this.#chunks = noChunks;
    this.#queued = 0;
    this.#events = 0;
  }

  #queue(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#queued === 0) this.#chunks = [bytes];
    else this.#chunks.push(bytes);
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
    this.#writing = bytes;
    this.#sink.write(bytes).then(this.#onTaken, this.#onLost);
  }

  #wrote(count: number): void {
    this.#written += count;
    if (count < this.#writing.length) return this.#write(this.#writing.subarray(count));
    this.#inFlight = 0;
    this.#writing = nothing;
    if (this.#marks.length > 0) this.#tellMarks();
    this.#wake();
    if (this.#queued > 0 && !this.#scheduled) {
      this.#scheduled = true;
      this.#turns.schedule(this);
    }
  }

  #tellMarks(): void {
    while (this.#marks.length > 0 && this.#marks[0].at <= this.#written) {
      const { seq, marks } = this.#marks.shift()!;
      marks.written(seq);
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
