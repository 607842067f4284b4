/** What files leave in Redis: nothing for ever, and nothing that a step which was cut off could leave. */

import assert from "node:assert/strict";
import type { FileDraft, StoredFile } from "../../lib/store/files.ts";
import type { TestStore } from "../support/stores.ts";
import { until } from "../support/turns.ts";
import { test } from "./corner.ts";
import { put } from "./files.ts";

const draft: FileDraft = { owner: "Eve", topic: "room:lobby", name: "a", size: 60_000, sha256: "0f".repeat(32) };

async function begun(store: TestStore, what = draft): Promise<StoredFile> {
  const file = await store.files.begin(what);
  assert.notEqual(typeof file, "string", `${file}`);
  return file as StoredFile;
}

const limits = { maxUserFilesBytes: 100_000 };

test("a file and its chunks have an end, and the index forgets it", async (place, prefix) => {
  const store = await place.open({ ...limits, fileTtl: 300 });
  const { id } = await begun(store);
  await put(store.files, id, 0);
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

test("a file that is complete is kept with its chunks until it expires", async (place, prefix) => {
  const store = await place.open({ ...limits, fileTtl: 1e9 });
  const { id } = await begun(store);
  for (const n of [0, 1]) await put(store.files, id, n);
  for (const key of ["file", "chunks"]) {
    const life = Number(await place.ask("PTTL", `${prefix}{file:${id}}:${key}`));
    assert.ok(life > 9e8 && life <= 1e9, `${key}: ${life}`);
  }
});

test("a file that Redis has lost is begun anew, and counted once", async (place, prefix) => {
  const store = await place.open(limits);
  const { id } = await begun(store);
  await put(store.files, id, 0);
  const found = (await store.files.find(id))!;
  await place.ask("DEL", `${prefix}{file:${id}}:file`);
  assert.equal(await store.files.put(found, 1, "AAAA"), undefined);
  const again = await begun(store);
  assert.equal(again.have, 0);
  assert.equal(await put(store.files, again.id, 0, "BBBB"), 1);
  assert.equal(await put(store.files, again.id, 1, "BBBB"), 2);
  assert.equal(await place.ask("HGET", `${prefix}{files}:used`, "all"), "60000");
  assert.equal(await store.files.begin({ ...draft, name: "b" }), "full_user");
  await store.files.remove(again.id);
  await begun(store, { ...draft, name: "b" });
});

test("a file of which Redis has lost the last chunks goes on where it is", async (place, prefix) => {
  const store = await place.open();
  const { id } = await begun(store);
  for (const n of [0, 1]) await put(store.files, id, n);
  await place.ask("HDEL", `${prefix}{file:${id}}:chunks`, "1");
  assert.equal((await begun(store)).have, 1);
  assert.equal(await put(store.files, id, 1), 2);
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

test("a chunk that was counted and never added is counted once, and no longer than its file", async (place, prefix) => {
  const store = await place.open(limits);
  const used = () => place.ask("HGET", `${prefix}{files}:used`, "all");
  const { id, expires } = await begun(store);
  assert.equal(await used(), "4096", "what is only announced counts as the least there is");
  await put(store.files, id, 0);
  assert.equal(await used(), "49152");
  await place.ask("DEL", `${prefix}{file:${id}}:chunks`); // as if the server had died before
  for (const n of [0, 0, 1, 1]) await put(store.files, id, n);
  assert.deepEqual([await used(), (await store.files.find(id))!.have], ["60000", 2]);
  await place.ask("DEL", `${prefix}{file:${id}}:file`, `${prefix}{file:${id}}:chunks`);
  const other = await begun(store, { ...draft, name: "b", size: 40_000 });
  await place.ask("DEL", `${prefix}{file:${other.id}}:file`);
  assert.equal(await store.files.put(other, 0, "AAAA"), undefined);
  const end = Number(await place.ask("ZSCORE", `${prefix}{files}:expiry`, other.id));
  assert.ok(end >= expires, `${end}`);
});

test("a chunk of a file that the index has lost begins the file anew", async (place, prefix) => {
  const store = await place.open(limits);
  const file = await begun(store);
  const index = ["expiry", "sizes", "used", "same"].map((name) => `${prefix}{files}:${name}`);
  await place.ask("DEL", ...index);
  assert.equal(await store.files.put(file, 0, "AAAA"), undefined);
  assert.notEqual((await begun(store)).id, file.id);
});

test("a removal that died before it freed the bytes is completed by the next begin", async (place, prefix) => {
  const store = await place.open(limits);
  const { id } = await begun(store);
  for (const n of [0, 1]) await put(store.files, id, n);
  const index = ["expiry", "sizes", "used", "same"].map((name) => `${prefix}{files}:${name}`);
  for (const key of index) await place.ask("COPY", key, `${key}:copy`);
  await store.files.remove(id);
  for (const key of index) await place.ask("COPY", `${key}:copy`, key, "REPLACE");
  assert.equal(await store.files.find(id), undefined);
  assert.equal(await store.files.begin({ ...draft, name: "b" }), "full_user", "it is reserved still");
  const again = await begun(store);
  assert.notEqual(again.id, id);
  assert.equal(await place.ask("HGET", `${prefix}{files}:used`, "all"), "4096");
  const mark = Number(await place.ask("PTTL", `${prefix}{file:${id}}:file`));
  assert.ok(mark > 0 && mark <= 60_000, `${mark}`);
});
