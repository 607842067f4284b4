/** The doctor's look at the embedded store: the folder, the file, the lock and the space. */

import { statfsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Config } from "../config/config.ts";
import type { StoreFailure } from "../store/failure.ts";
import { FileLock } from "../store/data_folder/file_lock.ts";
import { behind } from "../store/data_folder/disk_room.ts";
import { failing, type Finding, openToOthers } from "./finding.ts";
import { askServer } from "./socket.ts";

/** With less space than this, in bytes, something is to be done, or nothing can be stored soon. */
const space = { warn: 1e9, fail: 5e7 };

/** Examines the data folder. */
export async function* examineFile({ dataDir }: Config): AsyncIterable<Finding> {
  const subject = "data folder";
  let mode;
  try {
    mode = openToOthers(dataDir);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      return yield { subject, state: "fail", text: `${dataDir} cannot be looked at: ${(error as Error).message}` };
    }
    return yield { subject, state: "ok", text: `${dataDir} is not there yet: the server makes it` };
  }
  yield mode === undefined
    ? { subject, state: "ok", text: `${dataDir} is its owner's alone` }
    : { subject, state: "warn", text: `${dataDir} is open to others (${mode})`, advice: `chmod 700 ${dataDir}` };
  yield* examineSpace(dataDir);
  yield await examineDatabase(dataDir);
}

function* examineSpace(dataDir: string): Iterable<Finding> {
  try {
    const { bavail, bsize } = statfsSync(dataDir);
    const free = bavail * bsize;
    const state = free < space.fail ? "fail" : free < space.warn ? "warn" : "ok";
    const text = `${(free / 1e9).toFixed(1)} GB are free`;
    yield {
      subject: "disk",
      state,
      text,
      ...(state === "ok" ? {} : { advice: "make room, or set HISTORY_MAX_AGE lower" }),
    };
  } catch (error) {
    yield { subject: "disk", state: "skip", text: `its space cannot be asked for: ${(error as Error).message}` };
  }
}

/** Why calls of a running server's store fail, if they do; an earlier release does not tell. */
async function failureOf(dataDir: string): Promise<Pick<StoreFailure, "reason" | "advice"> | undefined> {
  try {
    for await (const item of await askServer(dataDir, "store show", {}) ?? []) {
      return (item as { failure: StoreFailure | null }).failure ?? undefined;
    }
  } catch {
    return undefined;
  }
}

async function examineDatabase(dataDir: string): Promise<Finding> {
  const subject = "database";
  const path = join(dataDir, "chat.db");
  const running = await askServer(dataDir, "servers list", {}).catch((error: Error) => error);
  if (running instanceof Error) return { subject, state: "fail", text: running.message };
  if (running) {
    for await (const item of running) {
      const { server, sessions } = item as { server: string; sessions: number };
      const failure = await failureOf(dataDir);
      if (failure) {
        return { subject, state: "fail", text: `${server} runs on ${path}: ${failure.reason}`, advice: failure.advice };
      }
      return { subject, state: "ok", text: `${server} runs on ${path}, with ${sessions} sessions` };
    }
  }
  if (!await Deno.stat(path).then(() => true, () => false)) {
    return { subject, state: "ok", text: `${path} is not there yet: the server makes it` };
  }
  try {
    using _lock = FileLock.take(path);
    using database = new DatabaseSync(path);
    const { quick_check: verdict } = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
    if (verdict === "ok") return { subject, state: "ok", text: `${path} is whole, and no server runs on it` };
    const advice = "restore a backup, or import an export into a new folder";
    return { subject, state: "fail", text: `${path} is damaged: ${verdict}`, advice };
  } catch (cause) {
    const error = behind(cause, path);
    if (!/locked|busy/i.test(String(error))) {
      return failing(subject, new Error(`${path}: ${(error as Error).message}`, { cause: error }));
    }
    const advice = "see which process that is (fuser, lsof); it may be a server of an earlier release";
    return { subject, state: "warn", text: `another process has ${path} and does not answer`, advice };
  }
}
