/** The contract of {@linkcode Topics.read} and the read mark: every piece of a log, and what the limits take of it. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Page } from "../../lib/store/topics.ts";
import type { Topic } from "../../lib/wire/names.ts";
import type { TestStore } from "../support/stores.ts";
import type { Declare } from "./suite.ts";

/** Publishes so many messages, each with its number as its text. */
async function write(store: TestStore, topic: Topic, count: number): Promise<void> {
  const { seq } = await store.topics.head(topic);
  const texts = Array.from({ length: count }, (_, index) => `${seq + index + 1}`);
  await Promise.all(texts.map((text) => store.topics.publish(topic, { from: "eve", text }, undefined)));
}

function numbersOf({ entries }: Page): number[] {
  for (const { seq, text } of entries) assert.equal(text, `${seq}`);
  return entries.map(({ seq }) => seq);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

/** Declares the tests. */
export function readContract(test: Declare): void {
  test("Topics.read() and head() of a topic that nobody used give its epoch and nothing else", async ({ store }) => {
    const page = await store.topics.read("room:new", { limit: 10 });
    const { epoch } = page;
    assert.match(epoch, /^[a-z0-9]{1,16}$/);
    assert.deepEqual(page, { epoch, head: { epoch, seq: 0, id: "" }, first: 1, entries: [] });
    assert.deepEqual(await store.topics.head("room:new"), { epoch, seq: 0, id: "" });
    assert.deepEqual(await store.topics.read("room:new", { after: 0, limit: 10 }), page);
    await write(store, "room:new", 1);
    assert.equal((await store.topics.head("room:new")).epoch, epoch);
    assert.notEqual((await store.topics.head("room:other")).epoch, epoch);
  });

  test("Topics.head() gives a topic one epoch, however many ask at once", async ({ store }) => {
    const heads = await Promise.all(Array.from({ length: 20 }, () => store.topics.head("room:new")));
    assert.equal(new Set(heads.map(({ epoch }) => epoch)).size, 1);
  });

  test("Topics.head() is the newest message", async ({ store }) => {
    await write(store, "room:lobby", 5);
    const { entries, head, epoch } = await store.topics.read("room:lobby", { limit: 1 });
    assert.deepEqual(head, { epoch, seq: 5, id: entries[0].id });
    assert.deepEqual(await store.topics.head("room:lobby"), head);
  });

  test("Topics.read() gives the first after a number, the last before one, or the last of all", async ({ store }) => {
    await write(store, "room:lobby", 10);
    const read = async (range: Parameters<TestStore["topics"]["read"]>[1]) =>
      numbersOf(await store.topics.read("room:lobby", range));
    assert.deepEqual(await read({ limit: 3 }), [8, 9, 10]);
    assert.deepEqual(await read({ limit: 100 }), range(1, 10));
    assert.deepEqual(await read({ after: 0, limit: 3 }), [1, 2, 3]);
    assert.deepEqual(await read({ after: 7, limit: 100 }), [8, 9, 10]);
    assert.deepEqual(await read({ after: 10, limit: 3 }), []);
    assert.deepEqual(await read({ after: 999, limit: 3 }), []);
    assert.deepEqual(await read({ before: 5, limit: 3 }), [2, 3, 4]);
    assert.deepEqual(await read({ before: 3, limit: 3 }), [1, 2]);
    assert.deepEqual(await read({ before: 1, limit: 3 }), []);
    assert.deepEqual(await read({ before: 0, limit: 3 }), []);
    assert.deepEqual(await read({ before: 999, limit: 3 }), [8, 9, 10]);
    assert.deepEqual(await read({ before: Number.MAX_SAFE_INTEGER, limit: 3 }), [8, 9, 10]);
  });

  test(
    "Topics.read() gives as many of the newest messages as history may have, and says which is the first",
    async ({ store }) => {
      for (const count of [9, 1, 1, 200]) {
        await write(store, "room:lobby", count);
        const { seq } = await store.topics.head("room:lobby");
        const first = Math.max(1, seq - 9);
        for (const from of [{ after: 0 }, {}]) {
          const page = await store.topics.read("room:lobby", { ...from, limit: 1000 });
          assert.deepEqual([page.first, numbersOf(page)], [first, range(first, seq)]);
        }
      }
    },
    { historyMaxMessages: 10 },
  );

  test("Topics.read() leaves out what is older than history may be", async ({ store, place }) => {
    const age = 400;
    await write(store, "room:lobby", 3);
    await place.pass(age + 1);
    await write(store, "room:lobby", 2);
    const page = await store.topics.read("room:lobby", { after: 0, limit: 10 });
    // Where the clock is a real one and the machine slow, the others may have grown old by now.
    assert([4, 5, 6].includes(page.first), `${page.first}`);
    assert.deepEqual(numbersOf(page), range(page.first, 5));
    await place.pass(age + 1);
    const empty = await store.topics.read("room:lobby", { limit: 10 });
    assert.deepEqual([empty.first, empty.head.seq, empty.entries], [6, 5, []]);
    await write(store, "room:lobby", 70); // has the log trimmed
    const last = await store.topics.read("room:lobby", { after: 0, limit: 100 });
    assert(last.first >= 6);
    assert.deepEqual(numbersOf(last), range(last.first, 75));
  }, { historyMaxAge: 400 });

  test("Topics.read() never leaves out what is unread in an inbox, however much or old", async ({ store, place }) => {
    await write(store, "inbox:bob", 150);
    await place.pass(100);
    await write(store, "inbox:bob", 150);
    const all = await store.topics.read("inbox:bob", { after: 0, limit: 1000 });
    assert.deepEqual([all.first, numbersOf(all)], [1, range(1, 300)]);
    assert.deepEqual(numbersOf(await store.topics.read("inbox:bob", { before: 3, limit: 10 })), [1, 2]);
    await store.topics.markRead("inbox:bob", 250);
    const unread = await store.topics.read("inbox:bob", { after: 0, limit: 1000 });
    assert.deepEqual([unread.first, numbersOf(unread)], [251, range(251, 300)]);
    await place.pass(100);
    await write(store, "inbox:bob", 128); // has the log trimmed
    const left = await store.topics.read("inbox:bob", { after: 0, limit: 1000 });
    assert.deepEqual([left.first, numbersOf(left)], [251, range(251, 428)]);
  }, { historyMaxMessages: 10, historyMaxAge: 50 });

  test("Topics.read() gives what a list of the messages would, whatever is asked", async ({ store }) => {
    const ask = fc.record({
      topic: fc.constantFrom("room:lobby" as const, "inbox:bob" as const),
      write: fc.nat({ max: 12 }),
      mark: fc.nat({ max: 200 }),
      from: fc.constantFrom("after" as const, "before" as const, "end" as const),
      at: fc.nat({ max: 200 }),
      limit: fc.integer({ min: 1, max: 40 }),
    });
    const heads = { "room:lobby": 0, "inbox:bob": 0 };
    let mark = 0;
    await fc.assert(
      fc.asyncProperty(ask, async ({ topic, write: count, mark: seen, from, at, limit }) => {
        await write(store, topic, count);
        const head = heads[topic] += count;
        if (topic === "inbox:bob") {
          await store.topics.markRead(topic, seen);
          mark = Math.max(mark, Math.min(seen, head));
        }
        const kept = Math.max(1, head - 20 + 1);
        const first = topic === "inbox:bob" ? Math.min(kept, mark + 1) : kept;
        const asked = from === "end" ? {} : from === "after" ? { after: at } : { before: at };
        const page = await store.topics.read(topic, { ...asked, limit });
        const all = range(first, head);
        const expected = from === "after"
          ? all.filter((seq) => seq > at).slice(0, limit)
          : all.filter((seq) => from === "end" || seq < at).slice(-limit);
        assert.deepEqual([page.first, page.head.seq, numbersOf(page)], [first, head, expected]);
      }),
      { numRuns: 150 },
    );
  }, { historyMaxMessages: 20 });

  test("Topics.markRead() moves forward, never back, and never beyond the newest message", async ({ store }) => {
    const { topics } = store;
    const mark = async (seq: number) => {
      await topics.markRead("inbox:bob", seq);
      return await topics.readMark("inbox:bob");
    };
    assert.equal(await topics.readMark("inbox:bob"), 0);
    assert.equal(await mark(7), 0, "of an inbox that nobody used");
    await write(store, "inbox:bob", 5);
    assert.deepEqual([await mark(2), await mark(1), await mark(0), await mark(4)], [2, 2, 2, 4]);
    assert.equal(await mark(9_999_999_999_999_999), 5);
    await write(store, "inbox:bob", 2);
    assert.equal(await topics.readMark("inbox:bob"), 5);
    await Promise.all([6, 3, 7, 1].map((seq) => topics.markRead("inbox:bob", seq)));
    assert.equal(await topics.readMark("inbox:bob"), 7);
    assert.equal(await topics.readMark("inbox:eve"), 0);
  });

  test("Topics.renewEpoch() gives a log that goes on a new epoch, once, and says where the two part", async ({ store }) => {
    const { topics } = store;
    await write(store, "room:lobby", 3);
    const before = await topics.read("room:lobby", { limit: 10 });
    assert.equal(before.renewed, undefined);
    await topics.renewEpoch("room:lobby", "another");
    assert.deepEqual(await topics.read("room:lobby", { limit: 10 }), before);
    await Promise.all([1, 2, 3].map(() => topics.renewEpoch("room:lobby", before.epoch)));
    const { epoch, head, first, entries, renewed } = await topics.read("room:lobby", { limit: 10 });
    assert.notEqual(epoch, before.epoch);
    assert.deepEqual(head, { ...before.head, epoch });
    assert.deepEqual([first, entries], [before.first, before.entries]);
    assert.deepEqual({ ...renewed }, { previous: before.epoch, since: 3 });
    await write(store, "room:lobby", 1);
    assert.deepEqual((await topics.head("room:lobby")).seq, 4);
    assert.deepEqual({ ...(await topics.read("room:lobby", { limit: 1 })).renewed }, { ...renewed });
  });
}
