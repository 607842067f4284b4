/** The contract of deletions: the text is gone, the message's number stays, and everybody can hear of it. */

import assert from "node:assert/strict";
import { type Deletion, placeAt } from "../../lib/store/topics.ts";
import type { Draft, Entry, TopicSignal } from "../../lib/store/topics.ts";
import { inboxTopic, sentTopic, type Topic } from "../../lib/wire/names.ts";
import type { TestStore } from "../support/stores.ts";
import type { Declare } from "./suite.ts";

const room: Topic = "room:general";

/** Says something, and gives its entry. */
async function say({ topics }: TestStore, text: string, topic = room, more: Partial<Draft> = {}): Promise<Entry> {
  const result = await topics.publish(topic, { from: "Ann", text, ...more }, undefined);
  assert.ok(result.kind === "published");
  const { entries: [entry] } = await topics.read(topic, { after: result.seq - 1, limit: 1 });
  return entry;
}

async function all({ topics }: TestStore, topic: Topic): Promise<readonly Entry[]> {
  return (await topics.read(topic, { after: 0, limit: 10_000 })).entries;
}

function texts(entries: readonly Entry[]): (string | undefined)[] {
  return entries.map(({ text, deleted }) => deleted ? undefined : text);
}

/** Everything that the store would export. */
async function exported({ admin }: TestStore): Promise<string> {
  const pieces: unknown[] = [];
  for await (const { topic, seq } of admin.topics()) {
    for await (const page of admin.log(topic, seq)) pieces.push(page);
  }
  return JSON.stringify(pieces);
}

/** Declares the tests. */
export function deletionsContract(test: Declare): void {
  test("Deletions.erase() leaves a message's number, author and time, and nothing of what it said", async ({ store }) => {
    await say(store, "one");
    const file = { id: "file", name: "secret", size: 1, sha256: "", expires: "" };
    const said = await say(store, "secret", room, { cid: "c", file, trace: "secret" });
    await say(store, "three");
    const heard: TopicSignal[] = [];
    const later = Promise.withResolvers<void>();
    const subscription = await store.topics.subscribe(room, (signal) => {
      heard.push(signal);
      if (signal.kind === "entry") later.resolve();
    });
    assert.equal(await store.deletions.erase(room, said, "Bob", "c1"), "erased");
    await say(store, "four");
    await later.promise;
    await subscription.close();

    const { seq, id, from, time, cid } = said;
    const entries = await all(store, room);
    assert.deepEqual(entries[1], { seq, id, from, time, cid, text: "", deleted: true });
    assert.deepEqual(texts(entries), ["one", undefined, "three", "four"]);
    assert.doesNotMatch(await exported(store), /secret/);
    const deletion: Deletion = { at: 3, number: 1, seq: 2, by: "Bob", from: "Ann" };
    const { epoch } = await store.topics.head(room);
    const [told, next] = heard;
    assert.deepEqual(told, { kind: "deleted", epoch, deletion: { ...deletion, via: "c1" } });
    assert.equal(next.kind, "entry");
    const known = await store.deletions.since(room, placeAt(3));
    assert.deepEqual(known.map(({ via: _, ...rest }) => rest), [deletion]);
    assert.deepEqual((await store.topics.head(room)).deletion, { at: 3, number: 1 });
    assert.deepEqual(await store.deletions.since(room, placeAt(4)), []);
    assert.deepEqual(await store.deletions.since(room, deletion), []);
    const again = await store.topics.publish(room, { from: "Ann", text: "secret", cid: "c" }, undefined);
    assert.deepEqual(again, { kind: "published", seq: 2, time, repeated: true });
  });

  test("Deletions.erase() knows a deleted message, and leaves another one in its place alone", async ({ store }) => {
    const said = await say(store, "one");
    assert.equal(await store.deletions.erase(room, { seq: 1, id: "other" }, "Ann"), "missing");
    assert.equal(await store.deletions.erase(room, { seq: 2, id: said.id }, "Ann"), "missing");
    assert.equal(await store.deletions.erase("room:nowhere", said, "Ann"), "missing");
    assert.deepEqual(texts(await all(store, room)), ["one"]);
    assert.equal(await store.deletions.erase(room, said, "Ann"), "erased");
    assert.equal(await store.deletions.erase(room, said, "Bob"), "known");
    assert.equal((await store.deletions.since(room, placeAt(0))).length, 1);
  });

  test("Deletions.erase() takes a private message out of what its sender sent as well", async ({ store }) => {
    const inbox = inboxTopic("bob");
    const sent = sentTopic("ann");
    const entries: Entry[] = [];
    for (const text of ["one", "secret", "three"]) {
      entries.push(
        await say(store, text, inbox, { to: "Bob", cid: text === "secret" ? "c" : undefined, sealed: text }),
      );
    }
    assert.equal(await store.deletions.erase(inbox, entries[1], "Ann"), "erased");
    const { entries: copies } = await store.topics.readTalk(sent, "Bob", { limit: 10 });
    assert.deepEqual(texts(copies), ["one", undefined, "three"]);
    const { copyOf, received, to, deleted } = copies[1];
    assert.deepEqual([copyOf!.seq, received, to, deleted], [2, 0, "Bob", true]);
    assert.deepEqual(texts((await store.topics.readTalk(inbox, "ann", { limit: 10 })).entries), [
      "one",
      undefined,
      "three",
    ]);
    assert.doesNotMatch(await exported(store), /secret/);
    const [deletion] = await store.deletions.since(sent, placeAt(0));
    assert.deepEqual([deletion.seq, deletion.by, deletion.from], [2, "Ann", "Ann"]);
    assert.deepEqual(texts((await store.topics.readTalk(sent, "bob", { copiesBelow: 3, limit: 1 })).entries), [
      undefined,
    ]);
    const own = await say(store, "note", inboxTopic("ann"), { to: "Ann" });
    assert.equal(await store.deletions.erase(inboxTopic("ann"), own, "Ann"), "erased");
    await store.topics.markRead(inbox, 3);
    assert.equal(
      (await store.topics.publish(inbox, { from: "Ann", to: "Bob", text: "four" }, undefined)).kind,
      "published",
    );
  });

  test("Deletions.erase() deletes many at once, while others write and a long log is copied", async ({ store }) => {
    const said: Entry[] = [];
    await Promise.all(
      Array.from(
        { length: 1_200 },
        (_, index) => store.topics.publish(room, { from: "Ann", text: `text ${index + 1}.` }, undefined),
      ),
    );
    said.push(...await all(store, room));
    const chosen = said.filter(({ seq }) => seq % 100 === 7);
    const [results] = await Promise.all([
      Promise.all(chosen.map((entry) => store.deletions.erase(room, entry, "Ann"))),
      Promise.all(
        Array.from(
          { length: 50 },
          (_, index) => store.topics.publish(room, { from: "Bob", text: `more ${index}` }, undefined),
        ),
      ),
    ]);
    assert.deepEqual(new Set(results), new Set(["erased"]));
    const entries = await all(store, room);
    assert.deepEqual(entries.map(({ seq }) => seq), Array.from({ length: 1_250 }, (_, index) => index + 1));
    for (const [index, before] of said.entries()) {
      const { deleted: _, ...after } = entries[index];
      assert.deepEqual(after, before.seq % 100 === 7 ? { ...before, text: "" } : before);
    }
    const deletions = await store.deletions.since(room, placeAt(0));
    assert.deepEqual(deletions.map(({ number }) => number), chosen.map((_, index) => index + 1));
    assert.deepEqual(deletions.map(({ seq }) => seq).toSorted((a, b) => a - b), chosen.map(({ seq }) => seq));
    assert.ok(deletions.every(({ at }, index) => at >= (deletions[index - 1]?.at ?? 1_200)));
    assert.deepEqual(await store.deletions.since(room, deletions[4]), deletions.slice(5));
  });

  test(
    "Deletions.since() forgets what was made before anything was there that the log has",
    async ({ store, place }) => {
      const first = await say(store, "one");
      await store.deletions.erase(room, first, "Ann");
      for (let i = 0; i < 130; i++) await store.topics.publish(room, { from: "Ann", text: "more" }, undefined);
      await place.passSweep();
      await store.topics.sweep();
      const { entries: [last] } = await store.topics.read(room, { limit: 1 });
      await store.deletions.erase(room, last, "Ann");
      const deletions = await store.deletions.since(room, placeAt(0));
      assert.deepEqual(deletions.map(({ at, number, seq }) => [at, number, seq]), [[131, 2, 131]]);
    },
    { historyMaxMessages: 20 },
  );
}
