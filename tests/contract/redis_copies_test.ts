/** Copies of private messages in Redis, where a server dies between a message and its copy, and where clocks are set. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { inboxTopic } from "../../lib/wire/names.ts";
import type { RedisCorner, TestStore } from "../support/stores.ts";
import { until } from "../support/turns.ts";
import { test } from "./corner.ts";

async function send({ topics }: TestStore, to: string, text: string, cid?: string): Promise<void> {
  const result = await topics.publish(inboxTopic(to), { from: "ann", to, text, ...(cid ? { cid } : {}) }, undefined);
  assert.equal(result.kind, "published");
}

async function copies({ topics }: TestStore, user = "ann"): Promise<string[]> {
  await topics.readTalk(`sent:${user}`, "nobody", { limit: 1 }).catch(() => {});
  return (await topics.read(`sent:${user}`, { after: 0, limit: 1_000 })).entries.map(({ text }) => text);
}

/** Has every copy of ann's fail from here on, though her messages are stored; the function that it returns lets them be. */
async function failCopies(place: RedisCorner, prefix: string): Promise<() => Promise<void>> {
  const [copied, aside] = [`${prefix}{inbox:ann}:sent:copied`, `${prefix}{inbox:ann}:sent:aside`];
  const was = await place.ask("EXISTS", copied) === 1;
  if (was) await place.ask("RENAME", copied, aside);
  await place.ask("SET", copied, "no hash");
  return async () => {
    await place.ask("DEL", copied);
    if (was) await place.ask("RENAME", aside, copied);
  };
}

test("RedisTopics has a message's copy once where its server dies between the two", async (place, prefix) => {
  const [dying, other] = [await place.open(), await place.open()];
  await send(dying, "bob", "1");
  await copies(dying);
  const restore = await failCopies(place, prefix);
  await send(dying, "bob", "2");
  await dying[Symbol.asyncDispose]();
  await restore();
  assert.deepEqual(await copies(other), ["1"]);
  await place.die(dying);
  await Promise.all([other.servers.sweep(), other.servers.sweep()]);
  assert.deepEqual(await copies(other), ["1", "2"]);
  await send(other, "bob", "3");
  assert.deepEqual(await copies(other), ["1", "2", "3"]);
  const left = await place.ask("KEYS", `${prefix}{server:*}:owing`) as string[];
  assert.equal(left.length, 1, "the dead server owes nothing any more");
});

test("RedisTopics looks for what another server owes before the user's next copy", async (place, prefix) => {
  const [dying, other] = [await place.open(), await place.open()];
  await send(dying, "bob", "1");
  await send(dying, "joe", "2");
  await copies(dying);
  const restore = await failCopies(place, prefix);
  for (const [to, text] of [["joe", "3"], ["bob", "4"], ["joe", "5"]]) {
    await send(dying, to, text);
    await place.pass(1);
  }
  await dying[Symbol.asyncDispose]();
  await restore();
  await send(other, "eve", "6");
  assert.deepEqual(await copies(other), ["1", "2", "3", "4", "5", "6"]);
});

test(
  "RedisTopics copies by itself what it could not, and a message that is sent again has one copy",
  async (place, prefix) => {
    const store = await place.open();
    await send(store, "bob", "1");
    await copies(store);
    const restore = await failCopies(place, prefix);
    for (const text of ["2", "3"]) await send(store, "bob", text, `cid of ${text}`);
    await send(store, "joe", "4").catch(() => {}); // the first to joe, which waits for a note
    await restore();
    for (const text of ["2", "3"]) await send(store, "bob", text, `cid of ${text}`);
    await until("the copies are there", async () => (await copies(store)).length >= 3);
    assert.deepEqual((await copies(store)).filter((text) => text !== "4"), ["1", "2", "3"]);
  },
);

test(
  "RedisTopics has the copies that a server owes which hung until others took it for dead, and died later",
  async (place, prefix) => {
    const [hanging, other] = [await place.open(), await place.open()];
    await send(hanging, "bob", "1");
    await copies(hanging);
    await place.die(hanging);
    await other.servers.sweep();
    assert.equal(await hanging.servers.renew(), "expired");
    await send(hanging, "bob", "2");
    await copies(hanging);
    const restore = await failCopies(place, prefix);
    await send(hanging, "bob", "3");
    await hanging[Symbol.asyncDispose]();
    await restore();
    await place.die(hanging);
    await other.servers.sweep();
    assert.deepEqual(await copies(other), ["1", "2", "3"]);
  },
);

test("RedisTopics copies first what another server owes of messages to the same recipient", async (place, prefix) => {
  const [dying, other] = [await place.open(), await place.open()];
  for (const [index, store] of [dying, other].entries()) {
    await send(store, "bob", `${index + 1}`);
    await copies(store);
  }
  const restore = await failCopies(place, prefix);
  await send(dying, "bob", "3");
  await dying[Symbol.asyncDispose]();
  await restore();
  await send(other, "bob", "4");
  assert.deepEqual(await copies(other), ["1", "2", "3", "4"]);
});

test("RedisServers.leave() makes the copies that are owed, and takes its notes back", async (place, prefix) => {
  const [leaving, other] = [await place.open(), await place.open()];
  await send(leaving, "bob", "1");
  await copies(leaving);
  const restore = await failCopies(place, prefix);
  await send(leaving, "bob", "2");
  await restore();
  await leaving.servers.leave(0);
  assert.deepEqual(await copies(other), ["1", "2"]);
  assert.deepEqual(await place.ask("KEYS", `${prefix}*:ow*`), []);
});

test(
  "RedisTopics makes no copy of what an earlier release has stored, and of all that is stored beside it",
  async (place, prefix) => {
    const store = await place.open();
    const early = async (seq: number) => {
      const body = JSON.stringify({ from: "ann", text: `early ${seq}`, to: "bob" });
      await place.ask("XADD", `${prefix}{inbox:bob}:log`, `${seq}-0`, "i", `id${seq}`, "t", `${Date.now()}`, "b", body);
      await place.ask("HSET", `${prefix}{inbox:bob}:meta`, "seq", `${seq}`, "id", `id${seq}`);
    };
    await early(1);
    await early(2);
    await send(store, "bob", "3");
    assert.deepEqual(await copies(store), ["3"]);
    await early(4);
    await send(store, "bob", "5");
    assert.deepEqual(await copies(store), ["3", "early 4", "5"]);
  },
);

test(
  "RedisTopics copies a message whose number another had before an older copy of the inbox was put back",
  async (place, prefix) => {
    const store = await place.open();
    await send(store, "bob", "1");
    await copies(store);
    for (const key of ["meta", "log", "talks", "talks:ann", "unread"]) {
      await place.ask("COPY", `${prefix}{inbox:bob}:${key}`, `${prefix}{inbox:bob}:${key}:old`);
    }
    for (const text of ["2", "3"]) await send(store, "bob", text);
    await copies(store);
    for (const key of ["meta", "log", "talks", "talks:ann", "unread"]) {
      await place.ask("RENAME", `${prefix}{inbox:bob}:${key}:old`, `${prefix}{inbox:bob}:${key}`);
    }
    for (const text of ["4", "5", "6"]) await send(store, "bob", text);
    assert.deepEqual(await copies(store), ["1", "2", "3", "4", "5", "6"]);
  },
);

test(
  "RedisTopics has each acknowledged message's copy once, in order, whichever servers die when",
  async (place, prefix) => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom("bob", "joe", "eve") },
      { weight: 1, arbitrary: fc.constantFrom("fail", "restore", "die", "sweep") },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        let [store, said] = [await place.open(), 0];
        let restore: (() => Promise<void>) | undefined;
        const stored: string[] = [];
        const reader = await place.open();
        for (const one of steps) {
          if (one === "fail") restore ??= await failCopies(place, prefix);
          else if (one === "restore") restore = await restore?.() ?? undefined;
          else if (one === "sweep") await reader.servers.sweep();
          else if (one === "die") {
            await store[Symbol.asyncDispose]();
            await place.die(store);
            store = await place.open();
          } else if (await send(store, one, `${++said}`).then(() => true, () => false)) stored.push(`${said}`);
          await place.pass(1);
        }
        await restore?.();
        await store[Symbol.asyncDispose]();
        await place.die(store);
        await reader.servers.sweep();
        assert.deepEqual(await copies(reader), stored);
        await reader[Symbol.asyncDispose]();
        await place.die(reader);
        for (const key of await place.ask("KEYS", `${prefix}*{inbox:*`) as string[]) await place.ask("DEL", key);
      }),
      { numRuns: 30 },
    );
  },
);

test(
  "RedisTopics.publish() has no time fall, in any topic, when the clock of Redis is set back",
  async (place, prefix) => {
    const { topics } = await place.open();
    for (const topic of ["room:lobby", "inbox:bob"] as const) {
      const first = await topics.publish(topic, { from: "ann", to: "bob", text: "" }, undefined);
      assert.ok(first.kind === "published");
      await topics.readTalk("sent:ann", "bob", { limit: 1 });
      const later = `${first.time + 3_600_000}`; // the clock was that far ahead
      await place.ask("HSET", `${prefix}{${topic}}:meta`, "time", later);
      const next = await topics.publish(topic, { from: "ann", to: "bob", text: "" }, undefined);
      assert.equal(next.kind === "published" && next.time, Number(later));
      if (topic !== "inbox:bob") continue;
      const { entries } = await topics.readTalk("sent:ann", "bob", { limit: 2 });
      assert.deepEqual(entries.map(({ time }) => time), [first.time, Number(later)]);
      await place.ask("HDEL", `${prefix}{inbox:bob}:meta`, "time"); // as an earlier release leaves it
      const last = await topics.publish(topic, { from: "ann", to: "bob", text: "" }, undefined);
      assert.equal(last.kind === "published" && last.time, Number(later));
    }
  },
);
