import { backoff, type BackoffOptions } from "../../common/time.ts";

/** Half a second, doubling to 15 seconds: quick for one server's restart, gentle on a long outage. */
export const defaultBackoff: BackoffOptions = { firstMs: 500, maxMs: 15_000 };

/**
 * How long to wait before an attempt.
 *
 * Every server of the list is tried once, at once. Each further round waits twice as long as the one before. The upper
 * half of a pause is random, unless the options say otherwise, so that many clients that lost one server do not return in one wave.
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
  options: BackoffOptions = defaultBackoff,
): number {
  const round = Math.floor(attempt / servers);
  if (round === 0 || attempt % servers !== 0) return 0;
  return backoff(round - 1, { jitter: 0.5, ...options, random });
}
