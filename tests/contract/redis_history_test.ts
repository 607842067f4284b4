/** What {@linkcode Topics.sweep} leaves in Redis, and who of several servers does the work. */

import assert from "node:assert/strict";
import { test } from "./corner.ts";

test(
  "Topics.sweep() leaves no key of a log whose messages are all forgotten, but where it stands",
  async (place, prefix) => {
    const store = await place.open({ historyMaxAge: 100 });
    const keysOf = async (topic: string) =>
      (await Promise.all(
        ["meta", "log", "unread", "talks", "talks:ann"].map(async (name) =>
          await place.ask("EXISTS", `${prefix}{${topic}}:${name}`) === 1 ? [name] : []
        ),
      )).flat();
    for (const topic of ["room:quiet", "inbox:bob"] as const) {
      for (let i = 0; i < 3; i++) {
        await store.topics.publish(topic, { from: "ann", text: "hi" }, undefined);
      }
    }
    assert.deepEqual(await keysOf("inbox:bob"), ["meta", "log", "unread", "talks", "talks:ann"]);
    await store.topics.markRead("inbox:bob", 2);
    await place.pass(101);
    assert.equal(await store.topics.sweep(), 5);
    await store.topics.markRead("inbox:bob", 3);
    await place.passSweep();
    assert.equal(await store.topics.sweep(), 1);
    assert.deepEqual([await keysOf("room:quiet"), await keysOf("inbox:bob")], [["meta"], ["meta"]]);
  },
);

test("Topics.sweep() is done by one of several servers in a hundredth of the history's age", async (place) => {
  const [one, other] = [await place.open({ historyMaxAge: 360_000 }), await place.open({ historyMaxAge: 360_000 })];
  const limited = await place.open({ historyMaxMessages: 10, historyMaxAge: 360_000 });
  for (let i = 0; i < 30; i++) await one.topics.publish("room:quiet", { from: "ann", text: "hi" }, undefined);
  await Promise.all([one.topics.sweep(), other.topics.sweep()]);
  assert.equal(await limited.topics.sweep(), 0, "it was done");
  await place.passSweep();
  assert.equal(await limited.topics.sweep(), 20);
});
