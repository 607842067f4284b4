import type { Tty } from "../terminal/terminal.ts";

/** The shortest time between two frames that nobody has typed for, in milliseconds. */
const frameMs = 33;

const encoder = new TextEncoder();

/**
 * When a screen is drawn, and how it gets to the terminal.
 *
 * Promises:
 * 1. what a person types is drawn in the same turn; anything else at most 30 times a second;
 * 2. one write is under way at a time, and when a slow terminal has taken it, the newest state is drawn, not every one
 *    in between.
 */
export class Painter {
  readonly #tty: Tty;
  readonly #compose: () => string;
  readonly #gone: () => void;
  #drawn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = false;
  #writing: Promise<void> | undefined;
  #stopped = false;

  /**
   * @param compose what is to be written for the next frame
   * @param gone called when the terminal takes nothing any more
   */
  constructor(tty: Tty, compose: () => string, gone: () => void) {
    this.#tty = tty;
    this.#compose = compose;
    this.#gone = gone;
  }

  /** Draws when the next frame is due. */
  soon(): void {
    if (this.#stopped || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.now(), Math.max(0, this.#drawn + frameMs - performance.now()));
  }

  /** Draws in this turn, after all that happens in it. */
  now(): void {
    this.#due = true;
    if (this.#stopped) return;
    this.#writing ??= this.#drawWhileDue();
  }

  /** Writes at once, even while something is being drawn. */
  write(text: string): void {
    const bytes = encoder.encode(text);
    for (let sent = 0; sent < bytes.length;) sent += this.#tty.writeSync(bytes.subarray(sent));
  }

  /** Waits until all is drawn. */
  async settled(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Draws no more, until {@linkcode start}. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Draws again. */
  start(): void {
    this.#stopped = false;
    this.now();
  }

  async #drawWhileDue(): Promise<void> {
    try {
      await Promise.resolve();
      while (this.#due && !this.#stopped) {
        this.#due = false;
        clearTimeout(this.#timer);
        this.#timer = undefined;
        this.#drawn = performance.now();
        const bytes = encoder.encode(this.#compose());
        for (let sent = 0; sent < bytes.length && !this.#stopped;) sent += await this.#tty.write(bytes.subarray(sent));
      }
    } catch {
      this.#gone();
    } finally {
      this.#writing = undefined;
    }
  }
}
