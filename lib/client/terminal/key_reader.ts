import { type Clock, pause } from "../../common/time.ts";
import { type Key, KeyDecoder, type KeyDecoderOptions } from "./keys.ts";
import { UnmarkedPaste } from "./unmarked_paste.ts";

/** In such steps the time is counted in which the rest of a key could have come, in milliseconds. */
const stepMs = 5;

/** A step that takes longer is one in which nothing was read. */
const longestStepMs = 2 * stepMs;

/** After so long nothing of a key is waited for any more, in milliseconds. */
const longestMs = 60_000;

/** Who takes the keys. */
export interface KeyTaker {
  /** Whether what comes next was typed ahead, if it begins like a command or not, and is no paste. */
  ahead(command: boolean): boolean;
  take(key: Key): void;
}

/**
 * Reads keys off a terminal, and hands them out in order.
 *
 * Promises:
 * 1. What a line leads to comes before the keys behind it: they may be for another reader.
 * 2. Several lines that come at once are a paste, with marks around it or without. A command at their beginning was
 *    typed ahead: what follows may be the answer to what it asks.
 * 3. The rest of a key is late only if it could have been read earlier: while the process is stopped or busy, no time
 *    passes.
 */
export class KeyReader {
  readonly #decoder: KeyDecoder;
  readonly #unmarked: UnmarkedPaste;

  readonly #clock: Clock;
  readonly #to: KeyTaker;
  /** The time that has passed for a key's rest, in milliseconds. */
  #waited = 0;

  constructor(options: KeyDecoderOptions, clock: Clock, to: KeyTaker) {
    this.#clock = clock;
    this.#to = to;
    this.#decoder = new KeyDecoder({ ...options, now: () => this.#waited });
    this.#unmarked = new UnmarkedPaste(() => clock.now());
  }

  /** Reads until the terminal has gone, or is not wanted any more. */
  async run(read: (buffer: Uint8Array) => Promise<number | null>, wanted: () => boolean): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      for (let count; wanted() && (count = await this.#arrival(read(buffer))) !== null;) {
        await this.#handOut(this.#decoder.push(buffer.subarray(0, count)));
      }
    } catch {
      // the terminal is gone
    }
  }

  /** Waits for what is read, and counts the time if the rest of a key is awaited. */
  async #arrival<T>(reading: Promise<T>): Promise<T> {
    if (!this.#decoder.isUnfinished) return await reading;
    const arrived = new AbortController();
    const arrival = reading.finally(() => arrived.abort());
    arrival.catch(() => {}); // it is thrown below
    let last = this.#clock.now();
    for (let ms = 0; ms < longestMs && !arrived.signal.aborted; ms += stepMs) {
      await pause(stepMs, arrived.signal, this.#clock);
      const now = this.#clock.now();
      this.#waited += Math.min(now - last, longestStepMs);
      last = now;
    }
    return await arrival;
  }

  async #handOut(typed: readonly Key[]): Promise<void> {
    for (let left = typed; left.length > 0;) {
      const gathered = this.#to.ahead(beginsCommand(left)) ? left : this.#unmarked.gather(left);
      const line = gathered.slice(0, gathered === left ? left.findIndex(isEnter) + 1 || left.length : gathered.length);
      left = gathered.slice(line.length);
      for (const key of line) this.#to.take(key);
      if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
}

function isEnter(key: Key): boolean {
  return key.kind === "key" && key.name === "enter";
}

function beginsCommand([first]: readonly Key[]): boolean {
  return first.kind === "text" && /^\/[^/]/.test(first.text);
}
