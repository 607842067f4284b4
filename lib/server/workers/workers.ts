/**
 * Several servers in one process, each in a thread of its own, on one port. To the store and to each other they are
 * servers like any others: this file knows no client and no message.
 */

import { type Config, type ConfigChange, takeLive, usesRedis } from "../../config/config.ts";
import { maxWorkers } from "../../config/kinds.ts";
import { messageOf } from "../../common/errors.ts";
import { getLog } from "../../observability/log.ts";
import { backoff, pause as pauseFor } from "../../common/time.ts";
import type { Pem, Sharing } from "../connection/listener.ts";
import { probePorts } from "../connection/port_probe.ts";
import type { Running } from "./start_server.ts";
import type { Problem } from "../metering/health.ts";
import type { Snapshot } from "../../observability/metrics.ts";
import { type Order, startThread, type Thread } from "./thread.ts";
import { WorkerWatch } from "./worker_watch.ts";

/**
 * How many servers a configuration asks for; one needs no worker.
 *
 * @param cores how many the machine has: what `auto` means, except with SQLite, which is for one server only
 */
export function workerCount(config: Config, cores: number): number {
  if (config.workers !== "auto") return config.workers;
  return usesRedis(config) ? Math.min(cores, maxWorkers) : 1;
}

/** Settings and ports of workers. */
export interface WorkersOptions {
  /** What they run with; changed in place by `reconfigure()`. */
  readonly config: Config;
  readonly certificate: Pem;
  /** How many workers there are. */
  readonly count: number;
  /** Starts a worker's thread. */
  readonly startThread?: (order: Order) => Thread;
  /** Called where an operator wants certificate and configuration read again. */
  readonly reload?: () => void;
  /** Resolves after so many milliseconds, or when the signal is aborted. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** The time in milliseconds. */
  readonly now?: () => number;
}

/** How long before a worker is started again, in milliseconds; each short life doubles it. */
const restarts = { firstMs: 500, maxMs: 30_000 };

/** A worker that has lived so long, in milliseconds, has not had a short life. */
const steadyMs = 60_000;

/** How much longer than `DRAIN_SECONDS` a worker may take to stop, in milliseconds. */
const overtimeMs = 3_000;

const log = getLog("server", "workers");

interface Refusal {
  readonly worker: number;
  readonly reason: unknown;
}

/**
 * Starts, watches and stops the workers.
 *
 * 1. When `start()` resolves, all of them accept connections. When it throws, none is left.
 * 2. A worker that ends unasked is started again, sooner after a long life than after short ones. The others go on
 *    meanwhile.
 * 3. A new configuration reaches all of them, also those that are started later.
 * 4. A new certificate reaches all of them, or none: where one refuses it, the others go back to the former one.
 * 5. Disposing of it stops all in the orderly way, and ends those that have not stopped soon after `DRAIN_SECONDS`.
 */
export class Workers implements Running {
  readonly #options: WorkersOptions;
  readonly #threads = new Map<number, Thread>();
  readonly #ids = new Map<number, string>();
  readonly #watch: WorkerWatch;
  readonly #probePorts: SharedArrayBuffer;
  readonly #ending = new AbortController();
  #watches: Promise<unknown> = Promise.resolve();
  #port: number;
  #certificate: Pem;
  #renewal: Promise<void> = Promise.resolve();

  /** @throws {Error} where one of them could not be started, with its reason */
  static async start(options: WorkersOptions): Promise<Workers> {
    const workers = new Workers(options);
    try {
      await workers.#startAll();
    } catch (error) {
      await workers[Symbol.asyncDispose]();
      throw error;
    }
    return workers;
  }

  private constructor(options: WorkersOptions) {
    this.#options = options;
    this.#watch = new WorkerWatch(options.count);
    this.#probePorts = probePorts(options.count);
    this.#port = options.config.serverPort;
    this.#certificate = options.certificate;
  }

  /** The names of the servers, joined. */
  get id(): string {
    return [...this.#ids.values()].join(", ");
  }

  get port(): number {
    return this.#port;
  }

  stuck(): string | undefined {
    return this.#watch.stuck();
  }

  async health(): Promise<readonly Problem[]> {
    const problems = await this.#watch.health();
    return this.#ending.signal.aborted ? [{ check: "drain", reason: "the server is stopping" }, ...problems] : problems;
  }

  snapshots(): Promise<readonly (readonly Snapshot[])[]> {
    return this.#watch.snapshots();
  }

  renew(certificate: Pem): Promise<void> {
    const renewal = this.#renewal.then(() => this.#renew(certificate));
    this.#renewal = renewal.catch(() => {});
    return renewal;
  }

  reconfigure(next: Config): ConfigChange {
    const change = takeLive(this.#options.config, next);
    for (const thread of this.#threads.values()) thread.reconfigure(this.#options.config);
    return change;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    const overtime = new AbortController();
    const { config, pause = pauseFor } = this.#options;
    const late = pause(config.drainSeconds * 1000 + overtimeMs, overtime.signal).then(() => {
      for (const thread of this.#threads.values()) thread.kill();
    });
    for (const thread of this.#threads.values()) thread.stop();
    await Promise.all([...this.#threads.values()].map(({ ended }) => ended));
    overtime.abort();
    await Promise.all([late, this.#watches]);
  }

  async #renew(certificate: Pem): Promise<void> {
    const before = this.#certificate;
    this.#certificate = certificate; // for a worker that is started meanwhile
    const refusals = await this.#renewAll(certificate);
    const [refusal] = refusals.values();
    if (!refusal) return;
    this.#certificate = before;
    log.warn("certificate_taken_back", { worker: refusal.worker, reason: messageOf(refusal.reason) });
    // Asks the threads anew: one that was started meanwhile has the new certificate too.
    const stuck = await this.#renewAll(before, refusals);
    for (const { worker, reason } of stuck.values()) {
      log.error("certificate_differs", { worker, reason: messageOf(reason) });
    }
    throw refusal.reason;
  }

  /** Has all threads but some use a certificate. @returns those that refused it */
  async #renewAll(certificate: Pem, butNot?: ReadonlyMap<Thread, Refusal>): Promise<ReadonlyMap<Thread, Refusal>> {
    const refusals = new Map<Thread, Refusal>();
    const threads = [...this.#threads].filter(([, thread]) => !butNot?.has(thread));
    await Promise.all(
      threads.map(([worker, thread]) =>
        thread.renew(certificate).catch((reason) => void refusals.set(thread, { worker, reason }))
      ),
    );
    return refusals;
  }

  /** The first one has the port when the others come. */
  async #startAll(): Promise<void> {
    const numbers = Array.from({ length: this.#options.count }, (_, index) => index + 1);
    const [first, ...others] = numbers;
    this.#port = (await this.#begin(first!, "first")).port;
    await Promise.all(others.map((worker) => this.#begin(worker, "further")));
    this.#watches = Promise.all(numbers.map((worker) => this.#keepUp(worker)));
  }

  /** Starts a worker's thread, and waits for its server. */
  async #begin(worker: number, sharing: Sharing): Promise<{ readonly id: string; readonly port: number }> {
    const { config, count, reload } = this.#options;
    const start = this.#options.startThread ?? ((order) => startThread(order, undefined, reload));
    const serverId = config.serverId && `${config.serverId}-${worker}`;
    const demoAccounts = config.demoAccounts && sharing === "first"; // they are in the store, for all
    const thread = start({
      config: { ...config, serverId, serverPort: this.#port, demoAccounts },
      certificate: this.#certificate,
      sharing,
      listeners: count,
      worker,
      probePorts: this.#probePorts,
    });
    this.#threads.set(worker, thread);
    const ready = await thread.ready;
    this.#ids.set(worker, ready.id);
    this.#watch.up(worker, thread);
    return ready;
  }

  /** Starts a worker again whenever it ends, until all are to end. */
  async #keepUp(worker: number): Promise<void> {
    const { pause = pauseFor, now = performance.now.bind(performance) } = this.#options;
    const { signal } = this.#ending;
    for (let since = now(), tries = 0;; tries++) {
      const reason = await this.#threads.get(worker)!.ended;
      this.#watch.down(worker);
      if (signal.aborted) return;
      if (now() - since >= steadyMs) tries = 0;
      const delayMs = backoff(tries, restarts);
      log.error("worker_ended", { worker, reason, again_in_ms: delayMs });
      await pause(delayMs, signal);
      if (signal.aborted) return;
      since = now();
      // Where this fails, the thread ends, and the loop goes on with that.
      await this.#begin(worker, "further").then(
        ({ id }) => log.info("worker_back", { worker, server: id }),
        () => {},
      );
    }
  }
}
