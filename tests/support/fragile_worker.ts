/**
 * A worker whose thread a test can end without a word, from another thread: {@linkcode crash}.
 */

import { workerData } from "node:worker_threads";
import type { Order } from "../../lib/server/workers/thread.ts";

const name = "tests/fragile_worker";

/** The program, for `startThread()`. */
export const fragileWorker = new URL(import.meta.url);

/** Ends the thread of the worker with this number. */
export function crash(worker: number): void {
  const channel = new BroadcastChannel(name);
  channel.postMessage(worker);
  channel.close();
}

const order = workerData as Order | null;
if (order) {
  new BroadcastChannel(name).onmessage = ({ data }) => {
    if (data === order.worker) Deno.exit(70);
  };
  await import("../../lib/server/workers/worker.ts");
}
