/** The contract of `sent:` logs: a copy of each private message, once, in the order in which its sender's were stored. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Draft, Entry, PublishResult } from "../../lib/store/topics.ts";
import { inboxTopic, type Topic } from "../../lib/wire/names.ts";
import type { TestStore } from "../support/stores.ts";
import { type Declare, login } from "./suite.ts";

function send({ topics }: TestStore, from: string, to: string, more: Partial<Draft> = {}): Promise<PublishResult> {
  return topics.publish(inboxTopic(to), { from, to, text: "", ...more }, undefined);
}

/** All copies of what a user sent, once they are made. */
async function copies({ topics }: TestStore, user: string): Promise<readonly Entry[]> {
  const sent: Topic = `sent:${user}`;
  await topics.readTalk(sent, "nobody", { limit: 1 });
  return (await topics.read(sent, { after: 0, limit: 100_000 })).entries;
}

function texts(entries: readonly Entry[]): string[] {
  return entries.map(({ text }) => text);
}

/** Declares the tests. */
export function copiesContract(test: Declare): void {
  test("Topics.publish() copies a private message into what its sender sent, with all that it has", async ({ store }) => {
    const heard = Promise.withResolvers<Entry>();
    const subscription = await store.topics.subscribe("sent:ann", (signal) => {
      if (signal.kind === "entry") heard.resolve(signal.entry);
    });
    await send(store, "bob", "Ann");
    const file = { id: "file", name: "a", size: 1, sha256: "", expires: "" };
    const more = { text: "hi", cid: "cid", file, sealed: "c2VhbGVk", msgid: "msgid" };
    const result = await send(store, "Ann", "Bob", more);
    assert.ok(result.kind === "published");
    const [copy, ...others] = await copies(store, "ann");
    assert.deepEqual(others, []);
    const { epoch, entries: [original] } = await store.topics.read("inbox:bob", { after: 0, limit: 10 });
    const { seq, time } = result;
    assert.deepEqual(copy, { ...original, from: "Ann", to: "Bob", ...more, copyOf: { seq, epoch, time }, received: 1 });
    assert.deepEqual(await heard.promise, copy);
    await subscription.close();
    const { epoch: own } = await store.topics.head("sent:ann");
    assert.deepEqual(await store.topics.head("sent:ann"), { epoch: own, seq: 1, id: copy.id });
    assert.deepEqual(await copies(store, "bob"), (await store.topics.read("sent:bob", { limit: 1 })).entries);
  });

  test(
    "Topics.publish() makes no copy of what is not stored, or to oneself, and one of what is repeated",
    async ({ store }) => {
      const ann = await login(store, "ann");
      await send(store, "ann", "Ann", { text: "note" });
      assert.deepEqual(await copies(store, "ann"), []);
      for (let i = 0; i < 3; i++) await send(store, "ann", "bob", { text: "1", cid: "one" });
      await send(store, "ann", "bob", { text: "2" });
      assert.equal((await send(store, "ann", "bob", { text: "3" })).kind, "full");
      await login(store, "ann");
      const fenced = await store.topics.publish("inbox:joe", { from: "ann", to: "joe", text: "4" }, ann);
      assert.equal(fenced.kind, "fenced");
      assert.deepEqual(texts(await copies(store, "ann")), ["1", "2"]);
    },
    { maxInboxPerSender: 2 },
  );

  test("Topics.publish() copies in the order in which a user's messages were given, to whomever", async ({ store }) => {
    const session = await login(store, "ann");
    const run = fc.array(fc.constantFrom("bob", "joe", "eve", "lou"), { maxLength: 30 });
    let said = 0;
    await fc.assert(
      fc.asyncProperty(run, async (recipients) => {
        await Promise.all(recipients.map((to) => {
          const draft = { from: "ann", to, text: `${++said}` };
          return store.topics.publish(inboxTopic(to), draft, session);
        }));
        const all = await copies(store, "ann");
        assert.deepEqual(texts(all), Array.from({ length: said }, (_, index) => `${index + 1}`));
        assert.deepEqual(all.map(({ time }) => time), all.map(({ time }) => time).toSorted((one, two) => one - two));
      }),
      { numRuns: 20 },
    );
  });

  test("Topics.readTalk() finds copies by recipient, by what was received before, and by their messages", async ({ store }) => {
    const step = fc.record({
      from: fc.constantFrom("ann", "Ann", "bob", "joe"),
      to: fc.constantFrom("ann", "bob", "joe"),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 20 }),
        fc.nat({ max: 60 }),
        fc.nat({ max: 60 }),
        async (steps, r, c) => {
          for (const { from, to } of steps) if (from.toLowerCase() !== to) await send(store, from, to);
          const all = await copies(store, "ann");
          for (const to of ["bob", "Joe"]) {
            const mine = all.filter((copy) => copy.to === to.toLowerCase());
            const find = async (range: object) =>
              (await store.topics.readTalk("sent:ann", to, { limit: 99, ...range })).entries;
            assert.deepEqual(await find({}), mine.slice(-99));
            assert.deepEqual(await find({ after: r, limit: 3 }), mine.filter(({ seq }) => seq > r).slice(0, 3));
            const below = mine.filter((copy) => copy.received! < r);
            assert.deepEqual(await find({ receivedBelow: r, limit: 5 }), below.slice(-5));
            assert.deepEqual(await find({ copiesBelow: c }), mine.filter((copy) => copy.copyOf!.seq < c).slice(-99));
          }
          const { received } = await store.topics.readTalk("sent:ann", "bob", { limit: 1 });
          assert.equal(received, (await store.topics.head("inbox:ann")).seq);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("Topics.sweep() and publish() forget copies by the limits, and their talks", async ({ store, place }) => {
    for (let i = 0; i < 200; i++) await send(store, "ann", i === 0 ? "joe" : "bob", { text: `${i}` });
    assert.equal((await copies(store, "ann")).length, 100);
    assert.deepEqual((await store.topics.readTalk("sent:ann", "joe", { limit: 1 })).entries, []);
    assert.equal((await store.topics.readTalk("sent:ann", "bob", { limit: 500 })).entries.length, 100);
    await store.topics.markRead("inbox:bob", 200);
    await store.topics.markRead("inbox:joe", 1);
    await place.pass(2_000);
    await place.passSweep();
    assert.ok(await store.topics.sweep() >= 200);
    assert.deepEqual(await copies(store, "ann"), []);
    assert.deepEqual((await store.topics.readTalk("sent:ann", "bob", { limit: 1 })).entries, []);
    await send(store, "ann", "bob", { text: "last" });
    assert.deepEqual(texts(await copies(store, "ann")), ["last"]);
  }, { historyMaxMessages: 100, historyMaxAge: 1_500 });

  test("AdminStore.putTopic() puts copies in as they were, and later ones go on behind them", async ({ store }) => {
    await send(store, "bob", "ann");
    for (const [cid, to] of ["bob", "joe", "bob"].entries()) await send(store, "ann", to, { cid: `cid ${cid}` });
    const all = await copies(store, "ann");
    const moved = (text: string) => text.replace(/ann|bob|joe/g, (name) => `${name}2`);
    for (const topic of ["inbox:bob", "inbox:joe", "inbox:ann", "sent:ann"] as const) {
      const { epoch, head: { seq, id }, entries } = await store.topics.read(topic, { after: 0, limit: 10 });
      const log: Entry[] = entries.map((entry) => JSON.parse(moved(JSON.stringify(entry))));
      const state = { topic: moved(topic) as Topic, epoch, seq, id, read: 0 };
      assert.equal(
        await store.admin.putTopic(
          state,
          (async function* () {
            yield log;
          })(),
        ),
        log.length,
      );
    }
    await send(store, "ann2", "bob2", { text: "later" });
    const now = await copies(store, "ann2");
    assert.deepEqual(now.slice(0, 3), all.map((entry) => JSON.parse(moved(JSON.stringify(entry)))));
    assert.deepEqual(texts(now.slice(3)), ["later"]);
    const { entries } = await store.topics.readTalk("sent:ann2", "bob2", { limit: 10 });
    assert.deepEqual(entries.map(({ seq, copyOf }) => [seq, copyOf!.seq]), [[1, 1], [3, 2], [4, 3]]);
  });

  test(
    "Topics.publish() on two servers at once copies all, each recipient's in the order of the inbox",
    async ({ store, place }) => {
      const other = await place.open();
      const recipients = ["bob", "joe", "eve"];
      await Promise.all(
        [store, other].flatMap((one) =>
          Array.from(
            { length: 90 },
            (_, index) => send(one, "ann", recipients[index % 3], { text: `${one.id} ${index}` }),
          )
        ),
      );
      await copies(store, "ann");
      const all = await copies(other, "ann");
      assert.equal(all.length, 180);
      for (const to of recipients) {
        const { entries } = await store.topics.read(inboxTopic(to), { after: 0, limit: 100 });
        assert.deepEqual(
          texts(all.filter((copy) => copy.to === to)),
          texts(entries),
        );
      }
    },
    { demand: "several servers" },
  );
}
