/**
 * When to try the next server again.
 */

/** How the pauses between rounds of attempts grow. */
export interface BackoffOptions {
  /** The pause after the first round, in milliseconds, before jitter. */
  readonly firstMs: number;
  /** The longest pause, in milliseconds. */
  readonly maxMs: number;
}

/** Half a second, doubling to 15 seconds: quick for one server's restart, gentle on a long outage. */
export const defaultBackoff: BackoffOptions = { firstMs: 500, maxMs: 15_000 };

/**
 * How long to wait before an attempt.
 *
 * Every server of the list is tried once, at once; then each further round waits twice as long as the one before.
 * The upper half of a pause is random, so that many clients that lost one server do not return in one wave.
 *
 * @param attempt 0 for the first
 * @param servers how many there are to try in turn
 * @param random gives a number from 0 to 1
 * @returns milliseconds
 */
export function pauseBefore(
  attempt: number,
  servers: number,
  random: () => number,
  { firstMs, maxMs }: BackoffOptions = defaultBackoff,
): number {
  const round = Math.floor(attempt / servers);
  if (round === 0 || attempt % servers !== 0) return 0;
  const pause = Math.min(maxMs, firstMs * 2 ** Math.min(round - 1, 30));
  return Math.round(pause * (0.5 + random() / 2));
}
