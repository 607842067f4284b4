/** How many there are of each: a set in which a key can be several times. */
export class Tally {
  readonly #counts = new Map<string, number>();

  /** How many there are of a key. */
  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Adds one. */
  add(key: string): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  /** Takes one out; a key of which none is left is forgotten. */
  delete(key: string): void {
    const left = this.of(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }

  /** The key of which there are most; undefined where there is none. */
  largest(): string | undefined {
    let found: string | undefined;
    for (const [key, count] of this.#counts) if (found === undefined || count > this.of(found)) found = key;
    return found;
  }
}
