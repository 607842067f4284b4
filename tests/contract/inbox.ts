/** The contract of inboxes: how much one sender may leave unread in another's, and how much all may. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { PublishResult } from "../../lib/store/topics.ts";
import { inboxTopic } from "../../lib/wire/names.ts";
import type { TestStore } from "../support/stores.ts";
import { type Declare, login } from "./suite.ts";

/** Sends a private message on a side connection. */
function dm(store: TestStore, from: string, to: string, cid?: string): Promise<PublishResult> {
  return store.topics.publish(inboxTopic(to), { from, text: "hi", to, cid }, undefined);
}

const wordOf = (result: PublishResult) =>
  result.kind === "published"
    ? `${result.seq}`
    : result.kind === "full"
    ? `full ${result.theirs ?? "of all"}`
    : "fenced";

/** Declares the tests. */
export function inboxContract(test: Declare): void {
  test("Topics.publish() refuses what one sender has too much of in an inbox, and takes others'", async ({ store }) => {
    const eve = await login(store, "Eve");
    const by = async (from: string, cid?: string) => wordOf(await dm(store, from, "bob", cid));
    assert.equal(wordOf(await store.topics.publish("inbox:bob", { from: "Eve", text: "1", to: "bob" }, eve)), "1");
    assert.deepEqual([await by("eve", "x"), await by("EVE"), await by("eve")], ["2", "full 2", "full 2"]);
    assert.equal(
      wordOf(await store.topics.publish("inbox:bob", { from: "Eve", text: "3", to: "bob", sealed: "AAAA" }, eve)),
      "full 2",
    );
    assert.equal(await by("eve", "x"), "2", "a known one is answered all the same");
    assert.deepEqual([await by("ann"), await by("ann"), await by("ann")], ["3", "4", "full 2"]);
    assert.equal(await store.topics.markRead("inbox:bob", 1), true);
    assert.equal(await store.topics.markRead("inbox:bob", 1), false, "it is there already");
    assert.deepEqual([await by("eve"), await by("eve"), await by("ann")], ["5", "full 2", "full 2"]);
    await store.topics.markRead("inbox:bob", 4);
    assert.deepEqual([await by("ann"), await by("eve"), await by("dan")], ["6", "7", "8"]);
    assert.deepEqual([await by("flo"), await by("gus"), await by("eve")], ["9", "full of all", "full 2"]);
    assert.equal(wordOf(await dm(store, "eve", "ann")), "1", "another's inbox");
  }, { maxInbox: 5, maxInboxPerSender: 2 });

  test("Topics.publish() of many calls at once takes no more of one sender than may be unread", async ({ store }) => {
    const results = await Promise.all(
      Array.from({ length: 60 }, (_, index) => dm(store, index % 2 === 0 ? "eve" : "EVE", "bob")),
    );
    assert.equal(results.filter(({ kind }) => kind === "published").length, 7);
  }, { maxInboxPerSender: 7 });

  test("Topics.publish() counts nobody's messages to themselves", async ({ store }) => {
    for (const seq of ["1", "2", "3"]) assert.equal(wordOf(await dm(store, "Bob", "bob")), seq);
    assert.equal(wordOf(await dm(store, "bob", "bob")), "full of all");
  }, { maxInbox: 3, maxInboxPerSender: 1 });

  test("Topics.publish() counts what was unread before the inbox was opened again", async ({ store, place }) => {
    await dm(store, "eve", "bob");
    await dm(store, "eve", "bob");
    await dm(store, "ann", "bob");
    await store.topics.markRead("inbox:bob", 1);
    await store[Symbol.asyncDispose]();
    const again = await place.open({ maxInboxPerSender: 2 });
    assert.deepEqual([await dm(again, "eve", "bob"), await dm(again, "eve", "bob")].map(wordOf), ["4", "full 2"]);
    assert.deepEqual([await dm(again, "ann", "bob"), await dm(again, "ann", "bob")].map(wordOf), ["5", "full 2"]);
  }, { demand: "lasting data", maxInboxPerSender: 2 });

  test("Topics.publish() and markRead() in any order keep the count of each sender", async ({ store }) => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ from: fc.constantFrom("eve", "Eve", "ann", "dan", "to") }) },
      { weight: 1, arbitrary: fc.record({ mark: fc.nat(12) }) },
    );
    let inboxes = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 90 }), async (steps) => {
        const to = `to${++inboxes}`;
        let unread: string[] = [];
        let seq = 0;
        for (const one of steps) {
          if ("mark" in one) {
            // From the mark on: at times none, at times more than there are.
            await store.topics.markRead(inboxTopic(to), seq - unread.length + one.mark);
            unread = unread.slice(one.mark);
            continue;
          }
          const from = one.from === "to" ? to : one.from;
          const theirs = unread.filter((sender) => sender === from.toLowerCase()).length;
          const expected = from !== to && theirs >= 3
            ? `full ${theirs}`
            : unread.length >= 8
            ? "full of all"
            : `${seq + 1}`;
          assert.equal(wordOf(await dm(store, from, to)), expected);
          if (!expected.startsWith("full")) [unread, seq] = [[...unread, from.toLowerCase()], seq + 1];
        }
      }),
      { numRuns: 40 },
    );
  }, { maxInbox: 8, maxInboxPerSender: 3, historyMaxMessages: 2 });
}
