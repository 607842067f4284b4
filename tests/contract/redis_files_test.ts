/** What files leave in Redis: nothing for ever, and nothing that a step which was cut off could leave. */

import assert from "node:assert/strict";
import type { FileDraft, StoredFile } from "../../lib/store/files.ts";
import { sharedRedis } from "../support/redis.ts";
import { RedisCorner, type TestStore } from "../support/stores.ts";
import { until } from "../support/turns.ts";

/** Declares a test with a corner of Redis, whose prefix it is told. */
function test(name: string, fn: (place: RedisCorner, prefix: string) => Promise<void>): void {
  Deno.test({
    name: sharedRedis.named(name),
    ignore: sharedRedis.ignored,
    sanitizeOps: true,
    sanitizeResources: true,
    fn: async () => {
      const corner = sharedRedis.place();
      await using place = new RedisCorner(corner);
      await fn(place, corner.prefix);
    },
  });
}

const draft: FileDraft = { owner: "Eve", topic: "room:lobby", name: "a", size: 60_000, sha256: "0f".repeat(32) };

async function begun(store: TestStore, what = draft): Promise<StoredFile> {
  const file = await store.files.begin(what);
  assert.notEqual(file, "full");
  return file as StoredFile;
}

const limits = { maxUserFilesBytes: 100_000 };

test("a file and its chunks have an end, and the index forgets it", async (place, prefix) => {
  const store = await place.open({ ...limits, fileTtl: 300 });
  const { id } = await begun(store);
  await store.files.put(id, 0, "AAAA");
  for (const key of ["file", "chunks"]) {
    const life = Number(await place.ask("PTTL", `${prefix}{file:${id}}:${key}`));
    assert.ok(life > 0 && life <= 300, `${key}: ${life}`);
  }
  await place.pass(300);
  await until("the index is empty", async () => {
    await store.files.sweep();
    const index = ["expiry", "sizes", "used", "same"].map((name) => `${prefix}{files}:${name}`);
    return Number(await place.ask("EXISTS", ...index)) === 0;
  });
  assert.deepEqual(await place.ask("KEYS", `${prefix}{file*`), []);
});

test("a file that Redis has lost is begun anew, and counted once", async (place, prefix) => {
  const store = await place.open(limits);
  const { id } = await begun(store);
  await store.files.put(id, 0, "AAAA");
  await place.ask("DEL", `${prefix}{file:${id}}:file`);
  assert.equal(await store.files.put(id, 1, "AAAA"), undefined);
  const again = await begun(store);
  assert.equal(again.have, 0);
  assert.equal(await store.files.put(again.id, 0, "BBBB"), 1);
  assert.equal(await store.files.begin({ ...draft, name: "b" }), "full");
  await store.files.remove(again.id);
  await begun(store, { ...draft, name: "b" });
});

test("a file of which Redis has lost the last chunks goes on where it is", async (place, prefix) => {
  const store = await place.open();
  const { id } = await begun(store);
  for (const n of [0, 1, 2]) await store.files.put(id, n, `${n}`);
  await place.ask("HDEL", `${prefix}{file:${id}}:chunks`, "2");
  assert.equal((await begun(store)).have, 2);
  assert.equal(await store.files.put(id, 2, "2"), 3);
});

test(
  "a begin that died before it made the file has only reserved its bytes, for the next to find",
  async (place, prefix) => {
    const store = await place.open(limits);
    const { id } = await begun(store);
    await place.ask("DEL", `${prefix}{file:${id}}:file`, `${prefix}{file:${id}}:chunks`);
    const again = await begun(store);
    assert.equal(again.id, id);
    assert.deepEqual(await store.files.find(id), again);
  },
);

test("a removal that died before it freed the bytes is completed by the next begin", async (place, prefix) => {
  const store = await place.open(limits);
  const { id } = await begun(store);
  const index = ["expiry", "sizes", "used", "same"].map((name) => `${prefix}{files}:${name}`);
  for (const key of index) await place.ask("COPY", key, `${key}:copy`);
  await store.files.remove(id);
  for (const key of index) await place.ask("COPY", `${key}:copy`, key, "REPLACE");
  assert.equal(await store.files.find(id), undefined);
  assert.equal(await store.files.begin({ ...draft, name: "b" }), "full", "it is reserved still");
  const again = await begun(store);
  assert.notEqual(again.id, id);
  assert.equal(await place.ask("HGET", `${prefix}{files}:used`, "all"), "60000");
  const mark = Number(await place.ask("PTTL", `${prefix}{file:${id}}:file`));
  assert.ok(mark > 0 && mark <= 60_000, `${mark}`);
});
