/**
 * Ends the turns: what gathered in one turn of the event loop is written when it is over.
 *
 * Under load a turn is longer: the next flush comes no sooner after the last than that took, and {@linkcode paceMs} at
 * least, so that writing takes no more than half of the time and each write carries more. Whoever comes after a pause is
 * not kept waiting, nor is anybody because the process was stopped in the middle of a flush.
 */

/** Something that has bytes to pass on once the turn is over. */
export interface Flushable {
  /** Passes them on; what this schedules is flushed in the same turn. */
  flush(): void;
}

/** Ends the turns. */
export interface Turns {
  /** Has `flush` called when this turn is over. */
  schedule(flushable: Flushable): void;
}

/** The time between two flushes under load, in milliseconds: seldom enough to gather, too short to be felt. */
export const paceMs = 2;

/** The longest time between two flushes, in milliseconds: one that took longer did not work, but stood still. */
const longestPaceMs = 100;

/** See the file's first lines. */
export class FlushScheduler implements Turns, Disposable {
  readonly #now: () => number;
  #waiting: Flushable[] = [];
  #armed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #notBefore = 0;

  /** @param now milliseconds, by a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  schedule(flushable: Flushable): void {
    this.#waiting.push(flushable);
    if (this.#armed) return;
    this.#armed = true;
    const wait = this.#notBefore - this.#now();
    if (wait > 0) this.#timer = setTimeout(() => this.#run(), wait);
    else setImmediate(() => this.#run());
  }

  /** Flushes no more. */
  [Symbol.dispose](): void {
    this.#armed = true;
    clearTimeout(this.#timer);
  }

  #run(): void {
    const start = this.#now();
    const waiting = this.#waiting;
    for (let index = 0; index < waiting.length; index++) waiting[index].flush(); // it grows meanwhile
    this.#waiting = [];
    this.#armed = false;
    const end = this.#now();
    this.#notBefore = end + Math.min(Math.max(paceMs, end - start), longestPaceMs);
  }
}
