/**
 * What a server does again and again, by the clock, for as long as it runs.
 */

import type { Log } from "../../observability/log.ts";

/** See the file's first line. */
export class Housekeeping {
  readonly #log: Log;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #running = new Set<Promise<unknown>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Repeats some work, one run at a time; what fails is logged and tried again. */
  every(ms: number, work: () => Promise<void>): void {
    let busy = false;
    this.#timers.push(setInterval(() => {
      if (busy) return;
      busy = true;
      const run = work().catch((error) => this.#log.warn("housekeeping_failed", { error })).finally(() => {
        busy = false;
        this.#running.delete(run);
      });
      this.#running.add(run);
    }, ms));
  }

  /** Begins nothing more; resolves when what had begun is done. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#running);
  }
}
