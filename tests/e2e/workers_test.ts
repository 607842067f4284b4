/**
 * Workers: several servers in one process, on one port.
 */

import assert from "node:assert/strict";
import { loadConfig, options } from "../../lib/config/config.ts";
import { startThread } from "../../lib/server/workers/thread.ts";
import { Workers } from "../../lib/server/workers/workers.ts";
import { certificates } from "../support/certificates.ts";
import { type Endpoint, forcedOut, TextClient } from "../support/client.ts";
import { crash, fragileWorker } from "../support/fragile_worker.ts";
import { every, permitted } from "../support/needs.ts";
import { processes, runServer, ServerProcess, temporaryFolder } from "../support/process.ts";
import { type RedisPlace, sharedRedis } from "../support/redis.ts";
import { ask } from "../support/resp.ts";
import { type Settings, test } from "../support/server.ts";

const workers = every(processes, sharedRedis, await permitted("ffi", "sys"));

/** Longer than a stop takes whose clients go when they are told, in milliseconds. */
const promptly = 4_000;

function settingsFor(place: RedisPlace): Settings {
  return {
    WORKERS: "2",
    SERVER_ID: "box",
    DEMO_ACCOUNTS: "on",
    RATE_LIMIT: "off",
    REDIS_URL: place.url,
    REDIS_PREFIX: place.prefix,
  };
}

/** A person on the worker that is wanted: which worker gets a connection is the kernel's choice. */
async function personOn(at: Endpoint, id: string, user: string): Promise<TextClient> {
  for (let attempt = 1; attempt <= 100; attempt++) {
    const person = await TextClient.login(at, user);
    await person.send("/whoami");
    const [where] = (await person.until(new RegExp(`^${user} in lobby on `))).slice(-1);
    if (where === `${user} in lobby on ${id}`) return person;
    await person.send("/quit");
    await person.rest();
    await person[Symbol.asyncDispose]();
  }
  throw new Error(`In 100 attempts, no connection came to ${id}`);
}

test("workers share a port, rooms and users, and end within the time on SIGTERM", async () => {
  await using folder = await temporaryFolder();
  await using place = sharedRedis.place();
  await using server = await ServerProcess.start(folder.path, settingsFor(place));
  const ready = await server.program.logged("server_ready");
  assert.equal((ready!.properties as { server: string }).server, "box-1, box-2");
  await using a = await personOn(server, "box-1", "a");
  await using b = await personOn(server, "box-2", "b");

  await a.send("from one");
  await b.until("a: from one");
  await b.send("from two");
  await a.until("b: from two");
  await using again = await personOn(server, "box-2", "a");
  await a.until(forcedOut);
  assert.equal(await again.ask("/users"), "Users online: a, b");

  server.program.signal("SIGTERM");
  for (const person of [again, b]) {
    await person.until(/^\[SYSTEM\] .*stopping/);
    await person.expectEnd();
  }
  assert.deepEqual(await server.program.ended(promptly), { code: 0, signal: null, text: "" });
}, workers);

test("a client that does not go holds up workers no longer than DRAIN_SECONDS", async () => {
  await using folder = await temporaryFolder();
  await using place = sharedRedis.place();
  await using server = await ServerProcess.start(folder.path, { ...settingsFor(place), DRAIN_SECONDS: "1" });
  await using stays = await personOn(server, "box-2", "a");
  stays.stopReading();
  server.program.signal("SIGTERM");
  assert.equal((await server.program.ended(promptly)).code, 0);
}, workers);

test("a worker that crashed is back, and the clients of the other have noticed nothing", async () => {
  await using place = sharedRedis.place();
  const defaults = Object.fromEntries(Object.keys(options).map((name) => [name, ""]));
  const settings = { SERVER_PORT: "0", SERVER_HOST: "127.0.0.1", BCRYPT_COST: "4", LOG_LEVEL: "error" };
  const loaded = loadConfig({ args: [], env: { ...defaults, ...settingsFor(place), ...settings } });
  assert.ok(loaded.kind === "config");
  await using running = await Workers.start({
    config: loaded.config,
    certificate: certificates,
    count: 2,
    startThread: (order) => startThread(order, fragileWorker),
  });
  const at = { port: running.port, ca: certificates.ca };
  await using stays = await personOn(at, "box-1", "a");
  await using goes = await personOn(at, "box-2", "b");
  await goes.send("here");
  await stays.until("b: here");

  crash(2);
  await goes.rest();
  await stays.until("b left lobby"); // the new run of box-2 saw that the earlier one is over
  assert.equal(await stays.ask("still here"), "a: still here");
  await using back = await personOn(at, "box-2", "b");
  await back.send("here again");
  await stays.until("b: here again");
}, workers);

/** Has another server, which then is gone, take an id, as one does while the server of that id hangs. */
async function usurp({ url, prefix }: RedisPlace, id: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const call = (...command: string[]) => ask({ hostname, port: Number(port) }, command);
  const [leases, ids, since] = ["leases", "ids", "since"].map((name) => `${prefix}{servers}:v2:${name}`);
  const now = Date.now();
  await call("ZADD", leases, `${now + 2_000}`, "another");
  await call("HSET", since, id, `${now + 1_000}`);
  await call("HSET", ids, id, "another");
}

test("a worker that cannot go on sends its clients away and is started again; the other goes on", async () => {
  await using folder = await temporaryFolder();
  await using place = sharedRedis.place();
  const settings: Settings = { ...settingsFor(place), ACTIVE_TTL_SECONDS: "2", HEARTBEAT_INTERVAL_SECONDS: "0.2" };
  await using server = await ServerProcess.start(folder.path, settings);
  await using stays = await personOn(server, "box-1", "a");
  await using goes = await personOn(server, "box-2", "b");
  await usurp(place, "box-2");

  await goes.until(/^\[SYSTEM\] .*stopping/);
  await goes.expectEnd();
  const { properties } = (await server.program.logged("server_cannot_go_on"))!;
  assert.deepEqual(properties, { worker: 2, reason: "another server runs as box-2" });
  assert.ok(await server.program.logged("worker_back"));
  await using _back = await personOn(server, "box-2", "c");
  await stays.until("c joined lobby");
  assert.equal((await server.stop()).code, 0);
}, workers);

test("workers are refused a port that somebody has, shared or not, with one line and exit code 1", async () => {
  await using folder = await temporaryFolder();
  await using place = sharedRedis.place();
  using alone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using shared = Deno.listen({ hostname: "127.0.0.1", port: 0, reusePort: true });
  await Promise.all([alone, shared].map(async ({ addr }) => {
    const settings = { ...settingsFor(place), SERVER_ID: "", DEMO_ACCOUNTS: "", SERVER_PORT: `${addr.port}` };
    await using program = runServer(folder.path, settings);
    const { code, text } = await program.ended();
    assert.match(program.refusal ?? "", /^port \d+ is taken by another program: .*in use/);
    assert.deepEqual([code, text], [1, ""]);
  }));
}, workers);

test("workers without their Redis, or without any, are one line and exit code 1", async () => {
  await using folder = await temporaryFolder();
  const cases: [settings: Settings, line: RegExp][] = [
    [{ REDIS_URL: "redis://127.0.0.1:1" }, /^Redis cannot be reached, or does not answer: /],
    [{}, /^WORKERS is 2; allowed: 1 or auto without REDIS_URL/],
  ];
  await Promise.all(cases.map(async ([settings, line]) => {
    await using program = runServer(folder.path, { WORKERS: "2", ...settings });
    const { code, text } = await program.ended();
    assert.match(program.refusal ?? "", line);
    assert.deepEqual([code, text], [1, ""]);
  }));
}, processes);

test("WORKERS=auto is one server where the store is SQLite", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, { WORKERS: "auto", DEMO_ACCOUNTS: "on" });
  await using person = await server.login("a");
  assert.equal(await person.ask("/whoami"), "a in lobby on server1");
}, processes);
