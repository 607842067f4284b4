import type { Limits } from "../../limits/limits.ts";

/** Of how many networks it is remembered that something was left out: the oldest is forgotten first. */
const maxNetworks = 10_000;

/**
 * Decides which refused attempts to log in are written, so that nobody floods the logs by being refused: so many of a
 * network in a minute. The rest is counted, and the count stands in the network's next record that is written.
 */
export class RefusalLog {
  readonly #limits: Limits;
  readonly #omitted = new Map<string, number>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Takes note of an attempt.
   *
   * @param refused whether it was; what has succeeded is always written
   * @returns how many of the network were left out before it; undefined where it is left out as well
   */
  write(network: string, refused: boolean): number | undefined {
    const omitted = this.#omitted.get(network) ?? 0;
    this.#omitted.delete(network);
    if (!refused || this.#limits.pace.written_refusals.take(network)) return omitted;
    this.#omitted.set(network, omitted + 1);
    if (this.#omitted.size > maxNetworks) this.#omitted.delete(this.#omitted.keys().next().value!);
    return undefined;
  }
}
