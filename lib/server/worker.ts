/**
 * The program of a worker's thread: one server, until its supervisor says stop.
 *
 * Signals are the supervisor's. Nothing is caught that would end a server in a process of its own: an error that nobody
 * expected ends this thread, and the supervisor starts another one.
 */

import { parentPort, workerData } from "node:worker_threads";
import { configureLog } from "../log.ts";
import { startServer } from "./start_server.ts";
import type { Order, Report } from "./thread.ts";

const { config, certificate, sharing, worker } = workerData as Order;

const stop = Promise.withResolvers<number>();
parentPort!.on("message", () => stop.resolve(0));

function tell(report: Report): void {
  parentPort!.postMessage(report);
}

async function main(): Promise<number> {
  using _log = configureLog({
    level: config.logLevel,
    format: config.logFormat,
    isTerminal: Deno.stderr.isTerminal(),
    properties: { worker },
  });
  await using server = await startServer({ config, certificate, sharing, onFatal: () => stop.resolve(1) });
  tell({ kind: "ready", id: server.id, port: server.port });
  return await stop.promise;
}

const code = await main().catch((error: Error) => {
  tell({ kind: "failed", reason: error.message });
  return 1;
});
Deno.exit(code); // ends this thread only
