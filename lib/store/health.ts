import type { Log } from "../observability/log.ts";
import { isStoreFailure, type StoreFailure, storeFailure } from "./failure.ts";

/** Settings and ports of a store's health. */
export interface StoreHealthOptions {
  readonly log: Pick<Log, "info" | "error">;
  /** The time in milliseconds. */
  readonly now?: () => number;
}

/** An outage that comes again so soon, in milliseconds, is the same that was not over. */
const recurringMs = 60_000;

/** So many times a probe has to go well at most before an outage is over that came again and again. */
const mostProbes = 32;

interface Outage {
  failure: StoreFailure;
  readonly since: number;
  /** The causes that were told. */
  readonly told: Set<string>;
  failedCalls: number;
  lastFailure: number;
  /** How many probes have gone well since. */
  calm: number;
}

/**
 * Whether a store can be used, from how its calls end.
 *
 * 1. An outage is told once when it begins (`store_failed`) and once when it is over (`store_back`), however many calls
 *    and connections fail in between. Where its cause turns out to be another, that is told once too.
 * 2. It is over when something could be written and nothing has failed since: reading may go well while nothing can be
 *    written. Where it comes again soon, writing has to go well twice as often.
 * 3. A damaged file stays so until the server is started again.
 */
export class StoreHealth {
  readonly #log: StoreHealthOptions["log"];
  readonly #now: () => number;
  #outage: Outage | undefined;
  #overAt = -Infinity;
  #lastCause: string | undefined;
  #probes = 1;

  constructor({ log, now = () => performance.now() }: StoreHealthOptions) {
    this.#log = log;
    this.#now = now;
  }

  /** Why the store cannot be used; undefined where it can. */
  get failure(): StoreFailure | undefined {
    return this.#outage?.failure;
  }

  /** A call failed. A refusal, or a fault of our own, says nothing of the store. */
  failed(operation: string, error: unknown): void {
    if (!isStoreFailure(error)) return;
    this.#failed(storeFailure(error), operation);
    if (this.#outage) this.#outage.failedCalls++;
  }

  /** A connection to the store broke, or could not be made. */
  fault(error: unknown): void {
    this.#failed(storeFailure(error));
  }

  /** Something was written. @param since when that began */
  wrote(since: number): void {
    const outage = this.#outage;
    if (!outage || outage.failure.lasting) return;
    if (outage.lastFailure >= since) outage.calm = 0;
    else if (++outage.calm >= this.#probes) this.#over(outage);
  }

  #failed(failure: StoreFailure, operation?: string): void {
    if (failure.cause === "settling") return;
    const now = this.#now();
    this.#outage ??= this.#begin(failure, now);
    const outage = this.#outage;
    outage.lastFailure = now;
    outage.calm = 0;
    if (outage.failure.lasting && !failure.lasting) return;
    // "It is not connected" says less than what was found before.
    if (outage.told.size > 0 && ["unreachable", "unknown"].includes(failure.cause)) return;
    outage.failure = failure;
    if (outage.told.has(failure.cause)) return;
    const { cause, reason, advice } = failure;
    const event = outage.told.size === 0 ? "store_failed" : "store_cause_found";
    outage.told.add(cause);
    this.#log.error(event, { cause, reason, advice, ...(operation === undefined ? {} : { operation }) });
  }

  #begin(failure: StoreFailure, now: number): Outage {
    const again = failure.cause === this.#lastCause && now - this.#overAt < recurringMs;
    this.#probes = again ? Math.min(this.#probes * 2, mostProbes) : 1;
    return { failure, since: now, told: new Set(), failedCalls: 0, lastFailure: now, calm: 0 };
  }

  #over({ failure, since, failedCalls }: Outage): void {
    this.#outage = undefined;
    this.#overAt = this.#now();
    this.#lastCause = failure.cause;
    const seconds = Math.round((this.#overAt - since) / 100) / 10;
    this.#log.info("store_back", { cause: failure.cause, seconds, failed_calls: failedCalls });
  }
}
