/** The contract of {@linkcode Topics.sweep}: what is over the limits goes, also where nobody writes, and nothing else. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Topic } from "../../lib/wire/names.ts";
import type { TestStore } from "../support/stores.ts";
import type { Declare } from "./suite.ts";

/** Publishes so many messages of a sender's. @returns how many were refused since the inbox is full */
async function write({ topics }: TestStore, topic: Topic, from: string, count: number): Promise<number> {
  const all = Array.from({ length: count }, () => topics.publish(topic, { from, text: "." }, undefined));
  return (await Promise.all(all)).filter(({ kind }) => kind === "full").length;
}

async function exported({ admin }: TestStore, topic: Topic): Promise<number[]> {
  const numbers: number[] = [];
  for await (const page of admin.log(topic, Number.MAX_SAFE_INTEGER)) numbers.push(...page.map(({ seq }) => seq));
  return numbers;
}

/** A test's own count of what an inbox must have. */
interface Model {
  messages: { seq: number; from: string }[];
  seq: number;
  read: number;
}

const most = 12;
const mostUnread = 8;

function isFull({ messages, read }: Model, from: string): boolean {
  return messages.filter((message) => message.seq > read && message.from === from).length >= mostUnread;
}

/** Declares the tests. */
export function historyContract(test: Declare): void {
  test(
    "Topics.sweep() forgets what is too old in topics that nobody writes to, and nothing that is unread",
    async ({ store, place }) => {
      const topics = ["room:quiet", "feed:ann", "inbox:bob"] as const;
      for (const topic of topics) await write(store, topic, "ann", 450);
      await store.topics.markRead("inbox:bob", 410);
      await place.pass(1_501); // longer than a busy machine takes to write them
      assert.equal(await store.topics.sweep(), 450 + 450 + 410);
      for (const topic of topics) {
        const unread = topic === "inbox:bob" ? 40 : 0;
        const { head, first, entries } = await store.topics.read(topic, { after: 0, limit: 1000 });
        assert.deepEqual([head.seq, first, entries.length], [450, 451 - unread, unread]);
      }
      await place.passSweep();
      assert.equal(await store.topics.sweep(), 0, "everything is done in one pass");
      await write(store, "room:quiet", "ann", 1);
      assert.equal((await store.topics.head("room:quiet")).seq, 451, "numbers go on");
    },
    { historyMaxAge: 1_500 },
  );

  test("Topics.sweep() changes nothing for who has a position", async ({ store, place }) => {
    await write(store, "room:quiet", "ann", 10);
    await place.pass(21);
    const before = await store.topics.read("room:quiet", { after: 3, limit: 100 });
    assert.equal(await store.topics.sweep(), 10);
    assert.deepEqual(await store.topics.read("room:quiet", { after: 3, limit: 100 }), before);
  }, { historyMaxAge: 20 });

  test("AdminStore.log() and topics() leave out what is over the limits, swept or not", async ({ store, place }) => {
    const sizes = async () =>
      (await Array.fromAsync(store.admin.topics())).map(({ messages, last }) => [messages, last]);
    await write(store, "room:quiet", "ann", 30);
    await write(store, "inbox:bob", "ann", 3);
    await store.topics.markRead("inbox:bob", 1);
    assert.deepEqual(await exported(store, "room:quiet"), Array.from({ length: 20 }, (_, index) => index + 11));
    await place.pass(301);
    for (const swept of [false, true]) {
      if (swept) await store.topics.sweep();
      assert.deepEqual([await exported(store, "room:quiet"), await exported(store, "inbox:bob")], [[], [2, 3]]);
      assert.deepEqual(
        new Map((await sizes()).map(([messages, last]) => [messages, last !== null])),
        new Map([[0, false], [2, true]]),
      );
    }
  }, { historyMaxMessages: 20, historyMaxAge: 300 });

  test(
    "Topics.sweep() lets reading, talks and what is unread be what a list of the messages says, at any moment",
    async ({ store, place }) => {
      const step = fc.record({
        from: fc.constantFrom("ann", "eve", "joe"),
        count: fc.nat({ max: 15 }),
        mark: fc.option(fc.nat({ max: 20 })),
        sweep: fc.boolean(),
      });
      const steps = fc.array(step, { minLength: 1, maxLength: 12 });
      let inboxes = 0;
      await fc.assert(
        fc.asyncProperty(steps, async (steps) => {
          const inbox: Topic = `inbox:bob${++inboxes}`;
          const model: Model = { messages: [], seq: 0, read: 0 };
          for (const { from, count, mark, sweep } of steps) {
            let refused = 0;
            for (let left = count; left > 0; left--) {
              if (isFull(model, from)) refused++;
              else model.messages.push({ seq: ++model.seq, from });
            }
            assert.equal(await write(store, inbox, from, count), refused);
            if (mark !== null) {
              model.read = Math.max(model.read, Math.min(mark, model.seq));
              await store.topics.markRead(inbox, mark);
            }
            if (sweep) {
              await store.topics.sweep();
              await place.passSweep();
            }
            await compare(store, inbox, model);
          }
        }),
        { numRuns: 30 },
      );
    },
    { historyMaxMessages: most, historyMaxAge: 3_600_000, maxInboxPerSender: mostUnread },
  );
}

async function compare(store: TestStore, inbox: Topic, { messages, seq, read }: Model): Promise<void> {
  const first = Math.min(Math.max(1, seq - most + 1), read + 1);
  const kept = messages.filter((message) => message.seq >= first);
  const page = await store.topics.read(inbox, { after: 0, limit: 1000 });
  assert.deepEqual(page.entries.map(({ seq, from }) => ({ seq, from })), kept);
  assert.deepEqual(await exported(store, inbox), kept.map(({ seq }) => seq));
  for (const sender of ["ann", "eve", "joe"]) {
    const talk = await store.topics.readTalk(inbox, sender, { limit: 1000 });
    const theirs = kept.filter(({ from }) => from === sender).map(({ seq }) => seq);
    assert.deepEqual(talk.entries.map(({ seq }) => seq), theirs);
  }
}
