/** The contract of {@linkcode Rooms}: how many there are, and which are forgotten. */

import assert from "node:assert/strict";
import type { TestStore } from "../support/stores.ts";
import { readOn } from "../../lib/server/delivery/recovery.ts";
import { roomTopic } from "../../lib/wire/names.ts";
import { type Declare, login } from "./suite.ts";

const any = { most: Infinity, standing: [] };

/** Says something in a room, on a side connection. */
async function say(store: TestStore, room: string, text = "hi") {
  return await store.topics.publish(roomTopic(room), { from: "eve", text }, undefined, true);
}

async function headOf(store: TestStore, room: string) {
  const { epoch, head: { seq } } = await store.topics.read(roomTopic(room), { limit: 1, make: false });
  return { epoch, seq };
}

/** A room is kept for so long that nobody uses, and a message likewise. */
const idle = { roomIdleMs: 300, historyMaxAge: 300 };

/** Lets more than that pass. */
const longer = 400;

/** Declares the tests. */
export function roomsContract(test: Declare): void {
  test("Rooms.find() finds what was made, and nothing else makes a room by asking", async ({ store }) => {
    const { rooms, sessions, topics } = store;
    assert.equal(await rooms.find("general"), false);
    await topics.read("room:general", { limit: 10, make: false });
    await topics.read("room:general", { after: 0, limit: 10, make: false });
    assert.deepEqual([await sessions.members("general"), await rooms.find("general")], [[], false]);
    assert.deepEqual(await say(store, "general"), { kind: "missing" });
    assert.equal(await rooms.find("general"), false);
    assert.deepEqual([await rooms.make("general", any), await rooms.find("general")], [true, true]);
    assert.equal((await say(store, "general")).kind, "published");
    assert.deepEqual([await rooms.make("general", any), (await headOf(store, "general")).seq], [true, 1]);
  });

  test("Topics.read() that makes nothing reads a topic that there is as any does", async ({ store }) => {
    await store.rooms.make("general", any);
    for (const text of ["1", "2", "3"]) await say(store, "general", text);
    for (const range of [{ limit: 2 }, { after: 1, limit: 5 }, { before: 3, limit: 1 }]) {
      const page = await store.topics.read("room:general", { ...range, make: false });
      assert.deepEqual(page, await store.topics.read("room:general", range));
    }
  });

  test("Rooms.make() refuses what would be too many, and not those that exist or stand", async ({ store }) => {
    const bound = { most: 2, standing: ["lobby", "tech"] };
    const eve = await login(store, "eve");
    await store.topics.publish("room:lobby", { from: "eve", text: "hi" }, eve);
    await store.rooms.make("tech", { ...bound, most: Infinity });
    const make = (room: string) => store.rooms.make(room, bound);
    assert.deepEqual([await make("a"), await make("b"), await make("c"), await make("a")], [true, true, false, true]);
    assert.deepEqual([await store.rooms.find("b"), await store.rooms.find("c")], [true, false]);
    assert.equal(await store.rooms.make("d", { ...bound, most: 3 }), true);
  });

  test("Rooms.make() of many at once makes no more than there may be", async ({ store }) => {
    const names = Array.from({ length: 40 }, (_, index) => `room${index % 20}`);
    const made = await Promise.all(names.map((room) => store.rooms.make(room, { most: 7, standing: [] })));
    assert.equal(new Set(names.filter((_, index) => made[index])).size, 7);
  });

  test("Rooms.make() on several servers at once makes no more than there may be", async ({ store, place }) => {
    const other = await place.open();
    const names = Array.from({ length: 40 }, (_, index) => `room${index}`);
    const made = await Promise.all(
      names.map((room, index) => [store, other][index % 2].rooms.make(room, { most: 7, standing: [] })),
    );
    assert.equal(made.filter((one) => one).length, 7);
  }, { demand: "several servers" });

  test("Rooms.make() counts rooms that had messages before anybody counted", async ({ store }) => {
    for (const room of ["a", "b"]) {
      await store.topics.publish(roomTopic(room), { from: "eve", text: "hi" }, undefined);
    }
    await store.topics.publish("feed:eve", { from: "eve", text: "hi" }, undefined);
    assert.equal(await store.rooms.make("c", { most: 2, standing: [] }), false);
    assert.equal(await store.rooms.make("c", { most: 3, standing: [] }), true);
  });

  test("Rooms.sweep() forgets rooms that nobody needs, with all that is kept of them", async ({ store, place }) => {
    const { rooms } = store;
    for (const room of ["empty", "spoken", "standing"]) await rooms.make(room, any);
    for (let i = 0; i < 250; i++) await say(store, "spoken", `${i}`);
    const before = await headOf(store, "spoken");
    await place.pass(longer);
    for (const room of ["young", "general"]) await rooms.make(room, any);
    assert.deepEqual((await rooms.sweep(["standing"])).sort(), ["empty", "spoken"]);
    assert.deepEqual(
      await Promise.all(["empty", "spoken", "standing", "young"].map((room) => rooms.find(room))),
      [false, false, true, true],
    );
    assert.equal(await rooms.make("more", { most: 4, standing: ["standing"] }), true, "what is gone is not counted");
    await rooms.make("spoken", any);
    await say(store, "spoken", "again");
    const after = await headOf(store, "spoken");
    assert.deepEqual([before.seq, after.seq], [250, 1]);
    assert.notEqual(after.epoch, before.epoch);
    const { entries } = await store.topics.read("room:spoken", { after: 0, limit: 10 });
    assert.deepEqual(entries.map(({ text }) => text), ["again"]);
    // Whoever had a position there is told of a gap, and gets all that there is now.
    const told = await readOn(store.topics, "room:spoken", { ...before, id: "" }, 10);
    assert.deepEqual(told.gap, { from: 251, to: null });
    const next = await readOn(store.topics, "room:spoken", told.position, 10);
    assert.deepEqual([next.gap, next.entries.map(({ text }) => text)], [undefined, ["again"]]);
    assert.equal((await headOf(store, "spoken")).epoch, after.epoch);
  }, idle);

  test(
    "Rooms.sweep() keeps who is in a room, who listens to it, what was just said or found",
    async ({ store, place }) => {
      const { rooms, topics } = store;
      const eve = await login(store, "eve");
      for (const room of ["members", "heard", "said", "found"]) await rooms.make(room, any);
      assert.ok(await store.sessions.move(eve, "members"));
      const subscription = await topics.subscribe("room:heard", () => {});
      await place.pass(longer);
      await say(store, "said");
      await rooms.find("found");
      assert.deepEqual(await rooms.sweep([]), []);
      await place.pass(longer);
      await subscription.close();
      assert.deepEqual((await rooms.sweep(["lobby"])).sort(), ["found", "heard", "said"]);
      assert.ok(await rooms.find("members"));
    },
    idle,
  );

  test("Rooms.sweep() while others join and speak forgets nobody's room and no message", async ({ store, place }) => {
    const { rooms, topics, sessions } = store;
    const users = await Promise.all(Array.from({ length: 10 }, (_, index) => login(store, `user${index}`)));
    for (let round = 0; round < 4; round++) {
      const names = Array.from({ length: 30 }, (_, index) => `room${round}-${index}`);
      for (const room of names) await rooms.make(room, any);
      await place.pass(longer);
      const sweeps = [rooms.sweep([]), rooms.sweep([])];
      const moved = await Promise.all(
        names.slice(0, 10).map(async (room, index) => {
          if (!await rooms.find(room)) await rooms.make(room, any);
          const at = (await sessions.move(users[index], room))!;
          return (users[index] = at, await topics.publish(roomTopic(room), { from: at.user, text: "here" }, at));
        }),
      );
      const said = await Promise.all(
        names.slice(10).map(async (room) => {
          const first = await say(store, room);
          if (first.kind !== "missing") return first;
          await rooms.make(room, any);
          return await say(store, room);
        }),
      );
      await Promise.all(sweeps);
      await rooms.sweep([]);
      for (const [index, result] of [...moved, ...said].entries()) {
        assert.equal(result.kind, "published", names[index]);
        assert.ok(await rooms.find(names[index]), `${names[index]} is there`);
        const page = await topics.read(roomTopic(names[index]), { limit: 1, make: false });
        assert.equal(page.entries.length, 1, `${names[index]} has its message`);
      }
    }
  }, { roomIdleMs: 300, historyMaxAge: 100_000 });
}
