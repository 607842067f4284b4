import { type Clock, pause } from "../../common/time.ts";

/** Who has typed nothing for so long has seen what came up meanwhile, in milliseconds. */
export const pauseMs = 1_000;

/** What was typed before the client read it has come after so long, in milliseconds. */
export const drainMs = 50;

/** When a person typed last, and whether they have paused since. */
export class TypingPause {
  readonly #clock: Clock;
  #typedAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    // What was typed before the client was there comes at once.
    this.#typedAt = clock.now() - pauseMs + drainMs;
  }

  /** Whether nothing was typed for a while. */
  get isPause(): boolean {
    return this.#clock.now() - this.#typedAt >= pauseMs;
  }

  /** A key was typed, or something came up that is to be seen first. */
  begin(): void {
    this.#typedAt = this.#clock.now();
  }

  /** Waits until nothing was typed for `ms` milliseconds, but no longer than for `most`, and not when it is over. */
  async quiet(ms: number, over: AbortSignal, most = Infinity): Promise<void> {
    const end = this.#clock.now() + most;
    for (;;) {
      const left = Math.min(this.#typedAt + ms, end) - this.#clock.now();
      if (left <= 0 || over.aborted) return;
      await pause(left, over, this.#clock);
    }
  }
}
