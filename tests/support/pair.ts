/**
 * Two servers in processes on a Redis of the test's own: what faults are done to.
 */

import { JsonClient, type TextClient } from "./client.ts";
import { every } from "./needs.ts";
import { processes, ServerProcess, temporaryFolder } from "./process.ts";
import { ownRedis, startRedis, type TestRedis } from "./redis.ts";
import type { Settings } from "./server.ts";

/** Whether such a pair can be started. */
export const pairs = every(processes, ownRedis);

/** Settings under which a server is taken for dead soon, and nobody is slowed down. */
export const hasty: Settings = {
  DEMO_ACCOUNTS: "on",
  RATE_LIMIT: "off",
  ACTIVE_TTL_SECONDS: "2",
  HEARTBEAT_INTERVAL_SECONDS: "0.5",
};

/** See the file's first line; disposing of it kills what still runs. */
export interface Pair extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly one: ServerProcess;
  readonly two: ServerProcess;
}

/** Starts a Redis that writes everything to its disk, and two servers on it. */
export async function startPair(settings: Settings = hasty): Promise<Pair> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder());
  const redis = parts.use(await startRedis({ appendonly: true, args: ["--appendfsync", "always"] }));
  const wanted = { ...settings, REDIS_URL: redis.url };
  const one = parts.use(await ServerProcess.start(folder.path, wanted));
  const two = parts.use(await ServerProcess.start(folder.path, wanted));
  const owned = parts.move();
  return { redis, one, two, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A program that is logged in and in a room. */
export async function programIn(room: string, server: ServerProcess, user: string): Promise<JsonClient> {
  const client = await server.jsonLogin(user);
  client.session.positions = { ...client.session.positions, ...(await client.ok("join", { room })).positions };
  return client;
}

/** A person who is logged in and in a room. */
export async function personIn(room: string, server: ServerProcess, user: string): Promise<TextClient> {
  const client = await server.login(user);
  await client.send(`/join ${room}`);
  await client.until(`Joined room ${room}`);
  return client;
}
