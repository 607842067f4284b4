import type { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { within } from "../../../common/time.ts";
import { guarded } from "./database.ts";

/** How many pages the write-ahead log has before this connection copies it itself, though a thread is to do it. */
const lastResortPages = 65_536;

/** How many it has where nobody else does: SQLite's own value. */
const usualPages = 1_000;

/** How long a thread may take for what it is asked, in milliseconds. */
const patienceMs = 10_000;

/** What a thread is asked. */
export type CheckpointOrder = "truncate" | "close";

/** What it answers: what went wrong, if anything did. */
export interface CheckpointReport {
  readonly order: CheckpointOrder;
  readonly error?: string;
}

/** Copies what is committed from the write-ahead log into the file, so that the log begins anew. */
export interface Checkpoints extends AsyncDisposable {
  /** Empties the log: nothing that was deleted stays in it. */
  truncate(): Promise<void>;
}

/** By the connection that commits, now and then: the commit that it comes to takes as long as the disk. */
export class OwnCheckpoints implements Checkpoints {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  // deno-lint-ignore require-await
  async truncate(): Promise<void> {
    guarded(() => this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/**
 * By a thread with a connection of its own: nobody waits for the disk.
 *
 * Where the thread is gone, the connection that commits does it again.
 */
export class CheckpointThread implements Checkpoints {
  readonly #database: DatabaseSync;
  readonly #thread: Worker;
  readonly #asked: { order: CheckpointOrder; resolve: () => void }[] = [];
  #gone = false;

  /** @param onFault told why the thread is gone */
  constructor(database: DatabaseSync, path: string, onFault: (error: unknown) => void = () => {}) {
    this.#database = database;
    database.exec(`PRAGMA wal_autocheckpoint = ${lastResortPages}`);
    this.#thread = new Worker(new URL("./checkpoint_worker.ts", import.meta.url), {
      workerData: path,
      name: "checkpoints",
    });
    this.#thread.on("message", ({ order }: CheckpointReport) => {
      const index = this.#asked.findIndex((asked) => asked.order === order);
      if (index >= 0) this.#asked.splice(index, 1)[0].resolve();
    });
    this.#thread.on("error", (error: unknown) => {
      if (!this.#gone) onFault(error);
      this.#giveUp();
    });
  }

  async truncate(): Promise<void> {
    if (this.#gone) return guarded(() => this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
    await this.#ask("truncate");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#gone) await this.#ask("close");
    this.#giveUp();
    await this.#thread.terminate();
  }

  #giveUp(): void {
    if (this.#gone) return;
    this.#gone = true;
    for (const { resolve } of this.#asked.splice(0)) resolve();
    this.#database.exec(`PRAGMA wal_autocheckpoint = ${usualPages}`);
  }

  async #ask(order: CheckpointOrder): Promise<void> {
    const answered = new Promise<void>((resolve) => this.#asked.push({ order, resolve }));
    this.#thread.postMessage(order);
    await within(patienceMs, answered).catch(() => {}); // it is done later, then, or by the other connection
  }
}
