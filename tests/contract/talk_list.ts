/** The contract of {@linkcode Talks}: a user's talks, the newest first, and what is unread in each. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { TalkPlace } from "../../lib/store/talks.ts";
import { fold, inboxTopic } from "../../lib/wire/names.ts";
import type { TestStore } from "../support/stores.ts";
import type { Declare } from "./suite.ts";

async function send({ topics }: TestStore, from: string, to: string): Promise<void> {
  await topics.publish(inboxTopic(to), { from, to, text: "" }, undefined);
}

interface Listed {
  readonly user: string;
  readonly place: TalkPlace;
  readonly unread: number;
}

/** What a reader of both logs finds: the other's messages that are behind a mark are unread. */
async function model({ topics }: TestStore, marks: ReadonlyMap<string, number>): Promise<Listed[]> {
  await topics.readTalk("sent:ann", "bob", { limit: 1 });
  const all = { after: 0, limit: 100_000 };
  const { entries: inbox } = await topics.read("inbox:ann", all);
  const { entries: sent } = await topics.read("sent:ann", all);
  const events = [
    ...inbox.map(({ seq, from }) => ({ other: fold(from), place: { received: seq, sent: 0 } })),
    ...sent.map(({ seq, to, received }) => ({ other: fold(to!), place: { received: received!, sent: seq } })),
  ].sort(({ place: one }, { place: two }) => one.received - two.received || one.sent - two.sent);
  const last = new Map(events.map(({ other, place }) => [other, place]));
  return [...last].map(([user, place]) => ({
    user,
    place,
    unread: user === "ann"
      ? 0
      : inbox.filter(({ from, seq }) => fold(from) === user && seq > (marks.get(user) ?? 0)).length,
  })).sort(({ place: one }, { place: two }) => two.received - one.received || two.sent - one.sent);
}

async function list({ talks, topics }: TestStore, limit: number, before?: TalkPlace): Promise<Listed[]> {
  const found = await talks.list("ann", { before, limit });
  for (const { topic, epoch, entry } of found) {
    assert.deepEqual((await topics.read(topic, { after: entry.seq - 1, limit: 1 })).entries, [entry]);
    assert.equal((await topics.head(topic)).epoch, epoch);
  }
  return found.map(({ user, entry, unread }) => ({
    user: fold(user),
    place: entry.copyOf ? { received: entry.received!, sent: entry.seq } : { received: entry.seq, sent: 0 },
    unread,
  }));
}

/** Declares the tests. */
export function talkListContract(test: Declare): void {
  test(
    "Talks.list() gives talks by their last message, page by page, with what is unread, whatever was trimmed",
    async ({ store }) => {
      const names = ["bob", "Joe", "eve", "lou", "max"];
      const step = fc.oneof(
        { weight: 4, arbitrary: fc.record({ from: fc.constantFrom(...names), to: fc.constant("ann") }) },
        { weight: 4, arbitrary: fc.record({ from: fc.constant("ann"), to: fc.constantFrom(...names, "ann") }) },
        { weight: 1, arbitrary: fc.record({ mark: fc.constantFrom(...names), back: fc.nat({ max: 10 }) }) },
      );
      const marks = new Map<string, number>();
      assert.deepEqual(await list(store, 10), []);
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 1, max: 4 }), async (steps, n) => {
          for (const one of steps) {
            if ("from" in one) await send(store, one.from, one.to);
            else {
              const { epoch, seq } = await store.topics.head("inbox:ann");
              const [at, known] = [Math.max(0, seq - one.back), marks.get(fold(one.mark)) ?? 0];
              assert.equal(
                await store.talks.mark("ann", one.mark, { epoch, seq: at }),
                at > known || !marks.has(fold(one.mark)),
              );
              marks.set(fold(one.mark), Math.max(at, known));
            }
          }
          await store.topics.markRead("inbox:ann", Number.MAX_SAFE_INTEGER);
          const expected = await model(store, marks);
          assert.deepEqual(await list(store, 100), expected);
          const unread = expected.filter((talk) => talk.unread > 0).map((talk) => [talk.user, talk.unread]);
          assert.deepEqual(await store.talks.unread("Ann"), Object.fromEntries(unread));
          const found: Listed[] = [];
          for (;;) {
            const page = await list(store, n, found.at(-1)?.place);
            if (page.length === 0) break;
            found.push(...page);
          }
          assert.deepEqual(found, expected);
        }),
        { numRuns: 60 },
      );
    },
    { historyMaxMessages: 40 },
  );

  test("Talks.list() counts what was imported as read, and what comes after it not", async ({ store }) => {
    const log = [1, 2].map((seq) => ({ seq, id: `id${seq}`, time: Date.now(), from: "bob", text: "" }));
    const state = { topic: "inbox:ann", epoch: "imported", seq: 2, id: "id2", read: 0 } as const;
    assert.equal(
      await store.admin.putTopic(
        state,
        (async function* () {
          yield log;
        })(),
      ),
      2,
    );
    assert.deepEqual((await list(store, 10)).map(({ unread }) => unread), [0]);
    await send(store, "bob", "ann");
    assert.deepEqual((await list(store, 10)).map(({ unread }) => unread), [1]);
    assert.equal(await store.talks.mark("ann", "Bob", { epoch: "other", seq: 3 }), false);
    assert.equal(await store.talks.mark("ann", "Bob", { epoch: "imported", seq: 99 }), true);
    assert.deepEqual((await list(store, 10)).map(({ unread }) => unread), [0]);
    await send(store, "bob", "ann");
    await store.topics.renewEpoch("inbox:ann", "imported");
    assert.deepEqual((await list(store, 10)).map(({ unread }) => unread), [1]);
  });
}
