import { ChatError, type ErrorCode } from "../common/errors.ts";
import { KeyedLimiter } from "../common/rate_limit.ts";
import type { Config } from "../config/config.ts";
import type { Metrics } from "../observability/metrics.ts";
import { fold } from "../wire/names.ts";
import { type LimitName, limitNames, type PaceName, paceTable } from "./limit_table.ts";
import { peerOf } from "./peer.ts";

/** A key that has to wait. */
export interface HeldBack {
  readonly limit: PaceName;
  readonly key: string;
  readonly retryAfterMs: number;
}

/** How many were refused, by limit. */
export type Refusals = Readonly<Record<LimitName, { value: number }>>;

/** Makes a cell of `chat_limit_refusals_total` for each limit, so that all are shown from the start. */
export function refusalCounters(metrics: Metrics): Refusals {
  const cells = limitNames.map((limit) => [limit, metrics.counter("chat_limit_refusals_total", { limit })]);
  return Object.fromEntries(cells);
}

/** One limit on pace: a bucket of tokens for each key. */
export class PaceLimit {
  readonly #name: PaceName;
  readonly #config: Config;
  readonly #refused: { value: number };
  readonly #now: () => number;
  #buckets: { readonly tokens: number; readonly seconds: number; readonly limiter: KeyedLimiter } | undefined;

  constructor(name: PaceName, config: Config, refused: { value: number }, now: () => number) {
    this.#name = name;
    this.#config = config;
    this.#refused = refused;
    this.#now = now;
  }

  /**
   * Takes tokens, all or none; a refusal is counted.
   *
   * @returns whether there were enough
   */
  take(key: string, tokens = 1): boolean {
    const taken = this.#limiter?.take(key, tokens) ?? true;
    if (!taken) this.#refused.value++;
    return taken;
  }

  /** Takes tokens where there is one at least: see {@linkcode KeyedLimiter.takeOwing}; that there is none is no refusal. */
  takeOwing(key: string, tokens: number): boolean {
    return this.#limiter?.takeOwing(key, tokens) ?? true;
  }

  /** Takes tokens even where there are none: see {@linkcode KeyedLimiter.charge}. */
  charge(key: string, tokens = 1): void {
    this.#limiter?.charge(key, tokens);
  }

  /** Gives tokens back that were taken for nothing. */
  refund(key: string, tokens = 1): void {
    this.#limiter?.refund(key, tokens);
  }

  /** How long until there are as many tokens, in milliseconds. */
  waitMs(key: string, tokens = 1): number {
    return this.#limiter?.retryAfterMs(key, tokens) ?? 0;
  }

  /**
   * Throws where the key has no token left; takes none.
   *
   * @param what what there were too many of: "failed logins as bob"
   * @throws {ChatError} `too_many_attempts`, or the code that was given, with `retry_after_ms`
   */
  check(key: string, what: string, code?: ErrorCode): void {
    const wait = this.waitMs(key);
    if (wait === 0) return;
    this.#refused.value++;
    throw tooMany(what, wait, code);
  }

  /**
   * Takes a token, or as many as are given.
   *
   * @throws {ChatError} as {@linkcode check} does, where there is none
   */
  spend(key: string, what: string, code?: ErrorCode, tokens = 1): void {
    if (!this.take(key, tokens)) throw tooMany(what, this.waitMs(key, tokens), code);
  }

  /** The keys that have to wait. */
  *held(): IterableIterator<HeldBack> {
    for (const { key, retryAfterMs } of this.#limiter?.empty() ?? []) yield { limit: this.#name, key, retryAfterMs };
  }

  /** Gives a key all its tokens back. @returns whether some were missing */
  clear(key: string): boolean {
    return this.#limiter?.clear(key) ?? false;
  }

  /** Undefined where nothing is limited; begun anew where the configuration has changed. */
  get #limiter(): KeyedLimiter | undefined {
    if (!this.#config.rateLimit) return this.#buckets = undefined;
    const [tokens, seconds] = paceTable[this.#name].pace(this.#config);
    if (this.#buckets?.tokens !== tokens || this.#buckets.seconds !== seconds) {
      const limiter = new KeyedLimiter({ rate: tokens / seconds, burst: Math.max(1, tokens), now: this.#now });
      this.#buckets = { tokens, seconds, limiter };
    }
    return this.#buckets.limiter;
  }
}

/**
 * All limits of one server: those on pace as they are named in the table, and the count of what each limit refused.
 *
 * Each server counts for itself; a limit on pace that is counted by user holds on each server by itself.
 */
export class Limits {
  /** The limits on pace. */
  readonly pace: Readonly<Record<PaceName, PaceLimit>>;
  readonly #refusals: Refusals;

  /**
   * @param config read at each use: it may change meanwhile
   * @param refusals what is counted on
   */
  constructor(config: Config, refusals: Refusals, now: () => number = () => performance.now()) {
    this.#refusals = refusals;
    this.pace = Object.fromEntries(
      (Object.keys(paceTable) as PaceName[]).map((name) => [name, new PaceLimit(name, config, refusals[name], now)]),
    ) as Record<PaceName, PaceLimit>;
  }

  /** Counts something that a limit refused, where the limit is enforced elsewhere. */
  refused(limit: LimitName): void {
    this.#refusals[limit].value++;
  }

  /** All keys that have to wait, the longest first. */
  held(): HeldBack[] {
    return Object.values(this.pace).flatMap((limit) => [...limit.held()])
      .sort((a, b) => b.retryAfterMs - a.retryAfterMs);
  }

  /**
   * Lets somebody wait no longer.
   *
   * @param key a user, an address or a network; everybody where it is left out
   * @returns how many buckets were empty, and are full now
   */
  clear(key?: string): number {
    const peer = key === undefined ? undefined : peerOf(key);
    const meant = peer && [fold(key!), peer.address, peer.network];
    const isMeant = (held: string) => !meant || [held, ...held.split(" ")].some((part) => meant.includes(part));
    let cleared = 0;
    for (const limit of Object.values(this.pace)) {
      for (const { key: held } of [...limit.held()]) if (isMeant(held) && limit.clear(held)) cleared++;
    }
    return cleared;
  }
}

/** Joins what is counted together into a key. */
export function keyOf(account: string, network: string): string {
  return `${account} ${network}`;
}

function tooMany(what: string, retryAfterMs: number, code: ErrorCode = "too_many_attempts"): ChatError {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return new ChatError(code, `Too many ${what}; try again in ${seconds} s`, {
    retry_after_ms: Math.ceil(retryAfterMs),
  });
}
