/**
 * Which store a configuration means, opened.
 */

import { messageOf } from "../common/errors.ts";
import { readTextFile } from "../common/text_file.ts";
import { type Config, ConfigError, speaksTls } from "../config/config.ts";
import { getLog } from "../observability/log.ts";
import { X509Certificate } from "node:crypto";
import type { RedisStore } from "./redis/redis_store.ts";
import type { RedisAddress, RedisTls } from "./redis/transport/redis_transport.ts";
import { SqliteStore } from "./sqlite/sqlite_store.ts";
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
  | "fileTtl"
  | "maxFilesBytes"
  | "maxUserFilesBytes"
  | "maxUserFilesPercent"
  | "maxInbox"
  | "maxInboxPerSender"
  | "redisCaFile"
  | "redisClusterNodes"
  | "redisDb"
  | "redisHost"
  | "redisMasterName"
  | "redisPassword"
  | "redisPasswordFile"
  | "redisPort"
  | "redisPrefix"
  | "redisSentinelPassword"
  | "redisSentinelPasswordFile"
  | "redisSentinelUsername"
  | "redisSentinels"
  | "redisTls"
  | "redisUrl"
  | "redisUsername"
  | "storeTimeoutMs"
>;

/** How long a room is kept that nobody uses: long enough to invite somebody into it. */
const roomIdleMs = 3_600_000;

/** What the configuration says of how much a store keeps, and for how long. */
export function storeLimits(config: StoreConfig): StoreLimits {
  return {
    historyMaxMessages: config.historyMaxMessages,
    historyMaxAge: config.historyMaxAge,
    maxInbox: config.maxInbox,
    maxInboxPerSender: config.maxInboxPerSender,
    roomIdleMs,
    maxFilesBytes: config.maxFilesBytes,
    maxUserFilesBytes: config.maxUserFilesBytes,
    maxUserFilesPercent: config.maxUserFilesPercent,
    fileTtl: config.fileTtl,
    leaseMs: config.activeTtlSeconds * 1000,
    timeoutMs: config.storeTimeoutMs,
  };
}

/**
 * Opens Redis where one is named, else the embedded store in `DATA_DIR`.
 *
 * @param onFault told of connections to Redis that break later; given by servers, which are to wait for no disk
 * @throws {Error} where it cannot be opened
 */
export async function openStore(config: StoreConfig, onFault?: (error: unknown) => void): Promise<Store> {
  const limits = storeLimits(config);
  const redis = redisAddress(config);
  if (redis) {
    // Loaded here, as Redis' library takes four times as long as the rest of a start, which the embedded store does without.
    const { RedisStore } = await import("./redis/redis_store.ts");
    let open = false; // until then, what fails is thrown
    const prefix = config.redisPrefix;
    const store = await RedisStore.open({ ...limits, ...redis, prefix, onFault: (error) => open && onFault?.(error) });
    open = true;
    tellMigration(store);
    await warnOfEviction(store);
    return store;
  }
  const path = `${config.dataDir}/chat.db`;
  try {
    await Deno.mkdir(config.dataDir, { recursive: true, mode: 0o700 });
    // Its owner's alone from the first byte on, also in a folder that others can read; what SQLite puts beside it likewise.
    (await Deno.open(path, { create: true, append: true, mode: 0o600 })).close();
  } catch (cause) {
    throw new Error(`DATA_DIR ${config.dataDir} cannot be used: ${messageOf(cause)}`, { cause });
  }
  const store = new SqliteStore({
    ...limits,
    path,
    durability: config.durability,
    checkpointThread: onFault !== undefined,
    onFault: (error) => log.error("checkpoint_thread_ended", { error }),
  });
  tellMigration(store);
  return store;
}

/** Tells the operator of data that an earlier release cannot use any more. */
function tellMigration({ admin: { schema: { version, before, ended, tokens } } }: Store): void {
  if (before > 0 && before < version) log.info("data_migrated", { from: before, to: version, ended, tokens });
}

/** Tells the operator of a Redis that would lose accounts and messages without a word. */
async function warnOfEviction(store: RedisStore): Promise<void> {
  for (const { server, policy } of await store.evicting().catch(() => [])) {
    const where = server === "" ? {} : { server };
    if (policy === undefined) log.info("redis_eviction_unknown", { ...where, advice: "maxmemory-policy noeviction" });
    else log.warn("redis_evicts", { ...where, policy, advice: "maxmemory-policy noeviction" });
  }
}

/**
 * Where the configuration says that Redis is, if it names one.
 *
 * @throws {ConfigError} where a file with a password or the authorities cannot be used
 */
export function redisAddress(config: StoreConfig): RedisAddress | undefined {
  const { redisUsername: username, redisDb: database } = config;
  const password = config.redisPassword ?? passwordIn("REDIS_PASSWORD_FILE", config.redisPasswordFile);
  const tls = speaksTls(config) ? tlsOf(config) : undefined;
  const login = { username, password, database, tls };
  if (config.redisClusterNodes) return { username, password, tls, clusterNodes: config.redisClusterNodes };
  if (config.redisSentinels) {
    const sentinelLogin = {
      username: config.redisSentinelUsername,
      password: config.redisSentinelPassword ??
        passwordIn("REDIS_SENTINEL_PASSWORD_FILE", config.redisSentinelPasswordFile),
    };
    return { ...login, sentinels: config.redisSentinels, sentinelLogin, masterName: config.redisMasterName };
  }
  if (config.redisUrl !== undefined) {
    const url = tls ? config.redisUrl.replace(/^redis:/, "rediss:") : config.redisUrl;
    return { ...login, url, database: databaseOf(url) ?? database };
  }
  return config.redisHost === undefined ? undefined : { ...login, host: config.redisHost, port: config.redisPort };
}

/** The password that a file holds. @throws {ConfigError} where it cannot be read */
function passwordIn(option: string, file: string | undefined): string | undefined {
  return file === undefined ? undefined : textIn(option, file).trim();
}

/** Whom to trust. @throws {ConfigError} where the file holds no certificate */
function tlsOf({ redisCaFile: file }: StoreConfig): RedisTls {
  if (file === undefined) return {};
  const ca = textIn("REDIS_CA_FILE", file);
  try {
    new X509Certificate(ca);
  } catch (cause) {
    throw new ConfigError(`REDIS_CA_FILE ${file} holds no certificate in PEM`, { cause });
  }
  return { ca };
}

function textIn(option: string, file: string): string {
  try {
    return readTextFile(file);
  } catch (cause) {
    throw new ConfigError(`${option} ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** The database that a URL names. */
function databaseOf(url: string): number | undefined {
  const path = new URL(url).pathname.slice(1);
  return path === "" ? undefined : Number(path);
}
