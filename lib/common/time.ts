/**
 * Waiting, time limits and backoff, for server and client alike. Time is a port, so that no test waits.
 */

/** Tells the time and lets it pass. */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /**
   * Resolves after `ms` milliseconds.
   *
   * @throws the signal's reason, at once, when it is aborted
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock, which nobody can set back. */
export const systemClock: Clock = {
  now: () => performance.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal?.addEventListener("abort", stop, { once: true });
    });
  },
};

/** Resolves after `ms` milliseconds, or as soon as the signal is aborted. It never throws. */
export async function pause(ms: number, signal?: AbortSignal, clock: Clock = systemClock): Promise<void> {
  await clock.sleep(ms, signal).catch(() => {});
}

/** Work took longer than it may. */
export class TimeLimitError extends Error {
  override name = "TimeLimitError";

  constructor(message = "it did not answer in time") {
    super(message);
  }
}

/**
 * Gives work a time limit. Work that is late goes on, unless it heeds its signal; its outcome is dropped.
 *
 * @param ms the limit in milliseconds
 * @param work a promise, or what makes one; it gets a signal that is aborted when the time is over
 * @returns what the work resolves to
 * @throws {TimeLimitError} if it takes longer
 * @throws what the work throws
 *
 * @example Waits for a second at most
 * ```ts
 * import { allowLate, within } from "./time.ts";
 *
 * const goodbye = Promise.resolve();
 * await within(1_000, goodbye).catch(allowLate);
 * ```
 */
export async function within<T>(
  ms: number,
  work: Promise<T> | ((late: AbortSignal) => Promise<T>),
  clock: Clock = systemClock,
): Promise<T> {
  const done = new AbortController();
  const late = new AbortController();
  const limit = clock.sleep(ms, done.signal).then(() => {
    const error = new TimeLimitError();
    late.abort(error);
    throw error;
  });
  try {
    return await Promise.race([typeof work === "function" ? work(late.signal) : work, limit]);
  } finally {
    done.abort();
  }
}

/** For a `catch` after {@linkcode within}: late work gives undefined. @throws any other error */
export function allowLate(error: unknown): undefined {
  if (!(error instanceof TimeLimitError)) throw error;
}

/** How the pauses between attempts grow. */
export interface BackoffOptions {
  /** The first pause, in milliseconds. */
  readonly firstMs: number;
  /** The longest pause, in milliseconds. */
  readonly maxMs: number;
  /** How much of a pause is left to chance, from 0 to 1, so that many do not come back in one wave; nothing by default. */
  readonly jitter?: number;
  /** Gives a number from 0 to 1. */
  readonly random?: () => number;
}

/**
 * How long to wait before another attempt: each pause is twice as long as the one before, up to a limit.
 *
 * @param failures how many attempts have failed since the last that went well, less one: 0 gives the first pause
 * @returns milliseconds; with jitter, at most the pause and at least its part that is not left to chance
 */
export function backoff(
  failures: number,
  { firstMs, maxMs, jitter = 0, random = Math.random }: BackoffOptions,
): number {
  const pause = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30));
  return Math.round(pause * (1 - jitter * (1 - random())));
}
