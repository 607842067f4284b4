/** Rows of topics that are behind their logs: what a kill leaves is as good as what a stop leaves. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import type { Topic } from "../../../lib/wire/names.ts";
import { test as declared } from "../../support/declare.ts";
import { permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";
import { wideLimits } from "../../support/store_limits.ts";

const files = await permitted("read", "write");
const topics: readonly Topic[] = ["room:a", "feed:ann", "inbox:ann"];

function test(name: string, fn: (folder: string) => Promise<void>): void {
  declared(name, async () => {
    await using folder = await temporaryFolder();
    await fn(folder.path);
  }, files);
}

const open = (path: string) => new SqliteStore({ ...wideLimits, path, durability: "normal" });

/** What a kill at this moment would leave, in a file of its own. */
async function killed(folder: string, name: string): Promise<string> {
  const path = join(folder, `${name}.db`);
  for (const part of ["", "-wal"]) await Deno.copyFile(join(folder, `chat.db${part}`), path + part).catch(() => {});
  return path;
}

async function publish(store: SqliteStore, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    for (const topic of topics) await store.topics.publish(topic, { from: "ann", text: `${i}` }, undefined);
  }
}

async function headsOf(store: SqliteStore) {
  return await Promise.all(topics.map((topic) => store.topics.head(topic)));
}

test("a killed server's topics end where their logs do, and go on with the next number", async (folder) => {
  await using store = open(join(folder, "chat.db"));
  await publish(store, 5);
  const heads = await headsOf(store);
  assert.deepEqual(heads.map(({ seq }) => seq), [5, 5, 5]);
  await using again = open(await killed(folder, "killed"));
  const sizes = await Array.fromAsync(again.admin.topics());
  assert.deepEqual(
    sizes.map(({ topic, seq, messages }) => [topic, seq, messages]),
    topics.toSorted().map((t) => [t, 5, 5]),
  );
  assert.deepEqual(await headsOf(again), heads);
  for (const topic of topics) {
    const put = await again.topics.publish(topic, { from: "ann", text: "next" }, undefined);
    assert.equal(put.kind === "published" && put.seq, 6);
  }
});

test("a room that was purged while its row was behind goes on with its numbers after a kill", async (folder) => {
  await using store = open(join(folder, "chat.db"));
  await publish(store, 5);
  assert.equal(await store.admin.purge("a", 0), 5);
  const [head] = await headsOf(store);
  await using again = open(await killed(folder, "purged"));
  assert.deepEqual((await headsOf(again))[0], head);
  const put = await again.topics.publish("room:a", { from: "ann", text: "next" }, undefined);
  assert.equal(put.kind === "published" && put.seq, 6);
});

test("a new epoch of a topic whose row is behind begins behind its last message", async (folder) => {
  await using store = open(join(folder, "chat.db"));
  await publish(store, 5);
  const { epoch } = await store.topics.head("room:a");
  await store.topics.renewEpoch("room:a", epoch);
  await using again = open(await killed(folder, "renewed"));
  const page = await again.topics.read("room:a", { after: 0, limit: 10 });
  assert.deepEqual([page.head.seq, page.renewed], [5, { previous: epoch, since: 5 }]);
});

test("rows are up to date after a sweep and after a stop, for whoever reads the file", async (folder) => {
  const path = join(folder, "chat.db");
  const rows = (of: string) => {
    using database = new DatabaseSync(of);
    return database.prepare("SELECT seq, indexed FROM topics WHERE topic = 'room:a'").all().map((row) => ({ ...row }));
  };
  {
    await using store = open(path);
    await publish(store, 5);
    assert.deepEqual(rows(await killed(folder, "before")), [{ seq: 1, indexed: -1 }]);
    await store.topics.sweep();
    assert.deepEqual(rows(await killed(folder, "swept")), [{ seq: 5, indexed: 0 }]);
    await publish(store, 2);
  }
  assert.deepEqual(rows(path), [{ seq: 7, indexed: 0 }]);
});
