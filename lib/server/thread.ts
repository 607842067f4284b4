/**
 * A thread with a server in it, as its supervisor holds it: what it is told, and what it tells.
 *
 * `node:worker_threads` and not the web's `Worker`, which does not say when a thread has ended by itself.
 */

import { Worker } from "node:worker_threads";
import type { Config } from "../config.ts";
import type { Sharing } from "./listener.ts";

/** What a thread is started with; it crosses to the thread as a copy. */
export interface Order {
  /** Its own: with its `SERVER_ID`, and with the port that is shared. */
  readonly config: Config;
  readonly certificate: { readonly cert: string; readonly key: string };
  readonly sharing: Sharing;
  /** Which worker it is, from 1 on: its log's lines say so. */
  readonly worker: number;
}

/** What a thread tells, once: that its server is up, or why it is not. */
export type Report =
  | { readonly kind: "ready"; readonly id: string; readonly port: number }
  | { readonly kind: "failed"; readonly reason: string };

/** See the file's first line. */
export interface Thread {
  /** Rejects where the server could not be started, with the reason. */
  readonly ready: Promise<{ readonly id: string; readonly port: number }>;
  /** Resolves when the thread is no more, whatever the cause, with what is known of that. */
  readonly ended: Promise<string>;
  /** Tells its server to stop in the orderly way. */
  stop(): void;
  /** Ends it at once, even if it is in an endless loop. */
  kill(): void;
}

/**
 * Starts a thread.
 *
 * @param program the module that runs in it
 */
export function startThread(order: Order, program: URL = new URL("./worker.ts", import.meta.url)): Thread {
  const thread = new Worker(program, { workerData: order, name: `worker ${order.worker}` });
  const ready = Promise.withResolvers<{ id: string; port: number }>();
  const ended = Promise.withResolvers<string>();
  ready.promise.catch(() => {}); // nobody waits for a worker that was started again
  let cause: string | undefined;
  thread.on("message", (report: Report) => {
    if (report.kind === "ready") return ready.resolve(report);
    cause = report.reason;
  });
  thread.on("error", (error: Error) => cause ??= error.message);
  thread.on("exit", (code: number) => {
    cause ??= `ended with code ${code}`;
    ready.reject(new Error(cause));
    ended.resolve(cause);
  });
  return {
    ready: ready.promise,
    ended: ended.promise,
    stop: () => thread.postMessage("stop"),
    kill: () => void thread.terminate(),
  };
}
