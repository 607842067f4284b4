/**
 * Random numbers that come again with their seed.
 *
 * Whatever decides in a chaos run has a generator of its own, forked by name: what one of them draws does not depend on
 * how many numbers another has drawn.
 */

/** A generator; the same seed gives the same numbers. */
export class Prng {
  readonly seed: number;
  #state: number;

  /** @param seed a whole number */
  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** A number from 0 to 1, 1 excluded (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number, both bounds included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** Whether something with this probability happens. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)];
  }

  /** One of the names, each as often as its weight says. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T {
    const entries = Object.entries(weights) as [T, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) if ((left -= weight) < 0) return name;
    return entries[entries.length - 1][0];
  }

  /** The items in another order. */
  shuffled<T>(items: readonly T[]): T[] {
    const order = [...items];
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  /** How long until the next of events that come by chance, on average every `mean`. */
  wait(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  /** A generator of its own for somebody; drawing from either does not change the other. */
  fork(name: string | number): Prng {
    let hash = this.seed ^ 0x811c9dc5;
    for (const char of String(name)) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193); // FNV-1a
    return new Prng(Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d));
  }
}
