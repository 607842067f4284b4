/** How the write-ahead log gets into the file, and who may have the file. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CheckpointThread } from "../../../../lib/store/sqlite/file/checkpoints.ts";
import { FileLock } from "../../../../lib/store/data_folder/file_lock.ts";
import { SqliteStore } from "../../../../lib/store/sqlite/sqlite_store.ts";
import { eventually } from "../../../support/client.ts";
import { test as declared } from "../../../support/declare.ts";
import { permitted } from "../../../support/needs.ts";
import { temporaryFolder } from "../../../support/process.ts";
import { wideLimits } from "../../../support/store_limits.ts";

const files = await permitted("read", "write", "env");

function test(name: string, fn: (path: string) => Promise<void>): void {
  const run = async () => {
    await using folder = await temporaryFolder();
    await fn(join(folder.path, "chat.db"));
  };
  declared(name, run, files);
}

const text = "x".repeat(2_000);
const sizeOf = (path: string) => Deno.statSync(path).size;

test("CheckpointThread copies the log while messages come without a pause, and the log begins anew", async (path) => {
  await using store = new SqliteStore({ ...wideLimits, path, durability: "normal", checkpointThread: true });
  let sent = 0;
  const say = () => store.topics.publish("room:a", { from: "ann", text: `${text} ${++sent}` }, undefined);
  // Far more than the log may hold: 40,000 pages, where 8,192 are allowed. A log that never began anew would have all of it.
  await eventually(async () => {
    await Promise.all(Array.from({ length: 200 }, say));
    return sizeOf(path) > 160_000_000 && sizeOf(`${path}-wal`) < sizeOf(path);
  }, "the file has most of it, and the log has begun anew");
  const { head, entries } = await store.topics.read("room:a", { after: sent - 1, limit: 2 });
  assert.deepEqual([head.seq, entries.map(({ seq }) => seq)], [sent, [sent]]);
});

test("CheckpointThread.truncate() leaves nothing in the log", async (path) => {
  await using store = new SqliteStore({ ...wideLimits, path, durability: "normal", checkpointThread: true });
  for (let i = 0; i < 10; i++) await store.topics.publish("room:a", { from: "ann", text }, undefined);
  assert.ok(sizeOf(`${path}-wal`) > 0);
  assert.equal(await store.admin.purge("a", 0), 10);
  assert.equal(sizeOf(`${path}-wal`), 0);
});

test("a CheckpointThread that cannot go on is told of, and the log is copied all the same", async (path) => {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (x)");
  const told: unknown[] = [];
  const thread = new CheckpointThread(database, join(path, "nowhere"), (error) => told.push(error));
  await eventually(() => told.length === 1, "the fault is told");
  database.exec("INSERT INTO t VALUES (1)");
  await thread.truncate();
  assert.equal(sizeOf(`${path}-wal`), 0);
  const { wal_autocheckpoint: pages } = database.prepare("PRAGMA wal_autocheckpoint").get()!;
  assert.equal(pages, 1_000);
  await thread[Symbol.asyncDispose]();
  database.close();
});

test("FileLock is one holder's at a time", (path) => {
  const lock = FileLock.take(path);
  assert.throws(() => FileLock.take(path), /locked/);
  lock[Symbol.dispose]();
  FileLock.take(path)[Symbol.dispose]();
  return Promise.resolve();
});
