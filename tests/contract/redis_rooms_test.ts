/** What rooms leave in Redis: nothing once they are forgotten, and a list that is right after every cut. */

import assert from "node:assert/strict";
import { test } from "./corner.ts";

const any = { most: Infinity, standing: [] };
const idle = { roomIdleMs: 200, historyMaxAge: 200 };

test("Rooms.sweep() leaves no key of a room behind", async (place, prefix) => {
  const store = await place.open(idle);
  await store.rooms.make("general", any);
  await store.topics.publish("room:general", { from: "eve", text: "hi", cid: "x" }, undefined);
  await place.passCidMemory("room:general");
  await place.pass(300);
  assert.deepEqual(await store.rooms.sweep([]), ["general"]);
  assert.deepEqual(await place.ask("KEYS", `${prefix}{room*`), [`${prefix}{rooms}:complete`]);
});

test("Rooms.sweep() looks at a room once in the time that an unused one is kept", async (place, prefix) => {
  const store = await place.open({ roomIdleMs: 200 });
  await store.rooms.make("general", any);
  await store.topics.publish("room:general", { from: "eve", text: "hi" }, undefined);
  const lookedAt = () => place.ask("ZSCORE", `${prefix}{rooms}:known`, "general");
  const made = await lookedAt();
  await store.rooms.sweep([]);
  assert.equal(await lookedAt(), made);
  await place.pass(300);
  assert.deepEqual(await store.rooms.sweep([]), []);
  assert.ok(Number(await lookedAt()) >= Number(made) + 200);
});

test(
  "rooms of an earlier release are listed before one is refused, and in any case by a sweep",
  async (place, prefix) => {
    for (const room of ["a", "b"]) {
      await place.ask("HSET", `${prefix}{room:${room}}:meta`, "epoch", "abc", "seq", "1", "id", "x");
      await place.ask(
        "XADD",
        `${prefix}{room:${room}}:log`,
        "1-0",
        "i",
        "x",
        "t",
        `${Date.now()}`,
        "b",
        '{"text":"hi"}',
      );
    }
    const [store, other] = [await place.open({ roomIdleMs: 200 }), await place.open()];
    assert.equal(await store.rooms.make("c", { most: 2, standing: [] }), false);
    await place.ask("HSET", `${prefix}{room:d}:meta`, "epoch", "abc"); // as by a server of the earlier release, meanwhile
    await place.pass(300);
    await other.rooms.sweep([]);
    assert.equal(await other.rooms.make("c", { most: 3, standing: [] }), false);
    assert.deepEqual([await store.rooms.sweep([]), await store.rooms.find("a")], [[], true]);
    await place.pass(300);
    assert.deepEqual(await store.rooms.sweep([]), ["d"]);
  },
);

test(
  "a room that was listed and never made goes; one that was forgotten and is listed still too",
  async (place, prefix) => {
    const store = await place.open(idle);
    await store.rooms.make("made", any);
    await store.rooms.make("lost", any);
    await place.ask("DEL", `${prefix}{room:lost}:meta`);
    await place.pass(300);
    assert.deepEqual((await store.rooms.sweep([])).sort(), ["lost", "made"]);
    assert.equal(await place.ask("ZCARD", `${prefix}{rooms}:known`), 0);
    assert.ok(await store.rooms.make("next", { most: 1, standing: [] }));
  },
);

test("a room that Redis has lost from its list is found, and listed again", async (place, prefix) => {
  const store = await place.open(idle);
  await store.rooms.make("general", any);
  await place.ask("DEL", `${prefix}{rooms}:known`, `${prefix}{rooms}:complete`);
  assert.ok(await store.rooms.find("general"));
  assert.equal(await store.rooms.make("next", { most: 1, standing: [] }), false);
});
