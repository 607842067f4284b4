/** The thread of {@linkcode CheckpointThread}. */

import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../../common/errors.ts";
import type { CheckpointOrder, CheckpointReport } from "./checkpoints.ts";

/** How soon it is looked again whether there is something to copy, in milliseconds: where little is written, and where much is. */
const [quietMs, busyPauseMs] = [1_000, 100];

/** So many pages since the last time are much. */
const manyPages = 1_000;

/**
 * From so many pages on, commits wait until the last of them is copied: else a log that is written without a pause would
 * never begin anew. What is left by then is little.
 */
const maxPages = 8_192;

/** How long the other connection may keep this one waiting, in milliseconds. */
const busyMs = 2_000;

const database = new DatabaseSync(workerData as string);
database.exec(`PRAGMA busy_timeout = ${busyMs}`);
const copy = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
const restart = database.prepare("PRAGMA wal_checkpoint(RESTART)");
const truncate = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)");

let timer = setTimeout(copyLog, quietMs);

parentPort!.on("message", (order: CheckpointOrder) => {
  const error = attempt(() => void truncate.get());
  if (order === "close") {
    clearTimeout(timer);
    database.close();
  }
  const report: CheckpointReport = { order, ...(error === undefined ? {} : { error }) };
  parentPort!.postMessage(report);
});

function copyLog(): void {
  let pages = 0;
  attempt(() => {
    pages = (copy.get() as { log: number }).log;
    if (pages >= maxPages) restart.get();
  });
  timer = setTimeout(copyLog, pages >= manyPages ? busyPauseMs : quietMs);
}

/** A disk that is full, or a file that is busy, is tried again; the connection that commits says what is wrong. */
function attempt(act: () => void): string | undefined {
  try {
    act();
  } catch (error) {
    return messageOf(error);
  }
}
