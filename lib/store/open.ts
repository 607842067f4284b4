/**
 * Which store a configuration means, opened.
 */

import type { Config } from "../config.ts";
import { getLog } from "../log.ts";
import { RedisStore } from "./redis.ts";
import { SqliteStore } from "./sqlite.ts";
import type { Store, StoreLimits } from "./store.ts";

const log = getLog("store");

/** The part of the configuration that decides. */
export type StoreConfig = Pick<
  Config,
  | "activeTtlSeconds"
  | "dataDir"
  | "durability"
  | "historyMaxAge"
  | "historyMaxMessages"
  | "maxInbox"
  | "redisDb"
  | "redisHost"
  | "redisPort"
  | "redisPrefix"
  | "redisUrl"
  | "storeTimeoutMs"
>;

/**
 * Opens Redis where one is named, else the embedded store in `DATA_DIR`.
 *
 * @throws {Error} where it cannot be opened
 */
export async function openStore(config: StoreConfig): Promise<Store> {
  const limits: StoreLimits = {
    historyMaxMessages: config.historyMaxMessages,
    historyMaxAge: config.historyMaxAge,
    maxInbox: config.maxInbox,
    leaseMs: config.activeTtlSeconds * 1000,
    timeoutMs: config.storeTimeoutMs,
  };
  if (config.redisUrl !== undefined || config.redisHost !== undefined) {
    return await RedisStore.open({
      ...limits,
      ...(config.redisUrl === undefined
        ? { host: config.redisHost, port: config.redisPort }
        : { url: config.redisUrl }),
      database: config.redisDb,
      prefix: config.redisPrefix,
      onFault: (error) => log.warn("redis_failed", { error }),
    });
  }
  await Deno.mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  return new SqliteStore({ ...limits, path: `${config.dataDir}/chat.db`, durability: config.durability });
}
