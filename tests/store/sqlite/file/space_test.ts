import assert from "node:assert/strict";
import { join } from "node:path";
import { SqliteStore } from "../../../../lib/store/sqlite/sqlite_store.ts";
import { test as declared } from "../../../support/declare.ts";
import { permitted } from "../../../support/needs.ts";
import { temporaryFolder } from "../../../support/process.ts";
import { wideLimits } from "../../../support/store_limits.ts";

const files = await permitted("read", "write");

/** What every message of these tests says, with its number. */
const secret = "the-geese-fly-at-midnight";

/** Declares a test with a folder of its own. */
function test(name: string, fn: (path: string) => Promise<void>): void {
  const run = async () => {
    await using folder = await temporaryFolder();
    await fn(join(folder.path, "chat.db"));
  };
  declared(name, run, files);
}

/** Publishes messages to three topics in turns, so that pages are split and filled again. */
async function write({ topics }: SqliteStore, count: number): Promise<void> {
  const all = Array.from({ length: count }, (_, index) => {
    const topic = (["room:a", "room:b", "inbox:bob"] as const)[index % 3];
    const text = topic === "room:a" ? `${secret} ${index} ${".".repeat(index % 500)}` : "plain".repeat(index % 90);
    return topics.publish(topic, { from: "ann", text }, undefined);
  });
  await Promise.all(all);
}

/** How often the secret is in the file or its write-ahead log. */
function found(path: string): number {
  const text = (file: string) => new TextDecoder("latin1").decode(Deno.readFileSync(file));
  return [path, `${path}-wal`].map((file) => text(file).split(secret).length - 1).reduce((sum, count) => sum + count);
}

test("AdminStore.purge() leaves no text in the file, nor in the write-ahead log", async (path) => {
  await using store = new SqliteStore({ ...wideLimits, path, durability: "normal" });
  await write(store, 3_000);
  assert.equal(found(path) > 900, true);
  assert.equal(await store.admin.purge("a", 0), 1_000);
  assert.equal(found(path), 0);
  const { entries } = await store.topics.read("room:b", { after: 0, limit: 5_000 });
  assert.equal(entries.length, 1_000);
});

test("Topics.sweep() leaves no text of what it forgot, and gives the room back that it had", async (path) => {
  let now = Date.now();
  const limits = { ...wideLimits, historyMaxAge: 5_000 };
  await using store = new SqliteStore({ ...limits, path, durability: "normal", now: () => now, uptime: () => now });
  await write(store, 9_000);
  await store.topics.markRead("inbox:bob", 3_000);
  now += 5_001;
  const before = Deno.statSync(path).size;
  assert.equal(await store.topics.sweep(), 9_000);
  const after = Deno.statSync(path).size;
  assert.equal(found(path), 0);
  assert.ok(after < before / 2, `${before} bytes became ${after}`);
});

test("Topics.sweep() lets the event loop have a turn every few messages", async (path) => {
  let now = Date.now();
  const limits = { ...wideLimits, historyMaxAge: 5_000 };
  await using store = new SqliteStore({ ...limits, path, durability: "normal", now: () => now, uptime: () => now });
  await write(store, 6_000);
  now += 5_001;
  let turns = 0;
  let sweeping = true;
  const turn = () => {
    turns++;
    if (sweeping) setImmediate(turn);
  };
  setImmediate(turn);
  await store.topics.sweep();
  sweeping = false;
  assert.ok(turns >= 20, `${turns} turns`); // 4,000 messages that are not unread, 200 at a time
});

test("Topics.sweep() forgets nothing because a clock was set forward", async (path) => {
  let now = Date.now();
  let uptime = 0;
  const limits = { ...wideLimits, historyMaxAge: 5_000 };
  await using store = new SqliteStore({ ...limits, path, durability: "normal", now: () => now, uptime: () => uptime });
  await store.topics.publish("room:a", { from: "ann", text: secret }, undefined);
  now += 86_400_000;
  uptime += 4_000;
  assert.equal(await store.topics.sweep(), 0);
  now -= 86_400_000 - 4_000;
  assert.equal((await store.topics.read("room:a", { limit: 1 })).entries.length, 1, "the clock is right again");
  now += 1_001;
  uptime += 1_001;
  assert.equal(await store.topics.sweep(), 1);
});
