/** The contract of {@linkcode Topics.readTalk}: one sender's messages in an inbox, at the cost of what it gives. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { TalkRange } from "../../lib/store/topics.ts";
import type { TestStore } from "../support/stores.ts";
import type { Declare } from "./suite.ts";

const inbox = "inbox:bob";

/** Has senders write in their turn: each text is its number. */
async function write({ topics }: TestStore, senders: readonly string[]): Promise<void> {
  const { seq } = await topics.head(inbox);
  const all = senders.map((from, index) => topics.publish(inbox, { from, text: `${seq + index + 1}` }, undefined));
  await Promise.all(all);
}

async function numbers({ topics }: TestStore, sender: string, range: TalkRange): Promise<number[]> {
  const { entries, epoch } = await topics.readTalk(inbox, sender, range);
  assert.equal(epoch, (await topics.head(inbox)).epoch);
  for (const { seq, text, from } of entries) {
    assert.deepEqual([text, from.toLowerCase()], [`${seq}`, sender.toLowerCase()]);
  }
  return entries.map(({ seq }) => seq);
}

/** What a reader of the whole inbox finds of a sender's. */
async function found({ topics }: TestStore, sender: string, range: TalkRange): Promise<number[]> {
  const { before = Infinity, olderThan = Infinity, limit } = range;
  const { entries } = await topics.read(inbox, { after: 0, limit: 100_000 });
  return entries.filter(({ from, seq, time }) =>
    from.toLowerCase() === sender.toLowerCase() && seq < before && time < olderThan
  )
    .slice(-limit).map(({ seq }) => seq);
}

/** Declares the tests. */
export function talksContract(test: Declare): void {
  test("Topics.readTalk() gives a sender's last messages, before a number or older than a time", async ({ store, place }) => {
    assert.deepEqual(await numbers(store, "ann", { limit: 10 }), [], "of an inbox that nobody used");
    await write(store, ["ann", "Eve", "ann", "ann"]);
    await place.pass(20);
    await write(store, ["Eve", "ann"]);
    assert.deepEqual(await numbers(store, "ann", { limit: 10 }), [1, 3, 4, 6]);
    assert.deepEqual(await numbers(store, "ann", { limit: 2 }), [4, 6]);
    assert.deepEqual(await numbers(store, "eve", { limit: 10 }), [2, 5]);
    assert.deepEqual(await numbers(store, "nobody", { limit: 10 }), []);
    assert.deepEqual(await numbers(store, "ann", { before: 4, limit: 1 }), [3]);
    assert.deepEqual(await numbers(store, "ann", { before: 1, limit: 1 }), []);
    assert.deepEqual(await numbers(store, "ann", { before: 0, limit: 1 }), []);
    const { entries: [, eve], time } = await store.topics.readTalk(inbox, "eve", { limit: 2 });
    assert.ok(time >= eve.time);
    assert.deepEqual(await numbers(store, "ann", { olderThan: eve.time, limit: 10 }), [1, 3, 4]);
    assert.deepEqual(await numbers(store, "ann", { olderThan: eve.time, before: 4, limit: 10 }), [1, 3]);
    assert.deepEqual(await numbers(store, "ann", { olderThan: 0, limit: 10 }), []);
    assert.deepEqual(await numbers(store, "ann", { olderThan: 1e15, limit: 10 }), [1, 3, 4, 6]);
  });

  test(
    "Topics.readTalk() gives what a reader of the whole inbox would find, whatever was trimmed",
    async ({ store, place }) => {
      const step = fc.record({
        senders: fc.array(fc.constantFrom("ann", "Eve", "joe", "lou"), { maxLength: 40 }),
        pause: fc.constantFrom(0, 0, 0, 0, 2),
        mark: fc.option(fc.nat({ max: 20 })),
        sender: fc.constantFrom("ann", "eve", "joe", "lou", "nobody"),
        back: fc.option(fc.nat({ max: 60 })),
        olderThan: fc.option(fc.nat({ max: 60 })),
        limit: fc.integer({ min: 1, max: 30 }),
      });
      await fc.assert(
        fc.asyncProperty(step, async ({ senders, pause, mark, sender, back, olderThan, limit }) => {
          await write(store, senders);
          if (pause > 0) await place.pass(pause);
          const { head: { seq }, entries } = await store.topics.read(inbox, { after: 0, limit: 100_000 });
          if (mark !== null) await store.topics.markRead(inbox, seq - mark);
          const range = {
            limit,
            ...(back === null ? {} : { before: Math.max(0, seq - back) }),
            ...(olderThan === null || entries.length === 0
              ? {}
              : { olderThan: entries[Math.max(0, entries.length - 1 - olderThan)].time }),
          };
          assert.deepEqual(await numbers(store, sender, range), await found(store, sender, range));
        }),
        { numRuns: 200 },
      );
    },
    { historyMaxMessages: 50 },
  );

  test("Topics.readTalk() leaves out what is too old, and keeps what is unread", async ({ store, place }) => {
    await write(store, ["ann", "ann", "eve", "ann"]);
    await store.topics.markRead(inbox, 2);
    await place.pass(60);
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await numbers(store, "ann", { limit: 10 }), [4]);
      assert.deepEqual(await numbers(store, "eve", { limit: 10 }), [3]);
      await write(store, Array(70).fill("joe")); // has the log trimmed
    }
  }, { historyMaxAge: 50 });

  test("Topics.readTalk() has what was imported, and what came after it", async ({ store }) => {
    const log = [501, 502, 503].map((seq) => ({
      seq,
      id: `id${seq}`,
      time: Date.now(),
      from: seq === 502 ? "Eve" : "ann",
      text: `${seq}`,
    }));
    const state = { topic: inbox, epoch: "imported", seq: 503, id: "id503", read: 0 } as const;
    await store.topics.head(inbox);
    const pages = async function* () {
      yield log;
    };
    assert.equal(await store.admin.putTopic(state, pages()), 3);
    await write(store, ["ann"]);
    assert.deepEqual(await numbers(store, "ann", { limit: 10 }), [501, 503, 504]);
    await write(store, ["Eve", "ann"]);
    assert.deepEqual(await numbers(store, "eve", { limit: 10 }), [502, 505]);
  });

  test("Topics.readTalk() gives all that servers wrote at the same time", async ({ store, place }) => {
    const other = await place.open();
    await Promise.all([write(store, ["ann"]), write(other, ["ann"])]);
    const publish = ({ topics }: TestStore) =>
      Promise.all(Array.from({ length: 100 }, () => topics.publish("inbox:joe", { from: "ann", text: "" }, undefined)));
    await Promise.all([publish(store), publish(other)]);
    const { entries } = await other.topics.readTalk("inbox:joe", "ann", { limit: 500 });
    assert.deepEqual(entries.map(({ seq }) => seq), Array.from({ length: 200 }, (_, index) => index + 1));
  }, { demand: "several servers" });
}
