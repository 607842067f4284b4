/** The contract of {@linkcode Marks}: how far an account has read, and how much it has not. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { maxMarks, maxUnread } from "../../lib/store/marks.ts";
import { feedTopic, inboxTopic, roomTopic, type Topic } from "../../lib/wire/names.ts";
import type { TestStore } from "../support/stores.ts";
import { account, type Declare } from "./suite.ts";

const room = roomTopic("general");

/** Has users say something in their turn. */
async function say({ topics }: TestStore, users: readonly string[], topic: Topic = room): Promise<void> {
  await Promise.all(users.map((from) => topics.publish(topic, { from, text: "hi", to: "bob" }, undefined)));
}

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

/** Moves a mark to a number of the log that there is. */
async function mark(store: TestStore, user: string, seq: number, topic: Topic = room): Promise<boolean> {
  return await store.marks.mark(user, topic, { epoch: (await store.topics.head(topic)).epoch, seq });
}

/** Begins at the log's end. */
async function begin(store: TestStore, user: string, topic: Topic = room): Promise<void> {
  await store.marks.begin(user, { [topic]: await store.topics.head(topic) });
}

async function unread(
  store: TestStore,
  user: string,
  topics: readonly Topic[] = [room],
): Promise<Record<Topic, number>> {
  return { ...await store.marks.unread(user, topics) };
}

/** Declares the tests. */
export function marksContract(test: Declare): void {
  test("Marks.unread() counts what others said after the mark, in topics that have any", async ({ store }) => {
    const feed = feedTopic("eve");
    await say(store, ["eve", "bob", "eve"]);
    assert.deepEqual(await unread(store, "bob"), {}, "without a mark");
    await begin(store, "Bob");
    await begin(store, "bob", feed);
    assert.deepEqual(await unread(store, "bob", [room, feed]), {});
    await say(store, ["eve", "BOB", "Eve", "bob", "ann"]);
    assert.deepEqual(await unread(store, "BOB", [room, feed, "room:nobody_was_there"]), { [room]: 3 });
    await say(store, ["eve"], feed);
    assert.deepEqual(await unread(store, "bob", [room, feed]), { [room]: 3, [feed]: 1 });
    assert.deepEqual(await unread(store, "bob", [feed]), { [feed]: 1 });
    assert.deepEqual(await unread(store, "bob", []), {});
  });

  test("Marks.mark() moves a mark forward, never back and never beyond the newest message", async ({ store }) => {
    await say(store, ["eve", "eve", "bob", "eve"]);
    assert.equal(await mark(store, "bob", 2), true);
    assert.deepEqual(await unread(store, "bob"), { [room]: 1 });
    assert.equal(await mark(store, "BOB", 2), false);
    assert.equal(await mark(store, "bob", 1), false);
    assert.deepEqual(await unread(store, "bob"), { [room]: 1 });
    assert.equal(await mark(store, "bob", 3), true);
    assert.equal(await mark(store, "bob", 1_000_000), true);
    assert.equal(await mark(store, "bob", 4), false);
    await say(store, ["eve"]);
    assert.deepEqual(await unread(store, "bob"), { [room]: 1 });
    assert.equal(await store.marks.mark("bob", room, { epoch: "other", seq: 5 }), false);
    assert.equal(await store.marks.mark("bob", "room:nobody_was_there", { epoch: "other", seq: 0 }), false);
    assert.deepEqual(await unread(store, "bob"), { [room]: 1 });
    assert.deepEqual(await unread(store, "ann"), {}, "another's is another");
  });

  test("Marks.begin() makes marks where there are none, and moves none", async ({ store }) => {
    await say(store, ["eve", "eve", "eve"]);
    await mark(store, "bob", 1);
    await begin(store, "bob");
    assert.deepEqual(await unread(store, "bob"), { [room]: 2 });
    const { epoch } = await store.topics.head(room);
    await store.marks.begin("ann", { [room]: { epoch, seq: 0 }, [feedTopic("eve")]: { epoch: "other", seq: 7 } });
    assert.deepEqual(await unread(store, "ann"), { [room]: 3 });
    await begin(store, "ann");
    assert.deepEqual(await unread(store, "ann"), { [room]: 3 });
    await store.marks.begin("ann", {});
  });

  test("Marks.unread() counts in an inbox from its read mark on", async ({ store }) => {
    const inbox = inboxTopic("bob");
    assert.deepEqual(await unread(store, "bob", [inbox]), {});
    await say(store, ["eve", "eve", "bob", "eve"], inbox);
    assert.deepEqual(await unread(store, "bob", [inbox]), { [inbox]: 3 });
    await store.topics.markRead(inbox, 2);
    assert.deepEqual(await unread(store, "bob", [inbox]), { [inbox]: 1 });
  });

  test("Marks.unread() counts up to a thousand, of what the log still has", async ({ store }) => {
    await begin(store, "bob");
    await say(store, times(maxUnread - 1, "eve"));
    assert.deepEqual(await unread(store, "bob"), { [room]: maxUnread - 1 });
    await say(store, ["bob", "bob"]);
    assert.deepEqual(await unread(store, "bob"), { [room]: maxUnread - 1 });
    await say(store, ["eve", "bob", "eve"]);
    assert.deepEqual(await unread(store, "bob"), { [room]: maxUnread });
    await mark(store, "bob", 10);
    assert.deepEqual(await unread(store, "bob"), { [room]: maxUnread + 1 - 10 });
  });

  test(
    "Marks.unread() leaves out what the history has no more",
    async ({ store }) => {
      await begin(store, "bob");
      await say(store, [...times(30, "bob"), ...times(100, "eve"), ...times(10, "bob")]);
      assert.deepEqual(await unread(store, "bob"), { [room]: 40 });
      await say(store, times(60, "bob"));
      assert.deepEqual(await unread(store, "bob"), {});
      await store.topics.sweep();
      assert.deepEqual(await unread(store, "bob"), {});
    },
    { historyMaxMessages: 50 },
  );

  test(
    "Marks.unread() gives what a reader of the log would count",
    async ({ store }) => {
      const users = ["ann", "Bob", "eve"];
      const user = fc.constantFrom(...users);
      const step = fc.oneof(
        fc.record({ say: fc.array(user, { minLength: 1, maxLength: 40 }) }),
        fc.record({ user, back: fc.nat(60) }),
      );
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          const topic = roomTopic(`room${round++}`);
          const marks = new Map<string, number>();
          for (const one of steps) {
            if ("say" in one) await say(store, one.say, topic);
            else {
              const { seq } = await store.topics.head(topic);
              const to = Math.max(0, seq - one.back);
              const known = marks.get(one.user);
              assert.equal(await mark(store, one.user, to, topic), known === undefined || to > known);
              marks.set(one.user, Math.max(to, known ?? 0));
            }
            const { entries } = await store.topics.read(topic, { after: 0, limit: 1_000 });
            for (const user of users) {
              const known = marks.get(user) ?? Infinity;
              const count = entries.filter(({ seq, from }) => seq > known && from !== user).length;
              assert.deepEqual(await unread(store, user, [topic]), count > 0 ? { [topic]: count } : {});
            }
          }
        }),
        { numRuns: 15 },
      );
    },
    { historyMaxMessages: 100 },
  );

  test("Marks stay where a log that came back older is still known to be the same", async ({ store }) => {
    await say(store, times(6, "eve"));
    const { epoch } = await store.topics.head(room);
    await mark(store, "bob", 3);
    await mark(store, "ann", 5);
    await store.topics.renewEpoch(room, epoch, 4);
    assert.deepEqual([await unread(store, "bob"), await unread(store, "ann")], [{ [room]: 3 }, { [room]: 2 }]);
    assert.equal(await mark(store, "bob", 3), false);
    assert.equal(await mark(store, "ann", 5), true);
    assert.deepEqual([await unread(store, "bob"), await unread(store, "ann")], [{ [room]: 3 }, { [room]: 1 }]);
  });

  test("Marks in a room that was forgotten are at the beginning of the new one", async ({ store, place }) => {
    await store.rooms.make("general", { most: Infinity, standing: [] });
    await say(store, ["eve", "eve", "bob", "bob"]);
    await mark(store, "bob", 4);
    await place.pass(200);
    assert.deepEqual(await store.rooms.sweep([]), ["general"]);
    await say(store, ["eve", "bob", "eve"]);
    assert.deepEqual(await unread(store, "bob"), { [room]: 2 });
    await begin(store, "bob");
    assert.deepEqual(await unread(store, "bob"), { [room]: 2 });
    assert.equal(await mark(store, "bob", 1), true);
    assert.deepEqual(await unread(store, "bob"), { [room]: 1 });
  }, { roomIdleMs: 50, historyMaxAge: 50 });

  test("Marks.forget() forgets one topic's, or all", async ({ store }) => {
    const feed = feedTopic("eve");
    for (const topic of [room, feed]) {
      await begin(store, "bob", topic);
      await say(store, ["eve"], topic);
    }
    await begin(store, "ann");
    await say(store, ["eve"]);
    await store.marks.forget("BOB", room);
    assert.deepEqual(await unread(store, "bob", [room, feed]), { [feed]: 1 });
    await begin(store, "bob");
    await store.marks.forget("bob");
    await store.marks.forget("bob", room);
    assert.deepEqual(await unread(store, "bob", [room, feed]), {});
    assert.deepEqual(await unread(store, "ann"), { [room]: 1 });
  });

  test("Marks of an account are bounded, and a new one finds a place", async ({ store }) => {
    const topics = Array.from({ length: maxMarks }, (_, index) => feedTopic(`user${index}`));
    const marks = Object.fromEntries(topics.map((topic) => [topic, "epoch.1."]));
    await store.admin.putAccount({ ...account("bob"), claims: 0, follows: [], stood: {}, marks });
    await say(store, ["eve"]);
    assert.equal(await mark(store, "bob", 0), true);
    assert.deepEqual(await unread(store, "bob"), { [room]: 1 });
    const [bob] = await Array.fromAsync(store.admin.accounts());
    assert.deepEqual([Object.keys(bob!.marks!).length, room in bob!.marks!], [maxMarks, true]);
  });

  test("Marks.unread() tells users apart whose names look alike, also in what another program exported", async ({ store }) => {
    const message = { id: "x", time: Date.now(), text: "hi" };
    const log = ["a_b", "axb", "a_bc", "A_B"].map((from, index) => ({ seq: index + 1, ...message, from }));
    const state = { topic: room, epoch: "epoch", seq: 4, id: "x", read: 0 };
    await store.admin.putTopic(
      state,
      (async function* () {
        yield log;
      })(),
    );
    await mark(store, "a_b", 0);
    assert.deepEqual(await unread(store, "a_b"), { [room]: 2 });
    await say(store, ["a_b", "axb"]);
    assert.deepEqual(await unread(store, "a_b"), { [room]: 3 });
  });

  test("Marks that came with an account from another store count as they did there", async ({ store }) => {
    const log = ["eve", "bob", "eve", "Bob", "eve"].map((from, index) => (
      { seq: index + 1, id: "x", time: Date.now(), text: "hi", from }
    ));
    const state = { topic: room, epoch: "epoch", seq: 5, id: "x", read: 0 };
    await store.admin.putTopic(
      state,
      (async function* () {
        yield log;
      })(),
    );
    const marks = { [room]: "epoch.1." };
    await store.admin.putAccount({ ...account("bob"), claims: 0, follows: [], stood: {}, marks });
    assert.deepEqual(await unread(store, "bob"), { [room]: 2 });
    await say(store, ["bob", "eve"]);
    assert.deepEqual(await unread(store, "bob"), { [room]: 3 });
    await mark(store, "bob", 3);
    await say(store, ["bob", "eve"]);
    assert.deepEqual(await unread(store, "bob"), { [room]: 3 });
  });

  test("Marks take names that mean something to JavaScript", async ({ store }) => {
    const topic = roomTopic("__proto__");
    await begin(store, "constructor", topic);
    await say(store, ["eve", "constructor"], topic);
    const counts = await store.marks.unread("constructor", [topic, roomTopic("constructor")]);
    assert.deepEqual(Object.entries(counts), [[topic, 1]]);
  });

  test("Marks.unread() of two hundred rooms and a thousand feeds answers at once", async ({ store }) => {
    const topics = [
      ...Array.from({ length: 200 }, (_, index) => roomTopic(`room${index}`)),
      ...Array.from({ length: 1_000 }, (_, index) => feedTopic(`user${index}`)),
    ];
    const heads = await Promise.all(topics.map(async (topic) => [topic, await store.topics.head(topic)] as const));
    await store.marks.begin("bob", Object.fromEntries(heads));
    await Promise.all(topics.map((topic) => say(store, ["eve", "bob"], topic)));
    const counts = await unread(store, "bob", topics);
    assert.deepEqual(counts, Object.fromEntries(topics.map((topic) => [topic, 1])));
  });

  test("Marks are the same on every server, and move for the first one only", async ({ store, place }) => {
    const other = await place.open();
    await say(store, ["eve", "bob"]);
    await say(other, ["eve", "bob", "eve"]);
    const moved = await Promise.all([mark(store, "bob", 2), mark(other, "bob", 2)]);
    assert.deepEqual(moved.sort(), [false, true]);
    assert.deepEqual([await unread(store, "bob"), await unread(other, "bob")], [{ [room]: 2 }, { [room]: 2 }]);
  }, { demand: "several servers" });

  test("Marks are there when a store is opened again", async ({ store, place }) => {
    await say(store, ["eve", "bob", "eve", "eve"]);
    await mark(store, "bob", 1);
    await store[Symbol.asyncDispose]();
    const again = await place.open();
    assert.deepEqual(await unread(again, "bob"), { [room]: 2 });
    assert.equal(await mark(again, "bob", 1), false);
    await say(again, ["bob", "eve"]);
    assert.deepEqual(await unread(again, "bob"), { [room]: 3 });
  }, { demand: "lasting data" });
}
