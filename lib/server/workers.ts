/**
 * Several servers in one process, each in a thread of its own, on one port: what starts, watches and stops them.
 *
 * Promises:
 * 1. when `start()` resolves, all of them accept connections; when it throws, none is left;
 * 2. a worker that ends unasked is started again, sooner after a long life than after short ones, and the others go on
 *    meanwhile;
 * 3. disposing of it stops all in the orderly way, and ends those that have not stopped soon after `DRAIN_SECONDS`.
 *
 * To the store and to each other they are servers like any others: this file knows no client and no message.
 */

import { type Config, usesRedis } from "../config.ts";
import { maxWorkers } from "../config_kinds.ts";
import { getLog } from "../log.ts";
import type { Sharing } from "./listener.ts";
import type { Running } from "./start_server.ts";
import { type Order, startThread, type Thread } from "./thread.ts";

/**
 * How many servers a configuration means; one needs no worker.
 *
 * @param cores how many the machine has: what `auto` means, except with SQLite, which is for one server only
 */
export function workerCount(config: Config, cores: number): number {
  if (config.workers !== "auto") return config.workers;
  return usesRedis(config) ? Math.min(cores, maxWorkers) : 1;
}

/** What workers are made from. */
export interface WorkersOptions {
  readonly config: Config;
  /** PEM: the certificate with its chain, and its key. */
  readonly certificate: { readonly cert: string; readonly key: string };
  /** How many. */
  readonly count: number;
  /** Starts a worker's thread. */
  readonly startThread?: (order: Order) => Thread;
  /** Resolves after so many milliseconds, or when the signal is given. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** The time in milliseconds. */
  readonly now?: () => number;
}

/** How long before a worker is started again, in milliseconds; each short life doubles it. */
const backoffMs = { first: 500, most: 30_000 };

/** A life of so long, in milliseconds, is no short one. */
const steadyMs = 60_000;

/** How much longer than `DRAIN_SECONDS` a worker may take to stop, in milliseconds. */
const overtimeMs = 3_000;

const log = getLog("server", "workers");

/** See the file's promises. */
export class Workers implements Running {
  readonly #options: WorkersOptions;
  readonly #threads = new Map<number, Thread>();
  readonly #ids = new Map<number, string>();
  readonly #ending = new AbortController();
  #watches: Promise<unknown> = Promise.resolve();
  #port: number;

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
    this.#port = options.config.serverPort;
  }

  /** The names of the servers. */
  get id(): string {
    return [...this.#ids.values()].join(", ");
  }

  get port(): number {
    return this.#port;
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

  /** The first one has the port when the others come. */
  async #startAll(): Promise<void> {
    const numbers = Array.from({ length: this.#options.count }, (_, index) => index + 1);
    const [first, ...others] = numbers;
    this.#port = (await this.#begin(first!, "first")).port;
    await Promise.all(others.map((worker) => this.#begin(worker, "further")));
    this.#watches = Promise.all(numbers.map((worker) => this.#watch(worker)));
  }

  /** Starts a worker's thread, and waits for its server. */
  async #begin(worker: number, sharing: Sharing): Promise<{ readonly id: string; readonly port: number }> {
    const { config, certificate, startThread: start = startThread } = this.#options;
    const serverId = config.serverId && `${config.serverId}-${worker}`;
    const demoAccounts = config.demoAccounts && sharing === "first"; // they are in the store, for all
    const thread = start({
      config: { ...config, serverId, serverPort: this.#port, demoAccounts },
      certificate,
      sharing,
      worker,
    });
    this.#threads.set(worker, thread);
    const ready = await thread.ready;
    this.#ids.set(worker, ready.id);
    return ready;
  }

  /** Starts a worker again whenever it ends, until all are to end. */
  async #watch(worker: number): Promise<void> {
    const { pause = pauseFor, now = performance.now.bind(performance) } = this.#options;
    const { signal } = this.#ending;
    for (let since = now(), delayMs = backoffMs.first;; delayMs = Math.min(2 * delayMs, backoffMs.most)) {
      const reason = await this.#threads.get(worker)!.ended;
      if (signal.aborted) return;
      if (now() - since >= steadyMs) delayMs = backoffMs.first;
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

/** Resolves after so many milliseconds, or when the signal is given. */
function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    resolve();
  }, { once: true });
  return promise;
}
