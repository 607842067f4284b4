/** What a deleted message said is in no file of the store. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { RedisStore } from "../../lib/store/redis/redis_store.ts";
import { SqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import type { Store } from "../../lib/store/store.ts";
import { eventually } from "../support/client.ts";
import { test } from "../support/declare.ts";
import { permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";
import { ownRedis, startRedis } from "../support/redis.ts";
import { wideLimits } from "../support/store_limits.ts";

const secret = "correct-horse-battery";

async function sayAndErase({ topics, deletions }: Store, copies: number): Promise<void> {
  for (let i = 0; i < copies; i++) {
    const said = await topics.publish("inbox:bob", { from: "ann", to: "bob", text: secret.repeat(300) }, undefined);
    assert.ok(said.kind === "published");
    await topics.publish("inbox:bob", { from: "joe", to: "bob", text: "other" }, undefined);
    const { entries: [entry] } = await topics.read("inbox:bob", { after: said.seq - 1, limit: 1 });
    assert.equal(await deletions.erase("inbox:bob", entry, "ann"), "erased");
  }
}

test("Deletions.erase() leaves no byte of the text in SQLite's files", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "chat.db");
  await using store = new SqliteStore({ ...wideLimits, path, durability: "normal", checkpointThread: true });
  await store.topics.publish("room:lobby", { from: "ann", text: "kept" }, undefined);
  await sayAndErase(store, 3);
  for await (const { name } of Deno.readDir(folder.path)) {
    const text = new TextDecoder("latin1").decode(await Deno.readFile(join(folder.path, name)));
    assert.ok(!text.includes(secret), `${name} has it`);
  }
}, await permitted("read", "write"));

test("Deletions.erase() has Redis' append-only file rewritten without the text", async () => {
  await using redis = await startRedis({ appendonly: true, args: ["--appendfsync", "always"] });
  await using store = await RedisStore.open({ ...wideLimits, url: redis.url, prefix: "chat:" });
  await store.servers.join("", () => {});
  await sayAndErase(store, 1);
  const [, dir] = await redis.call("CONFIG", "GET", "dir") as string[];
  const hasIt = async () => {
    for await (const { name } of Deno.readDir(join(dir, "appendonlydir"))) {
      const bytes = await Deno.readFile(join(dir, "appendonlydir", name)).catch(() => new Uint8Array());
      if (new TextDecoder("latin1").decode(bytes).includes(secret)) return true;
    }
    return false;
  };
  await eventually(async () => !await hasIt(), "the file is rewritten");
}, ownRedis);
