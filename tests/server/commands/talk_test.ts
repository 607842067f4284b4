/** Paging through a talk against a list of all its messages; the store is a real one, whose clock the test moves. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ChatError } from "../../../lib/common/errors.ts";
import { readTalk, type TalkTopics } from "../../../lib/server/commands/talk.ts";
import { SqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import type { TopicEvent } from "../../../lib/wire/event.ts";
import { inboxTopic } from "../../../lib/wire/names.ts";
import { PositionSigner } from "../../../lib/store/position_signer.ts";
import { test } from "../../support/declare.ts";
import { wideLimits } from "../../support/store_limits.ts";

/** A store, and a talk of ann with bob in it. */
class Scene implements AsyncDisposable {
  time = 1_700_000_000_000;
  readonly store: SqliteStore;
  readonly topics: TalkTopics;
  #said = 0;

  constructor(limits: Partial<typeof wideLimits> = {}) {
    const now = () => this.time;
    this.store = new SqliteStore({ ...wideLimits, ...limits, path: ":memory:", durability: "normal", now });
    this.topics = this.store.topics;
  }

  async say(from: string, to: string): Promise<void> {
    await this.store.topics.publish(inboxTopic(to), { from, to, text: `${++this.#said}` }, undefined);
  }

  /** What a reader of both whole inboxes finds, in the order that is promised. */
  async all(me: string, other: string): Promise<string[]> {
    const side = async (inbox: string, from: string) => {
      const { entries } = await this.topics.read(inboxTopic(inbox), { after: 0, limit: 100_000 });
      return entries.filter((entry) => entry.from.toLowerCase() === from);
    };
    const sent = me === other ? [] : await side(other, me);
    return [...await side(me, other), ...sent].sort((one, two) => one.time - two.time).map(({ text }) => text);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store[Symbol.asyncDispose]();
  }
}

function texts(events: readonly TopicEvent[]): string[] {
  return events.map(({ text }) => text);
}

const ways = [["ann", "bob"], ["bob", "ann"], ["ann", "joe"], ["joe", "bob"], ["ann", "ann"]] as const;

test("readTalk() pages through a talk without a hole and gives nothing twice, whatever arrives meanwhile", async () => {
  const said = fc.array(fc.record({ way: fc.constantFrom(...ways), pause: fc.nat({ max: 2 }) }), { maxLength: 40 });
  const run = fc.asyncProperty(
    said,
    fc.array(fc.record({ n: fc.integer({ min: 1, max: 9 }), said }), { minLength: 20, maxLength: 20 }),
    fc.constantFrom(...ways),
    async (before, pages, [me, other]) => {
      await using scene = new Scene();
      const say = async (messages: typeof before) => {
        for (const { way: [from, to], pause } of messages) {
          scene.time += pause;
          await scene.say(from, to);
        }
      };
      await say(before);
      const expected = await scene.all(me, other);
      const found: TopicEvent[] = [];
      for (const { n, said } of pages) {
        const page = await readTalk(scene.topics, me, other, n, found[0]?.pos);
        assert.ok(page.length === n || found.length + page.length === expected.length);
        found.unshift(...page);
        scene.time++; // what is said in the same millisecond as what was found is among what is before it, or not
        if (found.length > 0) await say(said);
      }
      assert.deepEqual(texts(found), expected.slice(-found.length || expected.length));
    },
  );
  await fc.assert(run, { numRuns: 60 });
});

test("readTalk() gives many messages, which it reads piece by piece", async () => {
  await using scene = new Scene();
  for (let i = 0; i < 600; i++) {
    scene.time += i % 3;
    await (i % 7 === 0 ? scene.say("bob", "ann") : scene.say("ann", "bob"));
  }
  assert.deepEqual(texts(await readTalk(scene.topics, "ann", "bob", 500)), (await scene.all("ann", "bob")).slice(-500));
});

test("readTalk() has what was received before what was sent in the same millisecond", async () => {
  await using scene = new Scene();
  await scene.say("ann", "bob");
  await scene.say("bob", "ann");
  const [first, second] = await readTalk(scene.topics, "ann", "bob", 10);
  assert.deepEqual(texts([first, second]), ["2", "1"]);
  assert.deepEqual(texts(await readTalk(scene.topics, "ann", "bob", 10, second.pos)), ["2"]);
  assert.deepEqual(texts(await readTalk(scene.topics, "bob", "ann", 10)), ["1", "2"]);
});

test("readTalk() refuses what is no message of the talk", async () => {
  await using scene = new Scene();
  for (const [from, to] of ways) await scene.say(from, to);
  const [foreign] = await readTalk(scene.topics, "joe", "bob", 1);
  const [{ pos }] = await readTalk(scene.topics, "ann", "bob", 1);
  const { epoch } = await scene.store.topics.head("inbox:bob");
  for (const before of [foreign.pos, "", "x", `${epoch}.0.`, `${epoch}.1.aaaaaa`, `${epoch}.99.aaaaaa`]) {
    await assert.rejects(
      readTalk(scene.topics, "ann", "bob", 10, before),
      (error) => error instanceof ChatError && error.code === "usage" && /of this talk$/.test(error.message),
    );
  }
  await assert.rejects(readTalk(scene.topics, "joe", "bob", 10, pos), /of this talk$/);
});

test("readTalk() gives nothing before a message that the log has forgotten", async () => {
  await using scene = new Scene({ historyMaxMessages: 3 });
  await scene.say("bob", "ann");
  const [{ pos }] = await readTalk(scene.topics, "ann", "bob", 1);
  for (let i = 0; i < 5; i++) await scene.say("bob", "ann");
  await scene.store.topics.markRead("inbox:ann", 6);
  assert.deepEqual(await readTalk(scene.topics, "ann", "bob", 10, pos), []);
  assert.equal((await readTalk(scene.topics, "ann", "bob", 10)).length, 3);
});

test("readTalk() misses nothing that was received while it read what was sent", async () => {
  await using scene = new Scene();
  let meanwhile = true;
  const topics: TalkTopics = {
    positions: new PositionSigner(),
    read: (topic, range) => scene.topics.read(topic, range),
    async readTalk(inbox, sender, range) {
      const page = await scene.topics.readTalk(inbox, sender, range);
      if (meanwhile && inbox === "inbox:ann") {
        meanwhile = false;
        scene.time++;
        await scene.say("bob", "ann");
        scene.time++;
        await scene.say("ann", "bob");
        scene.time++;
      }
      return page;
    },
  };
  assert.deepEqual(texts(await readTalk(topics, "ann", "bob", 10)), ["1", "2"]);
});

test("readTalk() asks the store for what it gives, however much else there is", async () => {
  await using scene = new Scene();
  for (let i = 0; i < 3; i++) await scene.say("bob", "ann");
  for (let i = 0; i < 1_000; i++) await scene.say("joe", i % 2 === 0 ? "ann" : "bob");
  let given = 0;
  const topics: TalkTopics = {
    positions: new PositionSigner(),
    read: () => Promise.reject(new Error("nobody asked for a whole inbox")),
    async readTalk(inbox, sender, range) {
      const page = await scene.topics.readTalk(inbox, sender, range);
      given += page.entries.length;
      return page;
    },
  };
  assert.equal((await readTalk(topics, "ann", "bob", 500)).length, 3);
  assert.equal(given, 3);
});
