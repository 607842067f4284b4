import assert from "node:assert/strict";
import { join } from "node:path";
import { SqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import { test } from "../support/declare.ts";
import { permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";
import { wideLimits } from "../support/store_limits.ts";
import { SqliteFile } from "./sqlite_file.ts";
import { Timeline } from "./timeline.ts";

const files = await permitted("read", "write");

test("SqliteFile reads what is committed while a server has the file, and refuses a damaged one", async () => {
  await using folder = await temporaryFolder();
  using timeline = new Timeline();
  const file = await SqliteFile.start({ folder: folder.path, servers: 1, timeline });
  const path = join(file.settings().DATA_DIR, "chat.db");
  const store = new SqliteStore({ ...wideLimits, path, durability: "normal" });
  for (const text of ["one", "two"]) {
    await store.topics.publish("room:lobby", { from: "a", text, cid: text }, undefined);
    const { epoch, seq } = await store.topics.head("room:lobby");
    assert.deepEqual(await file.heads(), new Map([["room:lobby", { epoch, seq }]]));
  }
  const [{ topic, head, entries }] = await file.logs();
  assert.deepEqual([topic, head], ["room:lobby", 2]);
  assert.deepEqual(entries.map(({ seq, from, text, cid }) => [seq, from, text, cid]), [
    [1, "a", "one", "one"],
    [2, "a", "two", "two"],
  ]);

  await store[Symbol.asyncDispose]();
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.fill(0xff, bytes.length / 2));
  await assert.rejects(file.logs(), /damaged|malformed/);
}, files);
