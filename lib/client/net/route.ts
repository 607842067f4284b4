import type { ServerAddress } from "../base/address.ts";
import type { BackoffOptions, Clock } from "../../common/time.ts";
import { pauseBefore } from "./backoff.ts";

/** Settings and ports of a route. */
export interface RouteOptions {
  /** At least one. */
  readonly servers: readonly ServerAddress[];
  readonly clock: Clock;
  readonly backoff?: BackoffOptions;
  /** A number from 0 to 1. */
  readonly random?: () => number;
  /** After how many milliseconds without a session it is to be given up; never by default. */
  readonly giveUpMs?: number;
}

/** A session that came back and is lost again within this time, in milliseconds, has not really come back. */
const stableMs = 5_000;

/** For how long failed attempts mean nothing when a server has moved its clients off, in milliseconds. */
const quietMs = 3_000;

/**
 * Which server is tried next, and when.
 *
 * The list is gone through in turn: one round at once, each further round after a longer pause. A server that said when
 * to come back is taken at its word.
 */
export class Route {
  readonly #options: RouteOptions;
  #index = 0;
  #attempt = 0;
  #retryAfterMs: number | undefined;
  #moved = false;
  #returned = false;
  #reachedAt = 0;
  #lostAt: number | undefined;

  constructor(options: RouteOptions) {
    this.#options = options;
  }

  /** The server to try now. */
  get server(): ServerAddress {
    const { servers } = this.#options;
    return servers[this.#index % servers.length];
  }

  /** Whether every server was tried since the last success. */
  get exhausted(): boolean {
    return this.#attempt >= this.#options.servers.length;
  }

  /** For how long there has been no session, in milliseconds. */
  get lostForMs(): number {
    return this.#lostAt === undefined ? 0 : this.#options.clock.now() - this.#lostAt;
  }

  /** Whether it is time to give up. */
  get hopeless(): boolean {
    return this.lostForMs >= (this.#options.giveUpMs ?? Infinity);
  }

  /** Whether a failed attempt means nothing yet: a server that moves its clients off is soon back, or the next is. */
  get patient(): boolean {
    return this.#moved && this.lostForMs <= quietMs;
  }

  /** How long to wait before the next attempt, in milliseconds. */
  pause(): number {
    const { servers, backoff, random = Math.random } = this.#options;
    const ms = this.#retryAfterMs ?? pauseBefore(this.#attempt, servers.length, random, backoff);
    this.#retryAfterMs = undefined;
    return ms;
  }

  /** A server said after how many milliseconds to come back. */
  retryAfter(ms: unknown): void {
    if (typeof ms === "number" && ms >= 0) this.#retryAfterMs = ms;
  }

  /** An attempt failed. */
  failed(): void {
    this.#attempt++;
    this.#index++;
  }

  /** The session is there. */
  reached(): void {
    this.#reachedAt = this.#options.clock.now();
    this.#lostAt = undefined;
    this.#retryAfterMs = undefined;
  }

  /**
   * The session is lost.
   *
   * @param moved whether the server has moved its clients off: another is to be tried first
   */
  lost(moved: boolean): void {
    this.#moved = moved;
    this.#lostAt = this.#options.clock.now();
    this.#attempt = this.#returned && this.#lostAt - this.#reachedAt < stableMs ? this.#attempt + 1 : 0;
    this.#returned = true;
    if (moved) this.#index++;
  }

  /** Begins anew: the next loss is the first. */
  reset(): void {
    this.#attempt = 0;
    this.#returned = false;
  }
}
