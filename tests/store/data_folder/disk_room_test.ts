/** A start on a disk that is full, and a lock file that root made. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { FileLock } from "../../../lib/store/data_folder/file_lock.ts";
import { storeFailure } from "../../../lib/store/failure.ts";
import { SqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import { test } from "../../support/declare.ts";
import { every, need, permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";
import { smallDisk, smallDisks } from "../../support/small_disk.ts";
import { wideLimits } from "../../support/store_limits.ts";

const sys = await permitted("sys", "read", "write");
const root = every(sys, need(!sys.ignored && Deno.uid() === 0 ? undefined : "needs root"));

test("SqliteStore says that the disk is full where SQLite calls it an I/O error", async () => {
  await using disk = await smallDisk(1 << 20);
  const path = join(disk.path, "chat.db");
  await new SqliteStore({ ...wideLimits, path, durability: "normal" })[Symbol.asyncDispose]();
  using rest = await Deno.open(join(disk.path, "rest"), { write: true, create: true });
  assert.throws(() => {
    for (;;) rest.writeSync(new Uint8Array(4096));
  });
  assert.throws(
    () => new SqliteStore({ ...wideLimits, path, durability: "normal" }),
    (error) => storeFailure(error).cause === "disk_full" && /chat\.db: .*No space left/.test(String(error)),
  );
}, smallDisks);

test("FileLock.take() leaves the lock's file to whom the database belongs", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "chat.db");
  await Deno.writeFile(path, new Uint8Array());
  await Deno.chown(path, 65_534, 65_534);
  FileLock.take(path)[Symbol.dispose]();
  const { uid, gid } = await Deno.stat(`${path}-lock`);
  assert.deepEqual([uid, gid], [65_534, 65_534]);
}, root);
