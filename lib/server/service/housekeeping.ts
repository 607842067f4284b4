/**
 * What a server does again and again, by the clock, for as long as it runs.
 */

import { allowLate, within } from "../../common/time.ts";
import type { Log } from "../../observability/log.ts";
import { logFault } from "./store_watch.ts";

/**
 * A set of jobs, each with a loop of its own.
 *
 * 1. A job never runs twice at the same time. A run that takes longer than the period makes the next one later.
 * 2. A job that hangs or takes long holds up no other job.
 * 3. A run that fails is logged with the job's name, and the job goes on. Where the store cannot be used, that is told
 *    once for all jobs, elsewhere.
 */
export class Housekeeping {
  readonly #log: Log;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Repeats a job until {@linkcode stop}, for the first time after one period.
   *
   * @param job its name in the log
   * @param ms its period
   */
  every(job: string, ms: number, work: () => void | Promise<void>): void {
    let busy = false;
    this.#timers.push(setInterval(() => {
      if (busy) return;
      busy = true;
      const run = this.#run(job, work).finally(() => {
        busy = false;
        this.#running.delete(run);
      });
      this.#running.add(run);
    }, ms));
  }

  /**
   * Begins nothing more.
   *
   * @param patienceMs how long a run that has begun may still take, in milliseconds
   * @returns resolves when those runs are done, or when the time is over
   */
  async stop(patienceMs = 2_000): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await within(patienceMs, Promise.all(this.#running)).catch(allowLate);
  }

  async #run(job: string, work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      logFault(this.#log, error, "housekeeping_failed", { job });
    }
  }
}
