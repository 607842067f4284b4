/**
 * A thread with a server in it, as its supervisor holds it.
 *
 * `node:worker_threads` and not the web's `Worker`, which does not say when a thread has ended by itself.
 */

import { Worker } from "node:worker_threads";
import type { Config } from "../../config/config.ts";
import type { Snapshot } from "../../observability/metrics.ts";
import type { Problem } from "../metering/health.ts";
import { StartError } from "./start.ts";
import type { Pem, Sharing } from "../connection/listener.ts";

/** What a thread is started with; it crosses to the thread as a copy. */
export interface Order {
  /** Its own: with its `SERVER_ID`, and with the port that is shared. */
  readonly config: Config;
  readonly certificate: Pem;
  readonly sharing: Sharing;
  /** How many share the port. */
  readonly listeners: number;
  /** The worker's number, from 1 on, for its log. */
  readonly worker: number;
  /** Memory that all workers share: the ports that their probes of the port come from. */
  readonly probePorts: SharedArrayBuffer;
}

/** What a thread is told while it runs. */
export type Word =
  | { readonly kind: "stop" }
  | { readonly kind: "renew"; readonly certificate: Pem }
  | { readonly kind: "reconfigure"; readonly config: Config }
  | { readonly kind: "ask"; readonly question: number; readonly about: "health" | "metrics" };

/** The state of a thread's server, and its metrics where those were asked for. */
export interface Condition {
  readonly problems: readonly Problem[];
  readonly metrics: readonly Snapshot[];
}

/**
 * What a thread tells: once that its server is up, or why it is not; that an operator wants the files read again; what
 * became of each new certificate; answers.
 */
export type Report =
  | { readonly kind: "ready"; readonly id: string; readonly port: number }
  | { readonly kind: "failed"; readonly reason: string; readonly advice: string; readonly passing: boolean }
  | { readonly kind: "reload" }
  | { readonly kind: "renewed"; readonly refused: string | undefined }
  | { readonly kind: "answer"; readonly question: number; readonly condition: Condition };

/** The supervisor's end of a thread. */
export interface Thread {
  /** Resolves when the server accepts connections; rejects with the reason where it could not be started. */
  readonly ready: Promise<{ readonly id: string; readonly port: number }>;
  /** Resolves when the thread has ended, with what is known of the cause. */
  readonly ended: Promise<string>;
  /** Tells its server to stop in the orderly way. */
  stop(): void;
  /** Has its server use another certificate. @throws {Error} where that is refused */
  renew(certificate: Pem): Promise<void>;
  /** Has its server take what it can of a new configuration. */
  reconfigure(config: Config): void;
  /** Asks its server for its state; resolves with undefined where the thread ends first. A thread that hangs answers late. */
  ask(about: "health" | "metrics"): Promise<Condition | undefined>;
  /** Ends it at once, even if it is in an endless loop. */
  kill(): void;
}

/**
 * Starts a thread.
 *
 * @param program the module that runs in it
 * @param reload called where an operator wants certificate and configuration read again, for all
 */
export function startThread(
  order: Order,
  program: URL = new URL("./worker.ts", import.meta.url),
  reload?: () => void,
): Thread {
  const thread = new Worker(program, { workerData: order, name: `worker ${order.worker}` });
  const ready = Promise.withResolvers<{ id: string; port: number }>();
  const ended = Promise.withResolvers<string>();
  ready.promise.catch(() => {}); // nobody waits for a worker that was started again
  let cause: string | undefined;
  let failure: StartError | undefined;
  const renewals: PromiseWithResolvers<void>[] = [];
  const questions = new Map<number, (condition: Condition | undefined) => void>();
  let asked = 0;
  const tell = (word: Word) => thread.postMessage(word);
  thread.on("message", (report: Report) => {
    if (report.kind === "ready") return ready.resolve(report);
    if (report.kind === "failed") {
      cause = report.reason;
      failure = new StartError(report.reason, report.advice, report.passing);
      return;
    }
    if (report.kind === "reload") return reload?.();
    if (report.kind === "answer") {
      questions.get(report.question)?.(report.condition);
      return void questions.delete(report.question);
    }
    const renewal = renewals.shift();
    if (report.refused === undefined) renewal?.resolve();
    else renewal?.reject(new Error(report.refused));
  });
  thread.on("error", (error: Error) => cause ??= error.message);
  thread.on("exit", (code: number) => {
    cause ??= `ended with code ${code}`;
    ready.reject(failure ?? new Error(cause));
    ended.resolve(cause);
    for (const resolve of questions.values()) resolve(undefined);
    questions.clear();
    for (const { resolve } of renewals.splice(0)) resolve(); // the thread that follows has it from the start
  });
  return {
    ready: ready.promise,
    ended: ended.promise,
    stop: () => tell({ kind: "stop" }),
    renew(certificate) {
      const renewal = Promise.withResolvers<void>();
      renewals.push(renewal);
      tell({ kind: "renew", certificate });
      return renewal.promise;
    },
    ask: (about) =>
      new Promise((resolve) => {
        questions.set(++asked, resolve);
        tell({ kind: "ask", question: asked, about });
      }),
    reconfigure: (config) => tell({ kind: "reconfigure", config }),
    kill: () => void thread.terminate(),
  };
}
