/** What is unread by sender in Redis: right as well where another release wrote, and gone with what was unread. */

import assert from "node:assert/strict";
import type { TestStore } from "../support/stores.ts";
import { test } from "./corner.ts";

async function dm(store: TestStore, from: string): Promise<number | string> {
  const result = await store.topics.publish("inbox:bob", { from, text: "hi", to: "bob" }, undefined);
  return result.kind === "published" ? result.seq : result.kind;
}

test("Topics.publish() counts what an earlier release put into an inbox, and what it marked", async (place, prefix) => {
  const store = await place.open({ maxInboxPerSender: 3 });
  const [meta, log, unread] = ["meta", "log", "unread"].map((name) => `${prefix}{inbox:bob}:${name}`);
  /** As a server of the release before does it, which knows of no count. */
  const earlier = async (seq: number, from: string): Promise<void> => {
    await place.ask("HSET", meta, "seq", `${seq}`, "id", "abc");
    await place.ask("XADD", log, `${seq}-0`, "i", "abc", "t", `${Date.now()}`, "b", `{"text":"hi","from":"${from}"}`);
  };
  for (const seq of [1, 2, 3]) assert.equal(await dm(store, seq === 2 ? "ann" : "eve"), seq);
  await place.ask("DEL", unread);
  assert.deepEqual([await dm(store, "eve"), await dm(store, "Eve")], [4, "full"], "no count yet");
  await earlier(5, "ANN");
  assert.deepEqual([await dm(store, "ann"), await dm(store, "ann")], [6, "full"], "a message");
  await place.ask("HSET", meta, "read", "2");
  assert.deepEqual([await dm(store, "eve"), await dm(store, "ann"), await dm(store, "eve")], [7, 8, "full"], "a mark");
  await place.ask("HSET", meta, "read", "4");
  await earlier(9, "eve");
  assert.deepEqual(
    [await dm(store, "eve"), await dm(store, "eve"), await dm(store, "ann")],
    [10, "full", "full"],
    "both",
  );
});

test("Topics.markRead() leaves no count behind where all is read", async (place, prefix) => {
  const store = await place.open();
  for (const from of ["eve", "ann", "eve"]) await dm(store, from);
  const key = `${prefix}{inbox:bob}:unread`;
  assert.equal(await place.ask("HGET", key, "of:eve"), "2");
  await store.topics.markRead("inbox:bob", 9);
  assert.equal(await place.ask("EXISTS", key), 0);
  assert.equal(await place.ask("EXISTS", `${prefix}{room:lobby}:unread`), 0);
});
