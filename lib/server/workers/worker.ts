/**
 * The program of a worker's thread: one server, until its supervisor says stop.
 *
 * The supervisor handles signals. An unexpected error ends this thread, as it would end a process, and the supervisor
 * starts another one.
 */

import { parentPort, workerData } from "node:worker_threads";
import { flushStreams } from "../../observability/line_streams.ts";
import { configureLog } from "../../observability/log.ts";
import { type Running, startServer } from "./start_server.ts";
import { StartError } from "./start.ts";
import type { Order, Report, Word } from "./thread.ts";

const { config, certificate, sharing, listeners, worker, probePorts } = workerData as Order;

const stop = Promise.withResolvers<number>();
const started = Promise.withResolvers<Running>();
parentPort!.on("message", (word: Word) => {
  if (word.kind === "stop") return stop.resolve(0);
  // What comes before the server is up waits for it; where that fails, this thread ends.
  started.promise.then((server) => take(word, server));
});

async function take(word: Exclude<Word, { kind: "stop" }>, server: Running): Promise<void> {
  if (word.kind === "reconfigure") {
    server.reconfigure(word.config);
    return writeLog();
  }
  if (word.kind === "ask") {
    const problems = await server.health();
    const metrics = word.about === "metrics" ? (await server.snapshots()).flat() : [];
    return tell({ kind: "answer", question: word.question, condition: { problems, metrics } });
  }
  const refused = await server.renew(word.certificate).then(() => undefined, (error: Error) => error.message);
  tell({ kind: "renewed", refused });
}

function writeLog(): void {
  const { logLevel: level, logFormat: format } = config;
  configureLog({ level, format, isTerminal: Deno.stderr.isTerminal(), properties: { worker } });
}

function tell(report: Report): void {
  parentPort!.postMessage(report);
}

async function main(): Promise<number> {
  writeLog();
  await using server = await startServer({
    config,
    certificate,
    sharing,
    listeners,
    worker,
    probePorts,
    reload: () => {
      tell({ kind: "reload" });
      return Promise.resolve(["has its files read again, for all workers; the log says what came of it"]);
    },
    onFatal: () => stop.resolve(1),
  });
  started.resolve(server);
  tell({ kind: "ready", id: server.id, port: server.port });
  return await stop.promise;
}

const code = await main().catch((error: Error) => {
  const { advice, passing } = error instanceof StartError ? error : { advice: "", passing: false };
  tell({ kind: "failed", reason: error.message, advice, passing });
  return 1;
});
await flushStreams();
Deno.exit(code); // ends this thread only
