/**
 * Time as the client uses it: an interface, so that no test waits.
 */

/** What tells the time and lets it pass. */
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

/** The machine's clock. */
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

/** Waits until something has come to its end, well or not, but for so many milliseconds at most. */
export async function atMost(clock: Clock, ms: number, what: Promise<unknown>): Promise<void> {
  const settled = new AbortController();
  const limit = clock.sleep(ms, settled.signal).catch(() => {});
  await Promise.race([what.catch(() => {}), limit]);
  settled.abort();
}
