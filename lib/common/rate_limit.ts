/**
 * How often something may happen: token buckets, one alone or one for each key.
 *
 * A bucket is one number (the generic cell rate algorithm, ITU-T I.371, annex A): the time at which it will be full
 * again. Nothing here has a timer, and a limiter holds a bounded number of keys, so that a peer who makes up keys
 * costs no memory.
 */

/** How fast tokens come back, and how many may be saved up. */
export interface BucketOptions {
  /** Tokens per second. */
  readonly rate: number;
  /** How many tokens a full bucket holds: at least 1. */
  readonly burst: number;
  /** The time in milliseconds, by a clock that never goes back; by default the process's own. */
  readonly now?: () => number;
}

/** What rounding may add up to, in milliseconds, before it counts. */
const tolerance = 1e-3;

/** The arithmetic that both kinds of limiter share; `fullAt` is the bucket. */
class Pace {
  readonly now: () => number;
  readonly #interval: number;
  readonly #capacity: number;

  constructor({ rate, burst, now = () => performance.now() }: BucketOptions) {
    if (!(rate > 0 && burst >= 1)) throw new RangeError(`A bucket of ${burst} tokens at ${rate} per second`);
    this.now = now;
    this.#interval = 1000 / rate;
    this.#capacity = burst * this.#interval;
  }

  /** When the bucket will be full once `tokens` are taken out of it. */
  after(fullAt: number, tokens: number, now: number): number {
    return Math.max(fullAt, now) + tokens * this.#interval;
  }

  /** The same where there may be too few: as if the bucket could be a full one below empty. */
  charged(fullAt: number, tokens: number, now: number): number {
    return Math.min(this.after(fullAt, tokens, now), now + 2 * this.#capacity);
  }

  /** When the bucket will be full once `tokens` are put back. */
  refunded(fullAt: number, tokens: number): number {
    return fullAt - tokens * this.#interval;
  }

  /** How long until `tokens` can be taken, in milliseconds. */
  wait(fullAt: number, tokens: number, now: number): number {
    if (tokens * this.#interval > this.#capacity + tolerance) return Infinity;
    const wait = this.after(fullAt, tokens, now) - now - this.#capacity;
    return wait > tolerance ? Math.ceil(wait - tolerance) : 0;
  }
}

/**
 * One bucket, full at first.
 *
 * @example
 * ```ts
 * import { TokenBucket } from "./rate_limit.ts";
 *
 * let time = 0;
 * const bucket = new TokenBucket({ rate: 2, burst: 1, now: () => time });
 * if (!bucket.take() || bucket.take() || bucket.waitMs() !== 500) throw new Error("unexpected");
 * time = 500;
 * if (!bucket.take()) throw new Error("unexpected");
 * ```
 */
export class TokenBucket {
  readonly #pace: Pace;
  #fullAt = -Infinity;

  /** @throws {RangeError} if the rate is not above 0 or the bucket holds less than one token */
  constructor(options: BucketOptions) {
    this.#pace = new Pace(options);
  }

  /**
   * Takes tokens out, all or none.
   *
   * @returns whether there were enough
   */
  take(tokens = 1): boolean {
    const now = this.#pace.now();
    if (this.#pace.wait(this.#fullAt, tokens, now) > 0) return false;
    this.#fullAt = this.#pace.after(this.#fullAt, tokens, now);
    return true;
  }

  /** How long until as many tokens can be taken, in whole milliseconds; `Infinity` where the bucket is too small. */
  waitMs(tokens = 1): number {
    return this.#pace.wait(this.#fullAt, tokens, this.#pace.now());
  }
}

/** {@linkcode BucketOptions} for each key, and how many keys there may be. */
export interface KeyedOptions extends BucketOptions {
  /** How many keys are remembered; beyond it the one that was asked about longest ago is forgotten. */
  readonly maxKeys?: number;
}

/**
 * One bucket for each key, each full at first.
 *
 * 1. At most `maxKeys` (10,000) are remembered. A key that keeps being asked about, allowed or not, is not the one
 *    that is forgotten: a client that is held back gains nothing by making up other keys while trying on.
 * 2. A full bucket is like none, and is dropped in passing: each taking looks at two keys more.
 */
export class KeyedLimiter {
  readonly #pace: Pace;
  readonly #maxKeys: number;
  /** Key → when its bucket is full; the one asked about longest ago is first. */
  readonly #fullAt = new Map<string, number>();
  #sweep = this.#fullAt.entries();

  /** @throws {RangeError} if the rate is not above 0, or there is room for less than one token or one key */
  constructor({ maxKeys = 10_000, ...bucket }: KeyedOptions) {
    if (!(maxKeys >= 1)) throw new RangeError(`A limiter of ${maxKeys} keys`);
    this.#pace = new Pace(bucket);
    this.#maxKeys = maxKeys;
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#fullAt.size;
  }

  /**
   * Takes tokens out of the key's bucket, all or none.
   *
   * @returns whether there were enough
   */
  take(key: string, tokens = 1): boolean {
    return this.#takeWhere(key, tokens, tokens);
  }

  /** Takes tokens out where there is at least one: the others are owed, at most one bucket's. @returns whether there was */
  takeOwing(key: string, tokens: number): boolean {
    return this.#takeWhere(key, 1, tokens);
  }

  /** Takes tokens out even where there are none left: the key then waits for them too, at most for one bucket more. */
  charge(key: string, tokens = 1): void {
    this.#takeWhere(key, 0, tokens);
  }

  /** Takes tokens where there are so many. What keeps being asked about moves to the end of those to be forgotten. */
  #takeWhere(key: string, needed: number, tokens: number): boolean {
    const now = this.#pace.now();
    this.#dropFull(now);
    const known = this.#fullAt.get(key);
    const fullAt = known ?? -Infinity;
    const enough = needed === 0 || this.#pace.wait(fullAt, needed, now) === 0;
    if (!enough && known === undefined) return false;
    this.#fullAt.delete(key);
    this.#fullAt.set(key, enough ? this.#pace.charged(fullAt, tokens, now) : fullAt);
    if (this.#fullAt.size > this.#maxKeys) this.#fullAt.delete(this.#fullAt.keys().next().value!);
    return enough;
  }

  /** Gives tokens back that were taken for nothing. */
  refund(key: string, tokens = 1): void {
    const fullAt = this.#fullAt.get(key);
    if (fullAt !== undefined) this.#fullAt.set(key, this.#pace.refunded(fullAt, tokens));
  }

  /** Whether {@linkcode take} would find a token; takes none. */
  peek(key: string): boolean {
    return this.retryAfterMs(key) === 0;
  }

  /** How long until the key's bucket has as many tokens, in whole milliseconds; `Infinity` where it is too small. */
  retryAfterMs(key: string, tokens = 1): number {
    return this.#pace.wait(this.#touch(key), tokens, this.#pace.now());
  }

  /** The keys whose buckets are empty, and for how long, in milliseconds. */
  *empty(): IterableIterator<{ key: string; retryAfterMs: number }> {
    const now = this.#pace.now();
    for (const [key, fullAt] of this.#fullAt) {
      const retryAfterMs = this.#pace.wait(fullAt, 1, now);
      if (retryAfterMs > 0) yield { key, retryAfterMs };
    }
  }

  /** Fills the key's bucket. @returns whether it was not full */
  clear(key: string): boolean {
    return this.#fullAt.delete(key);
  }

  /** The key's bucket, moved to the end of those that may be forgotten. */
  #touch(key: string): number {
    const fullAt = this.#fullAt.get(key);
    if (fullAt === undefined) return -Infinity;
    this.#fullAt.delete(key);
    this.#fullAt.set(key, fullAt);
    return fullAt;
  }

  /** A map's iterator lives on through changes, so the next two keys are simply the next two. */
  #dropFull(now: number): void {
    for (let i = 0; i < 2; i++) {
      const { value, done } = this.#sweep.next();
      if (done) this.#sweep = this.#fullAt.entries();
      else if (value[1] <= now) this.#fullAt.delete(value[0]);
    }
  }
}
