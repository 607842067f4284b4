/** What the Redis store does when Redis' memory is full: it refuses what is new, tells no lie, and goes on otherwise. */

import assert from "node:assert/strict";
import { ChatError } from "../../lib/common/errors.ts";
import { test as declared } from "../support/declare.ts";
import { ownRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { RedisCorner, type TestStore } from "../support/stores.ts";
import { account, claim, claimed, login } from "./suite.ts";

/** Declares a test with a Redis of its own. */
function test(name: string, fn: (redis: TestRedis, place: RedisCorner) => Promise<void>): void {
  const run = async () => {
    await using redis = await startRedis({ appendonly: true, args: ["--maxmemory-policy", "noeviction"] });
    await using place = new RedisCorner({
      prefix: "test:",
      address: { url: redis.url },
      servers: [{ hostname: "127.0.0.1", port: redis.port }],
    });
    await fn(redis, place);
  };
  declared(name, run, ownRedis);
}

/** Lets Redis have so many bytes more than it uses; what waits to be written to its file is not held against it. */
async function leave(redis: TestRedis, bytes: number): Promise<void> {
  const told = String(await redis.call("INFO", "memory"));
  const [used, uncounted] = ["used_memory", "mem_not_counted_for_evict"].map((field) =>
    Number(new RegExp(`^${field}:(\\d+)`, "m").exec(told)![1])
  );
  await redis.call("CONFIG", "SET", "maxmemory", `${used - uncounted + bytes}`);
}

async function refused(work: Promise<unknown>, what: string): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof ChatError, `${what}: ${error}`);
    assert.equal(error.code, "store_unavailable", what);
    assert.match(error.message, /^The store is full/);
    return true;
  }, what);
}

/** Says things until Redis is full. @returns what was acknowledged */
async function fill(store: TestStore): Promise<string[]> {
  const kept: string[] = [];
  for (let n = 0;; n++) {
    const text = `${n} ${"x".repeat(4_000)}`;
    const call = store.topics.publish("room:lobby", { from: "eve", text, cid: `${n}` }, undefined);
    const full = await call.then(() => false, () => true);
    if (full) return kept;
    kept.push(text);
  }
}

test("a full Redis refuses what is new, and has all that was acknowledged and nothing else", async (redis, place) => {
  const store = await place.open();
  const [eve, bob] = [await login(store, "eve"), await login(store, "bob")];
  await store.topics.publish("inbox:bob", { from: "eve", text: "hi", to: "bob" }, eve);
  const file = await store.files.begin({
    ...{ owner: "eve", topic: "room:lobby", name: "a", size: 10_000, sha256: "0f".repeat(32) },
  });
  assert.ok(typeof file === "object");
  await leave(redis, 2_000_000);
  const kept = await fill(store);
  assert.ok(kept.length > 20);
  await leave(redis, -300_000);
  for (let attempt = 0; attempt < 3; attempt++) {
    await refused(store.topics.publish("room:lobby", { from: "eve", text: "no" }, eve), "say");
    await refused(store.topics.publish("inbox:bob", { from: "eve", text: "no", to: "bob", cid: "x" }, eve), "msg");
    await refused(store.topics.publish("feed:eve", { from: "eve", text: "no" }, eve), "publish");
    await refused(store.rooms.make("new", { most: 9, standing: [] }), "a new room");
    await refused(store.accounts.create(account("new")), "a new account");
    await refused(store.accounts.follow("eve", "bob", 9), "follow");
    await refused(store.files.put(file, 0, "AAAA"), "a chunk");
  }
  const { entries } = await store.topics.read("room:lobby", { after: 0, limit: 10_000 });
  assert.deepEqual(entries.map(({ text }) => text), kept);
  const { session } = claimed(await claim(store, "bob"));
  assert.ok(await store.sessions.move(session, "general"), "people log in and move");
  assert.deepEqual(await store.topics.head("room:general").then(({ seq }) => seq), 0);
  await store.sessions.savePositions(session, { "room:lobby": "a.1.b" });
  await store.topics.markRead("inbox:bob", 1);
  assert.equal(await store.topics.readMark("inbox:bob"), 1);
  assert.equal(await store.servers.renew(), "kept", "servers keep their leases");
  await store.servers.probe();
  const other = await place.open();
  assert.deepEqual(await other.sessions.online(), ["bob", "eve"], "servers start");
  await other[Symbol.asyncDispose]();
  assert.equal(await store.sessions.end(session, true), "offline", "people log out");
  assert.equal(await store.sessions.end(bob, true), "not_held");
  await store.files.remove(file.id);
  await store.files.sweep();
  await store.rooms.sweep(["lobby"]);
  assert.equal(await store.admin.purge("lobby", 0), kept.length, "room is made");
  const again = await store.topics.publish("inbox:bob", { from: "eve", text: "now", to: "bob", cid: "x" }, eve);
  assert.deepEqual([again.kind, again.kind === "published" && again.repeated], ["published", false]);
  assert.equal(store.available, true);
});

test("a Redis that comes back full is used again, and what was acknowledged is there", async (redis, place) => {
  const store = await place.open();
  const eve = await login(store, "eve");
  await leave(redis, 200_000);
  const kept = await fill(store);
  const limit = (await redis.call("CONFIG", "GET", "maxmemory") as string[])[1];
  await redis.restart();
  await redis.call("CONFIG", "SET", "maxmemory", `${Math.floor(Number(limit) / 2)}`);
  const back = await place.open();
  const { entries } = await back.topics.read("room:lobby", { after: 0, limit: 10_000 });
  assert.deepEqual(entries.map(({ text }) => text), kept);
  assert.equal(claimed(await claim(back, "eve")).session.claim, eve.claim + 1);
  await refused(back.topics.publish("feed:eve", { from: "eve", text: "no" }, undefined), "publish");
});
