/**
 * A store that fails while the server runs: told once, with its cause, in the log and by readiness.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { admin } from "../support/admin.ts";
import { AdminPort } from "../support/admin_port.ts";
import { eventually, type JsonClient } from "../support/client.ts";
import { every, need } from "../support/needs.ts";
import { type LogLine, processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { ownRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { type Settings, test } from "../support/server.ts";
import { type SmallDisk, smallDisk, smallDisks } from "../support/small_disk.ts";
import { until } from "../support/turns.ts";

const settings = { ADMIN_PORT: "0", DEMO_ACCOUNTS: "on", RATE_LIMIT: "off" };

interface Outage {
  readonly server: ServerProcess;
  readonly cause: string;
  /** What the reason says. */
  readonly reason: RegExp;
  readonly begin: () => Promise<unknown>;
  readonly end?: () => Promise<unknown>;
  /** The settings with which \`doctor\` finds the same reason. */
  readonly doctor?: Settings;
  /** What a client asks for meanwhile. */
  readonly ask?: (client: JsonClient, n: number) => Promise<unknown>;
}

/** The properties of the log's lines of an event. */
function told({ log }: { readonly log: readonly LogLine[] }, event: string): Record<string, unknown>[] {
  return log.filter(({ message }) => message === event).map(({ properties }) => properties as Record<string, unknown>);
}

/** Breaks a store, mends it, and looks at what is told of it. */
async function outage({ server, cause, reason, begin, end, ask, doctor }: Outage): Promise<void> {
  const port = await AdminPort.of(server.program);
  await using client = await server.jsonLogin("a");
  assert.deepEqual(await port.unready(), []);
  const quiet = server.program.log.length;
  await begin();
  const say = ask ?? ((client, n) => client.request("say", { text: "x".repeat(2_000), cid: `c${n}` }));
  let asked = 0;
  await until("readiness is red", async () => {
    await say(client, asked++);
    return (await port.unready()).includes("store");
  });
  const { reasons } = JSON.parse((await port.ask("/readyz")).text) as { reasons: { check: string; reason: string }[] };
  assert.match(reasons.find(({ check }) => check === "store")!.reason, reason);
  assert.equal(await port.metric("chat_ready", { check: "store" }), 0);
  for (let i = 0; i < 20; i++) await say(client, asked++);
  if (doctor) assert.match((await admin(doctor, ["doctor"])).out, new RegExp(reason.source.replace("^", "")));
  await server.program.logged("store_failed");
  assert.deepEqual(told(server.program, "store_failed").map((line) => line.cause), [cause]);
  if (end) {
    await end();
    await until("readiness is green", async () => (await port.unready()).length === 0);
    await server.program.logged("store_back");
    const [{ cause: over, seconds, failed_calls }, ...more] = told(server.program, "store_back");
    assert.deepEqual([over, more.length], [cause, 0]);
    assert.ok(Number(seconds) > 0 && Number(failed_calls) > 0);
    await using other = await server.jsonLogin("c"); // the first one has refusals that it did not confirm
    await other.ok("say", { text: "back", cid: "back" });
  }
  // Not a line for each job, and not one for each client.
  const loud = server.program.log.slice(quiet).filter(({ level }) => level === "WARN" || level === "ERROR");
  assert.deepEqual(loud.map(({ message }) => message), ["store_failed"]);
  assert.equal(server.program.text, "");
}

/** Where the server's certificate is. */
function certificate(folder: string): Settings {
  return { CERT_FILE: join(folder, "certs", "cert.pem"), KEY_FILE: join(folder, "certs", "key.pem") };
}

/** Leaves no room on a disk. */
async function fill(disk: SmallDisk): Promise<void> {
  using filler = await Deno.open(join(disk.path, "filler"), { write: true, create: true });
  const block = new Uint8Array(4_096);
  for (;;) if (await filler.write(block).catch(() => 0) < block.length) return;
}

test("a full disk is told once, and that there is room again (SQLite)", async () => {
  await using disk = await smallDisk(4_194_304);
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, { ...settings, DATA_DIR: join(disk.path, "data") });
  await outage({
    server,
    cause: "disk_full",
    reason: /^the disk is full: /,
    begin: () => fill(disk),
    end: () => Deno.remove(join(disk.path, "filler")),
    doctor: { DATA_DIR: join(disk.path, "data"), ...certificate(folder.path) },
  });
  assert.equal((await server.stop()).code, 0);
}, every(processes, smallDisks));

test("a server on a full disk stops in order, and says so (SQLite)", async () => {
  await using disk = await smallDisk(4_194_304);
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, { ...settings, DATA_DIR: join(disk.path, "data") });
  await using client = await server.jsonLogin("a");
  await fill(disk);
  for (let i = 0; i < 20; i++) await client.request("say", { text: "x".repeat(2_000), cid: `c${i}` });
  const { code, text } = await server.stop();
  assert.deepEqual([code, text], [0, ""]);
  assert.ok(told(server.program, "server_stopped").length === 1);
}, every(processes, smallDisks));

test("a damaged file is told, and stays so until the next start (SQLite)", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, settings);
  const path = join(folder.path, "data", "chat.db");
  await using writer = await server.jsonLogin("b");
  for (let i = 0; i < 1_500; i++) await writer.request("say", { text: "x".repeat(2_000), cid: `w${i}` });
  await eventually(async () => (await Deno.stat(path)).size > 3_000_000, "the write-ahead log is copied");
  await writer.request("say", { text: "the log begins anew, and the file is read" });
  await outage({
    server,
    cause: "file_damaged",
    reason: /^the database file is damaged: /,
    begin: async () => {
      using file = await Deno.open(path, { write: true });
      await file.seek(4_096, Deno.SeekMode.Start);
      await file.write(new Uint8Array((await file.stat()).size - 4_096).fill(7));
    },
    ask: (client, n) => client.request("history", { room: "lobby", n: 100, before: 1_400 - n * 50 }),
  });
}, processes);

test("a database file that was deleted is told (SQLite)", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, settings);
  const path = join(folder.path, "data", "chat.db");
  await outage({
    server,
    cause: "file_gone",
    reason: /^the database file is not where it was: .*chat\.db was moved or deleted/,
    begin: () => Deno.remove(path),
  });
}, every(processes, need(Deno.build.os === "windows" ? "an open file cannot be deleted" : undefined)));

async function folderOf(redis: TestRedis): Promise<string> {
  return (await redis.call("CONFIG", "GET", "dir") as string[])[1]!;
}

const redisOutages: readonly {
  readonly name: string;
  readonly cause: string;
  readonly reason: RegExp;
  readonly begin: (redis: TestRedis) => Promise<unknown>;
  readonly end: (redis: TestRedis) => Promise<unknown>;
}[] = [
  {
    name: "a full Redis",
    cause: "redis_full",
    reason: /^Redis has no memory left .*: OOM /,
    begin: (redis) => redis.call("CONFIG", "SET", "maxmemory", "1"),
    end: (redis) => redis.call("CONFIG", "SET", "maxmemory", "0"),
  },
  {
    name: "a Redis that permits less",
    cause: "redis_not_permitted",
    reason: /^Redis does not permit .*: NOPERM /,
    begin: (redis) => redis.call("ACL", "SETUSER", "default", "-set", "-evalsha"),
    end: (redis) => redis.call("ACL", "SETUSER", "default", "+set", "+evalsha"),
  },
  {
    name: "a Redis that cannot write its file",
    cause: "redis_disk",
    reason: /^Redis cannot write its file.*: MISCONF /,
    begin: async (redis) => {
      await redis.call("CONFIG", "SET", "save", "3600 1");
      await Deno.mkdir(join(await folderOf(redis), "dump.rdb", "in the way"), { recursive: true });
      await redis.call("BGSAVE");
    },
    end: async (redis) => {
      await Deno.remove(join(await folderOf(redis), "dump.rdb"), { recursive: true });
      await redis.call("BGSAVE");
    },
  },
];

for (const { name, cause, reason, begin, end } of redisOutages) {
  test(`${name} is told once, and that it is over`, async () => {
    await using folder = await temporaryFolder();
    await using redis = await startRedis();
    await using server = await ServerProcess.start(folder.path, { ...settings, REDIS_URL: redis.url });
    const doctor = { REDIS_URL: redis.url, ...certificate(folder.path) };
    await outage({ server, cause, reason, doctor, begin: () => begin(redis), end: () => end(redis) });
  }, every(processes, ownRedis));
}
