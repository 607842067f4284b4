/** Millions of latencies in 20 KB: each is known to within half a per cent, the greatest exactly. */

/** Buckets for each factor of e: neighbours are one per cent apart. */
const resolution = 100;

/** Up to e^23 µs, some hours. */
const buckets = 2300;

/** See the file's first line. */
export class Histogram {
  readonly #counts = new Uint32Array(buckets);
  #max = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The greatest, in milliseconds. */
  get max(): number {
    return this.#max;
  }

  /** @param ms one latency, in milliseconds */
  record(ms: number): void {
    const us = ms * 1000;
    const bucket = us <= 1 ? 0 : Math.min(buckets - 1, (Math.log(us) * resolution) | 0);
    this.#counts[bucket]++;
    this.#count++;
    if (ms > this.#max) this.#max = ms;
  }

  /** The latency that this share (0 to 1) of all does not exceed, in milliseconds; 0 where there is none. */
  quantile(share: number): number {
    let left = Math.ceil(this.#count * share);
    if (left === 0) return 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      left -= this.#counts[bucket];
      if (left <= 0) return Math.min(this.#max, Math.exp((bucket + 0.5) / resolution) / 1000);
    }
    return this.#max;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#max = 0;
    this.#count = 0;
  }
}
