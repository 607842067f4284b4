/** The contract of {@linkcode Topics.publish}: one atomic step, in order, by those who may. */

import assert from "node:assert/strict";
import type { Session } from "../../lib/store/sessions.ts";
import type { Draft, Entry, PublishResult } from "../../lib/store/topics.ts";
import type { Topic } from "../../lib/wire/names.ts";
import type { TestStore } from "../support/stores.ts";
import { claim, claimed, type Declare, login } from "./suite.ts";

/** Publishes as a session's user. */
function say(store: TestStore, topic: Topic, writer: Session, text: string, more: Partial<Draft> = {}) {
  return store.topics.publish(topic, { from: writer.user, text, ...more }, writer);
}

/** What came of a publish that must have gone through. */
function published(result: PublishResult): PublishResult & { kind: "published" } {
  assert.equal(result.kind, "published");
  return result as PublishResult & { kind: "published" };
}

/** All that a topic's log has. */
async function entriesOf(store: TestStore, topic: Topic): Promise<readonly Entry[]> {
  return (await store.topics.read(topic, { after: 0, limit: 10_000 })).entries;
}

async function textsOf(store: TestStore, topic: Topic): Promise<string[]> {
  return (await entriesOf(store, topic)).map(({ text }) => text);
}

const wordOf = (result: PublishResult) => result.kind === "published" ? `${result.seq}` : result.kind;

function upTo(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}`);
}

/** Declares the tests. */
export function publishContract(test: Declare): void {
  test("Topics.publish() numbers a topic's messages from 1, and keeps each as it is", async ({ store, place }) => {
    const eve = await login(store, "Eve");
    const before = await timeOf(store);
    const drafts: Partial<Draft>[] = [{}, { cid: "4f" }, { to: "Bob" }, { room: "general" }, { text: ' "é😀\\\t' }];
    for (const [index, draft] of drafts.entries()) {
      const { time, ...result } = published(await say(store, "feed:eve", eve, `${index}`, draft));
      assert.deepEqual(result, { kind: "published", seq: index + 1, repeated: false });
      assert(time >= before);
      await place.pass(1);
    }
    const entries = await entriesOf(store, "feed:eve");
    assert.deepEqual(
      entries.map(({ id: _, time: __, ...entry }) => entry),
      drafts.map((draft, index) => ({ seq: index + 1, from: "Eve", text: `${index}`, ...draft })),
    );
    assert.equal(new Set(entries.map(({ id }) => id)).size, entries.length);
    for (const [index, { id, time }] of entries.entries()) {
      assert.match(id, /^[a-z0-9]{1,16}$/);
      assert(index === 0 || time > entries[index - 1].time);
    }
  });

  test("Topics.publish() numbers each topic by itself", async ({ store }) => {
    const eve = await login(store, "eve");
    const topics = ["room:lobby", "feed:eve", "inbox:bob"] as const;
    for (const topic of [...topics, ...topics]) await say(store, topic, eve, topic);
    for (const topic of topics) assert.deepEqual(await textsOf(store, topic), [topic, topic]);
  });

  test("Topics.publish() by several writers at once leaves no hole, and keeps each one's order", async ({ store }) => {
    const writers = await Promise.all(["a", "b", "c", "d"].map((user) => login(store, user)));
    const calls = Array.from({ length: 200 }, (_, index) => {
      const writer = writers[(index * 7) % writers.length];
      return say(store, "room:lobby", writer, `${index}`);
    });
    const results = (await Promise.all(calls)).map(published);
    assert.deepEqual(results.map(({ seq }) => seq).sort((one, two) => one - two), upTo(200).map(Number));
    const entries = await entriesOf(store, "room:lobby");
    assert.deepEqual(entries.map(({ seq }) => `${seq}`), upTo(200));
    for (const [index, { seq, time }] of results.entries()) {
      const entry = entries[seq - 1];
      assert.deepEqual([entry.text, entry.time], [`${index}`, time]);
    }
    for (const { user } of writers) {
      const own = entries.filter(({ from }) => from === user).map(({ text }) => Number(text));
      assert.deepEqual(own, [...own].sort((one, two) => one - two), `the order of ${user}`);
    }
  });

  for (const topic of ["room:lobby", "feed:eve", "inbox:bob"] as const) {
    test(`Topics.publish() takes one session's calls in their order, awaited or not: ${topic}`, async ({ store }) => {
      const eve = await login(store, "eve");
      const calls: Promise<PublishResult>[] = [];
      for (const text of upTo(300)) {
        calls.push(say(store, topic, eve, text));
        if (calls.length % 50 === 0) await calls[calls.length - 25];
      }
      assert.deepEqual((await Promise.all(calls)).map(wordOf), upTo(300));
      assert.deepEqual(await textsOf(store, topic), upTo(300));
    });
  }

  test("Topics.publish() gives a cid's first answer again, and keeps the message once", async ({ store }) => {
    const eve = await login(store, "eve");
    const first = published(await say(store, "room:lobby", eve, "one", { cid: "x" }));
    await say(store, "room:lobby", eve, "between");
    const again = published(await say(store, "room:lobby", eve, "other", { cid: "x" }));
    assert.deepEqual(again, { ...first, repeated: true });
    assert.deepEqual(await textsOf(store, "room:lobby"), ["one", "between"]);
  });

  test("Topics.publish() knows a cid by its user and topic", async ({ store }) => {
    const [eve, bob] = [await login(store, "eve"), await login(store, "bob")];
    const results = [
      await say(store, "room:lobby", eve, "1", { cid: "x" }),
      await say(store, "room:lobby", bob, "2", { cid: "x" }),
      await say(store, "feed:eve", eve, "1", { cid: "x" }),
      await say(store, "room:lobby", eve, "3", { cid: "x:" }),
      await say(store, "room:lobby", eve, "4", { cid: "X" }),
    ].map(published);
    assert.deepEqual(results.map(({ seq, repeated }) => [seq, repeated]), [
      [1, false],
      [2, false],
      [1, false],
      [3, false],
      [4, false],
    ]);
  });

  test("Topics.publish() of one cid many times at once keeps the message once", async ({ store }) => {
    const eve = await login(store, "eve");
    const calls = Array.from({ length: 20 }, () => say(store, "feed:eve", eve, "hi", { cid: "x" }));
    const results = (await Promise.all(calls)).map(published);
    assert.deepEqual(new Set(results.map(({ seq }) => seq)), new Set([1]));
    assert.equal(results.filter(({ repeated }) => !repeated).length, 1);
    assert.deepEqual(await textsOf(store, "feed:eve"), ["hi"]);
  });

  test("Topics.publish() knows a cid after its session was superseded by the same user's next", async ({ store }) => {
    const first = await login(store, "eve");
    await say(store, "room:lobby", first, "one", { cid: "x" });
    const { session } = claimed(await claim(store, "eve"));
    const { seq, repeated } = published(await say(store, "room:lobby", session, "one", { cid: "x" }));
    assert.deepEqual([seq, repeated], [1, true]);
  });

  test("Topics.publish() forgets a cid in the end", async ({ store, place }) => {
    const eve = await login(store, "eve");
    await say(store, "feed:eve", eve, "one", { cid: "x" });
    await place.passCidMemory("feed:eve");
    const { seq, repeated } = published(await say(store, "feed:eve", eve, "two", { cid: "x" }));
    assert.deepEqual([seq, repeated], [2, false]);
  });

  test("Topics.publish() knows a cid though the clock was set forward by an hour", async ({ store, place }) => {
    const eve = await login(store, "eve");
    const first = published(await say(store, "feed:eve", eve, "1", { cid: "x 1" }));
    for (const text of upTo(32).slice(1)) await say(store, "feed:eve", eve, text, { cid: `x ${text}` });
    await place.setForward(3_600_000, "feed:eve");
    assert.deepEqual(published(await say(store, "feed:eve", eve, "1", { cid: "x 1" })), { ...first, repeated: true });
    assert.deepEqual(await textsOf(store, "feed:eve"), upTo(32));
  });

  test("Topics.publish() fences a session that is superseded, everywhere", async ({ store }) => {
    const topics = ["room:lobby", "feed:eve", "inbox:bob"] as const;
    const eve = await login(store, "eve");
    for (const topic of topics) await say(store, topic, eve, "before");
    const { session } = claimed(await claim(store, "eve"));
    for (const topic of topics) {
      assert.deepEqual(await say(store, topic, eve, "late"), { kind: "fenced" }, topic);
      assert.deepEqual(await say(store, topic, eve, "late", { cid: "x" }), { kind: "fenced" }, topic);
      published(await say(store, topic, session, "after"));
      assert.deepEqual(await textsOf(store, topic), ["before", "after"]);
    }
    assert.deepEqual(await say(store, "inbox:ann", eve, "late"), { kind: "fenced" }, "where it never wrote before");
  });

  test("Topics.publish() fences a session that has ended", async ({ store }) => {
    const eve = await login(store, "eve");
    await say(store, "feed:eve", eve, "before");
    await store.sessions.end(eve, false);
    for (const topic of ["room:lobby", "feed:eve", "inbox:bob"] as const) {
      assert.deepEqual(await say(store, topic, eve, "late"), { kind: "fenced" }, topic);
    }
  });

  test("Topics.publish() fences a session in rooms that it is not in, and does not put it there", async ({ store }) => {
    const eve = await login(store, "eve");
    assert.deepEqual(await say(store, "room:general", eve, "from afar"), { kind: "fenced" });
    assert.deepEqual(await store.sessions.members("general"), []);
    const moved = await store.sessions.move(eve, "general");
    published(await say(store, "room:general", moved!, "here"));
    for (const session of [eve, moved!]) {
      assert.deepEqual(await say(store, "room:lobby", session, "from afar"), { kind: "fenced" });
    }
    assert.deepEqual(await store.sessions.members("lobby"), []);
    assert.deepEqual(await textsOf(store, "room:lobby"), []);
  });

  test("Topics.publish() without a session compares nothing", async ({ store }) => {
    for (const topic of ["room:lobby", "feed:eve", "inbox:bob"] as const) {
      const draft = { from: "eve", text: "hi", cid: "x" };
      assert.equal(published(await store.topics.publish(topic, draft, undefined)).seq, 1);
      assert.equal(published(await store.topics.publish(topic, draft, undefined)).repeated, true);
    }
  });

  test("Topics.publish() refuses what an inbox has no room for until it is read", async ({ store }) => {
    const eve = await login(store, "eve");
    const dm = (text: string, cid?: string) => say(store, "inbox:bob", eve, text, { to: "bob", cid });
    const results = await Promise.all(upTo(5).map((text) => dm(text, `cid ${text}`)));
    assert.deepEqual(results.map(wordOf), ["1", "2", "3", "full", "full"]);
    assert.equal(published(await dm("1", "cid 1")).repeated, true, "a known one is answered all the same");
    assert.deepEqual(await textsOf(store, "inbox:bob"), ["1", "2", "3"]);
    await store.topics.markRead("inbox:bob", 2);
    assert.deepEqual([await dm("4"), await dm("5"), await dm("6")].map(wordOf), ["4", "5", "full"]);
    for (const text of upTo(5)) published(await say(store, "room:lobby", eve, text));
    published(await say(store, "inbox:ann", eve, "hi"));
  }, { maxInbox: 3 });
}

/** What time it is by the store's clock. */
async function timeOf(store: TestStore): Promise<number> {
  return published(await store.topics.publish("feed:clock", { from: "clock", text: "what time is it?" }, undefined))
    .time;
}
