/** Has bytes to pass on when the turn of the event loop is over. */
export interface Flushable {
  /** Passes them on. What it schedules meanwhile is flushed in the same turn. */
  flush(): void;
}

/** The end of turns, as those need it that wait for it. */
export interface Turns {
  /** Has `flush` called when this turn is over. */
  schedule(flushable: Flushable): void;
}

/** The shortest time that is waited, in milliseconds: a timer is late by as much, and costs more than a short flush. */
export const leastWaitMs = 1;

/** The longest time between two flushes, in milliseconds: during a flush that took longer the process was stopped. */
const longestPaceMs = 100;

/** Runs something after so many milliseconds. @returns what cancels it */
export type After = (ms: number, run: () => void) => () => void;

const afterTimeout: After = (ms, run) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/**
 * Flushes, at the end of each turn of the event loop, all that gathered in it.
 *
 * 1. Under load flushes take long: the next one comes no sooner after the last one than that took. So flushes take at
 *    most half of the time, and each write carries more.
 * 2. Where the last one was short or is long ago, nobody waits: the flush comes at the end of the turn.
 * 3. Nobody waits long because the process was stopped in the middle of a flush.
 */
export class FlushScheduler implements Turns, Disposable {
  readonly #now: () => number;
  readonly #after: After;
  #waiting: Flushable[] = [];
  #armed = false;
  #cancel = () => {};
  #notBefore = 0;
  readonly #runs = () => this.#run(); // one for all turns

  /** @param now milliseconds, by a clock that never goes back */
  constructor(now: () => number = () => performance.now(), after: After = afterTimeout) {
    this.#now = now;
    this.#after = after;
  }

  schedule(flushable: Flushable): void {
    this.#waiting.push(flushable);
    if (this.#armed) return;
    this.#armed = true;
    const wait = this.#notBefore - this.#now();
    if (wait >= leastWaitMs) this.#cancel = this.#after(wait, this.#runs);
    else setImmediate(this.#runs);
  }

  /** Ends it: nothing is flushed from then on. */
  [Symbol.dispose](): void {
    this.#armed = true;
    this.#cancel();
  }

  #run(): void {
    const start = this.#now();
    const waiting = this.#waiting;
    for (let index = 0; index < waiting.length; index++) waiting[index].flush(); // it grows meanwhile
    this.#waiting = [];
    this.#armed = false;
    const end = this.#now();
    this.#notBefore = end + Math.min(end - start, longestPaceMs);
  }
}
