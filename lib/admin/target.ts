/**
 * Where an operator's requests go: to Redis itself, to the server that has the SQLite file, or, where none runs, to the
 * file.
 */

import { join } from "node:path";
import { pause } from "../common/time.ts";
import { type Config, usesRedis } from "../config/config.ts";
import { openStore } from "../store/open.ts";
import { storeFailure } from "../store/failure.ts";
import { EarlierServersError, LaterSchemaError } from "../store/schema.ts";
import type { Store } from "../store/store.ts";
import { AdminError, type Given } from "./given.ts";
import { operations } from "./operations.ts";
import { askServer, socketPath } from "./socket.ts";

/** How often a file that another process has is tried again: a server may be starting or stopping. */
const tries = { count: 20, pauseMs: 100 };

/**
 * Has something done.
 *
 * @param making whether a database may be made where there is none yet
 * @throws {AdminError} with why it was not done
 */
export async function* ask(config: Config, op: string, given: Given, making: boolean): AsyncIterable<unknown> {
  if (usesRedis(config)) {
    await using store = await open(config);
    return yield* operations[op]!(store, given);
  }
  for (let left = tries.count;; left--) {
    const answer = await askServer(config.dataDir, op, given);
    if (answer) return yield* answer;
    const store = await openFile(config, making, left === 0);
    if (!store) continue;
    await using _ = store;
    return yield* operations[op]!(store, given);
  }
}

/**
 * Opens the store for an import, which a server that has the SQLite file cannot do.
 *
 * @throws {AdminError} where one runs
 */
export async function openForImport(config: Config): Promise<Store> {
  if (usesRedis(config)) return await open(config);
  const running = await askServer(config.dataDir, "servers list", {});
  if (running) {
    for await (const _ of running) { /* it answers */ }
    throw new AdminError(`A server runs on ${config.dataDir}; stop it, import, and start it again`);
  }
  return (await openFile(config, true, true))!;
}

async function open(config: Config): Promise<Store> {
  try {
    return await openStore(config);
  } catch (error) {
    const { message } = error as Error;
    const told = error instanceof EarlierServersError || error instanceof LaterSchemaError;
    throw new AdminError(told ? `${message}; ${storeFailure(error).advice}` : message, { cause: error });
  }
}

/** @returns undefined where another process has the file and it is to be tried again */
async function openFile(config: Config, making: boolean, last: boolean): Promise<Store | undefined> {
  const path = join(config.dataDir, "chat.db");
  if (!making && !await Deno.stat(path).then(() => true, () => false)) {
    throw new AdminError(`There is no database at ${path}; is DATA_DIR the server's, and is it not to use Redis?`);
  }
  try {
    return await openStore(config);
  } catch (error) {
    const { message } = error as Error;
    if (!/another process has it/.test(message)) throw new AdminError(message, { cause: error });
    if (last) throw new AdminError(`Another process has ${path}, and does not answer at ${socketPath(config.dataDir)}`);
    await pause(tries.pauseMs);
    return undefined;
  }
}
