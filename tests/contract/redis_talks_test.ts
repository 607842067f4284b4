/** What Redis keeps of who wrote what in an inbox: none of it outlives the log, and an earlier release's inbox is read too. */

import assert from "node:assert/strict";
import type { RedisCorner, TestStore } from "../support/stores.ts";
import { test } from "./corner.ts";

const inbox = "inbox:bob";

async function write({ topics }: TestStore, from: string, count: number): Promise<void> {
  const all = Array.from({ length: count }, () => topics.publish(inbox, { from, text: "hi" }, undefined));
  await Promise.all(all);
  await topics.markRead(inbox, Number.MAX_SAFE_INTEGER);
}

async function numbers({ topics }: TestStore, sender: string): Promise<number[]> {
  return (await topics.readTalk(inbox, sender, { limit: 10_000 })).entries.map(({ seq }) => seq);
}

/** Makes the inbox one that an earlier release has written. */
async function forgetIndex(place: RedisCorner, prefix: string): Promise<void> {
  const senders = await place.ask("ZRANGE", `${prefix}{${inbox}}:talks`, "0", "-1") as string[];
  for (const sender of ["", ...senders.map((name) => `:${name}`)]) {
    await place.ask("DEL", `${prefix}{${inbox}}:talks${sender}`);
  }
  await place.ask("HDEL", `${prefix}{${inbox}}:meta`, "indexed");
}

test(
  "RedisTopics.readTalk() finds what an earlier release wrote, also while messages keep arriving",
  async (place, prefix) => {
    const [store, other] = [await place.open(), await place.open()];
    for (let i = 0; i < 10; i++) {
      await write(store, "ann", 50);
      await write(store, "Eve", 50);
    }
    const before = await numbers(store, "ann");
    await forgetIndex(place, prefix);
    const [one, two] = await Promise.all([numbers(store, "ann"), numbers(other, "ann"), write(other, "eve", 100)]);
    assert.deepEqual([one, two], [before, before]);
    assert.equal((await numbers(store, "eve")).length, 600);
    await write(store, "ann", 1);
    assert.deepEqual(await numbers(store, "ann"), [...before, 1_101]);
  },
);

test(
  "RedisTopics.readTalk() finds what a server of an earlier release writes beside this one",
  async (place, prefix) => {
    await using store = await place.open();
    await write(store, "ann", 2);
    const body = JSON.stringify({ from: "Ann", text: "hi" });
    await place.ask("XADD", `${prefix}{${inbox}}:log`, "3-0", "i", "id3", "t", `${Date.now()}`, "b", body);
    await place.ask("HSET", `${prefix}{${inbox}}:meta`, "seq", "3", "id", "id3");
    await write(store, "ann", 1);
    assert.deepEqual(await numbers(store, "ann"), [1, 2, 3, 4]);
    await write(store, "ann", 1);
    assert.deepEqual(await numbers(store, "ann"), [1, 2, 3, 4, 5]);
  },
);

test(
  "RedisTopics.publish() forgets the numbers that the log has lost, and senders of whom it has none",
  async (place, prefix) => {
    await using store = await place.open({ historyMaxMessages: 100 });
    await write(store, "ann", 10);
    for (let i = 0; i < 20; i++) await write(store, "eve", 64);
    const talks = `${prefix}{${inbox}}:talks`;
    assert.deepEqual(await place.ask("ZRANGE", talks, "0", "-1"), ["eve"]);
    assert.equal(await place.ask("EXISTS", `${talks}:ann`), 0);
    const bytes = await place.ask("STRLEN", `${talks}:eve`) as number;
    assert.ok(bytes <= 6 * 2 * (100 + 64 + 64), `${bytes} bytes`);
    assert.deepEqual(await numbers(store, "eve"), Array.from({ length: 100 }, (_, index) => 1_191 + index));
  },
);
