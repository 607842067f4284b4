/**
 * Real services for tests, in the test's own process: real TLS on a free port, a real store, and the demo accounts.
 *
 * Only what would be slow is not the real thing: passwords are hashed with SHA-256, and the SQLite database is in memory.
 * The program itself, `server.ts` with its files and signals, is what `process.ts` starts.
 */

import { AccountService } from "../../lib/auth/accounts.ts";
import { HashQueue } from "../../lib/auth/hash_queue.ts";
import { LoginGuard } from "../../lib/auth/login_guard.ts";
import { Limits, refusalCounters } from "../../lib/limits/limits.ts";
import { Metrics } from "../../lib/observability/metrics.ts";
import type { Hasher } from "../../lib/auth/password.ts";
import { TwoFactorService } from "../../lib/auth/two_factor.ts";
import { type Config, loadConfig } from "../../lib/config/config.ts";
import { Service } from "../../lib/server/service/service.ts";
import { openStore, storeLimits } from "../../lib/store/open.ts";
import { SqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import type { Store } from "../../lib/store/store.ts";
import { certificates } from "./certificates.ts";
import { type Endpoint, JsonClient, TextClient } from "./client.ts";
import { test } from "./declare.ts";
import { type Need, need } from "./needs.ts";
import { sharedRedis } from "./redis.ts";

export { test };

/** Options by the names of the environment's variables. */
export type Settings = Readonly<Record<string, string>>;

/** A running service. */
export interface TestServer extends Endpoint, AsyncDisposable {
  readonly service: Service;
  readonly store: Store;
  readonly accounts: AccountService;
  /** A person who has connected and read the greeting. */
  text(): Promise<TextClient>;
  /** A person who is logged in. */
  login(user: string, password?: string): Promise<TextClient>;
  /** A program that has connected and said HELLO. */
  json(): Promise<JsonClient>;
  /** A program that is logged in. */
  jsonLogin(user: string, fields?: Record<string, unknown>): Promise<JsonClient>;
}

/** Starts one more server of the test; those of one test share their state where the store is Redis. */
export type Start = (settings?: Settings) => Promise<TestServer>;

/** Hashes that cost nothing; the real ones have a test of their own. */
export const quickHasher: Hasher = {
  async hash(password) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(password));
    return new Uint8Array(digest).toHex();
  },
  isCurrent: () => true,
  verify: async (password, hash) => await quickHasher.hash(password) === hash,
};

/**
 * Starts a service with the demo accounts.
 *
 * @param redis the settings that say where Redis is; without them the store is in memory
 */
export async function startServer(settings: Settings, redis: Settings | undefined): Promise<TestServer> {
  const config = configOf({
    SERVER_HOST: "127.0.0.1",
    SERVER_PORT: "0",
    ...redis,
    ...settings,
  });
  await using parts = new AsyncDisposableStack();
  const store = parts.use(redis ? await openStore(config) : memoryStore(config));
  const metrics = new Metrics();
  const limits = new Limits(config, refusalCounters(metrics));
  const guard = new LoginGuard(limits);
  const accounts = new AccountService({
    accounts: store.accounts,
    accessTokens: store.accessTokens,
    hashes: new HashQueue(quickHasher, { running: config.bcryptConcurrency }),
    guard,
    invitations: store.invitations,
    twoFactor: new TwoFactorService({ twoFactor: store.twoFactor, guard }),
    registration: config.registration,
  });
  await accounts.makeDemoAccounts();
  const service = parts.use(
    await Service.start({ config, store, metrics, limits, guard, accounts, certificate: certificates }),
  );
  const owned = parts.move();
  const at = { port: service.port, ca: certificates.ca };
  return {
    ...at,
    service,
    store,
    accounts,
    text: () => TextClient.open(at),
    login: (user, password) => TextClient.login(at, user, password),
    json: () => JsonClient.open(at),
    jsonLogin: (user, fields) => JsonClient.login(at, user, fields),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function configOf(env: Settings): Config {
  const loaded = loadConfig({ args: [], env });
  if (loaded.kind === "help") throw new Error("nobody asked for help");
  return loaded.config;
}

function memoryStore(config: Config): SqliteStore {
  return new SqliteStore({ ...storeLimits(config), path: ":memory:", durability: config.durability });
}

/** A test with servers on SQLite, of which each has a database of its own. */
export function onSqlite(name: string, fn: (start: Start) => Promise<void>, ...needs: readonly Need[]): void {
  test(`${name} (SQLite)`, () => fn((settings = {}) => startServer(settings, undefined)), need(), ...needs);
}

/** A test with servers that share one Redis. */
export function onRedis(name: string, fn: (start: Start) => Promise<void>, ...needs: readonly Need[]): void {
  const run = async () => {
    await using place = sharedRedis.place();
    const redis = { REDIS_URL: place.url, REDIS_PREFIX: place.prefix };
    await fn((settings = {}) => startServer(settings, redis));
  };
  test(`${name} (Redis)`, run, sharedRedis, ...needs);
}

/** A test that is run on both stores. */
export function onEachStore(name: string, fn: (start: Start) => Promise<void>, ...needs: readonly Need[]): void {
  onSqlite(name, fn, ...needs);
  onRedis(name, fn, ...needs);
}
