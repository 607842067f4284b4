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

  /** @param copied false where an earlier release does it, which makes no copies */
  async say(from: string, to: string, copied = true): Promise<void> {
    const draft = { from, text: `${++this.#said}`, ...(copied ? { to } : {}) };
    await this.store.topics.publish(inboxTopic(to), draft, undefined);
  }

  /** What a reader of both whole inboxes finds, in the order in which it was said. */
  async all(me: string, other: string): Promise<string[]> {
    const side = async (inbox: string, from: string) => {
      const { entries } = await this.topics.read(inboxTopic(inbox), { after: 0, limit: 100_000 });
      return entries.filter((entry) => entry.from.toLowerCase() === from);
    };
    const sent = me === other ? [] : await side(other, me);
    return [...await side(me, other), ...sent].map(({ text }) => text).sort((one, two) => Number(one) - Number(two));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store[Symbol.asyncDispose]();
  }
}

function texts(events: readonly TopicEvent[]): string[] {
  return events.map(({ text }) => text);
}

/** All of ann's talk with bob, page by page. */
async function readWhole({ topics }: Scene, n: number): Promise<TopicEvent[]> {
  const found: TopicEvent[] = [];
  for (;;) {
    const page = await readTalk(topics, "ann", "bob", n, found[0]?.pos);
    if (page.length === 0) return found;
    found.unshift(...page);
  }
}

const ways = [["ann", "bob"], ["bob", "ann"], ["ann", "joe"], ["joe", "bob"], ["ann", "ann"]] as const;

test("readTalk() pages through a talk without a hole and gives nothing twice, whatever arrives meanwhile", async () => {
  const said = fc.array(fc.record({ way: fc.constantFrom(...ways), pause: fc.integer({ min: -2, max: 2 }) }), {
    maxLength: 40,
  });
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

test("readTalk() has what was said in the order in which it was, in one millisecond and when the clock is set back", async () => {
  await using scene = new Scene();
  for (const [from, to] of [["ann", "bob"], ["bob", "ann"], ["ann", "bob"], ["bob", "ann"]]) {
    await scene.say(from, to);
    if (from === "bob") scene.time -= 5_000;
  }
  for (const me of ["ann", "bob"]) {
    const events = await readTalk(scene.topics, me, me === "ann" ? "bob" : "ann", 10);
    assert.deepEqual(texts(events), ["1", "2", "3", "4"]);
    for (const [at, { pos }] of events.entries()) {
      const page = await readTalk(scene.topics, me, me === "ann" ? "bob" : "ann", 10, pos);
      assert.deepEqual(texts(page), ["1", "2", "3", "4"].slice(0, at), `${me} before ${at + 1}`);
    }
  }
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

test("readTalk() gives nothing that came behind what it misses, while it reads one side after the other", async () => {
  await using scene = new Scene();
  await scene.say("bob", "ann");
  await scene.say("ann", "bob");
  let meanwhile = true;
  const topics: TalkTopics = {
    positions: new PositionSigner(),
    read: (topic, range) => scene.topics.read(topic, range),
    async readTalk(topic, other, range) {
      const page = await scene.topics.readTalk(topic, other, range);
      if (meanwhile) {
        meanwhile = false;
        await scene.say("bob", "ann");
        await scene.say("ann", "bob");
        await scene.say("bob", "ann");
      }
      return page;
    },
  };
  assert.deepEqual(texts(await readTalk(topics, "ann", "bob", 10)), ["1", "2"]);
  assert.deepEqual(texts(await readTalk(topics, "ann", "bob", 10)), ["1", "2", "3", "4", "5"]);
});

test("readTalk() merges by time what an earlier release has kept of what was sent, before the first copy", async () => {
  const step = fc.record({ from: fc.constantFrom("ann", "bob", "joe"), pause: fc.nat({ max: 2 }) });
  const run = fc.asyncProperty(
    fc.array(step),
    fc.array(step),
    fc.integer({ min: 1, max: 7 }),
    async (old, young, n) => {
      await using scene = new Scene();
      for (const { from, pause } of old) {
        scene.time += pause;
        await scene.say(from, from === "bob" ? "ann" : "bob", false);
      }
      const before = await readWhole(scene, n);
      const isSent = new Map(before.map(({ text, from }) => [text, from === "ann"]));
      const merged = before.toSorted((one, two) =>
        one.time === two.time
          ? Number(isSent.get(one.text)) - Number(isSent.get(two.text))
          : one.time < two.time
          ? -1
          : 1
      );
      assert.deepEqual(texts(before), texts(merged));
      assert.deepEqual(texts(before).toSorted(), (await scene.all("ann", "bob")).toSorted());
      scene.time -= 1_000;
      for (const { from } of young) await scene.say(from, from === "bob" ? "ann" : "bob");
      // What was received before the first copy is merged too; its log's time does not fall.
      const after = (await readWhole(scene, n)).map(({ text }) => text);
      assert.deepEqual(after.filter((text) => isSent.has(text)), texts(before));
      assert.deepEqual(after.filter((text) => !isSent.has(text)), (await scene.all("ann", "bob")).slice(before.length));
    },
  );
  await fc.assert(run, { numRuns: 60 });
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
