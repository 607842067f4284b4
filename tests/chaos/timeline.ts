/**
 * A run's clock, what happened when, and how late this process itself was.
 */

import { Outages } from "./outages.ts";

/** How often this process looks whether it is late, in milliseconds. */
const beatMs = 50;

/** How late it may be without being excused for it, in milliseconds. */
const lateMs = 50;

/** See the file's first line. */
export class Timeline implements Disposable {
  /** When this process was too busy, or stopped, to see an answer in time. */
  readonly lateness = new Outages();
  readonly #start = performance.now();
  readonly #notes: string[] = [];
  readonly #told: (line: string) => void;
  readonly #beat: ReturnType<typeof setInterval>;

  /** @param told told each line as it is noted */
  constructor(told: (line: string) => void = () => {}) {
    this.#told = told;
    let last = this.now;
    this.#beat = setInterval(() => {
      const now = this.now;
      if (now - last > beatMs + lateMs) this.lateness.begin(last)(now);
      last = now;
    }, beatMs);
  }

  /** Milliseconds since the run began. */
  get now(): number {
    return performance.now() - this.#start;
  }

  /** What was noted, in order. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  note(text: string): void {
    const line = `${seconds(this.now)} ${text}`;
    this.#notes.push(line);
    this.#told(line);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#beat);
  }
}

/** A time of the run as it is printed. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3).padStart(8)} s`;
}
