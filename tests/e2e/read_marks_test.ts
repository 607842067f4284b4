/** `seen` with a topic: how far an account has read what is no inbox. */

import assert from "node:assert/strict";
import { JsonClient } from "../support/client.ts";
import { onEachStore, type Settings } from "../support/server.ts";

const settings: Settings = { RATE_LIMIT: "off" };

onEachStore("seen with a topic moves the account's mark of it forward, and of nothing else", async (start) => {
  await using server = await start(settings);
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  const { marks, topics } = server.store;
  const unread = async () => ({ ...await marks.unread("b", ["room:lobby", "feed:a", "inbox:b"]) });
  const { positions } = await b.ok("subscribe", { user: "a" });
  await b.ok("seen", { topic: "feed:a", pos: positions["feed:a"] });
  await b.ok("seen", { topic: "room:Lobby", pos: b.session.positions["room:lobby"] });
  assert.deepEqual(await unread(), {});
  for (const text of ["one", "two", "three"]) {
    await a.ok("say", { text });
    await a.ok("publish", { text });
    await a.ok("msg", { to: "b", text });
  }
  await b.ok("say", { text: "four" });
  assert.deepEqual(await unread(), { "room:lobby": 3, "feed:a": 3, "inbox:b": 3 });
  const events = await b.events(10);
  const posOf = (topic: string, seq: number) => events.find((one) => one.topic === topic && one.seq === seq)!.pos;
  await b.ok("seen", { topic: "room:lobby", pos: posOf("room:lobby", 2) });
  await b.ok("seen", { topic: "room:lobby", pos: posOf("room:lobby", 1) });
  await b.ok("seen", { topic: "feed:a", pos: posOf("feed:a", 3) });
  assert.deepEqual(await unread(), { "room:lobby": 1, "inbox:b": 3 });
  await b.ok("seen", { pos: posOf("inbox:b", 1) });
  await b.ok("seen", { topic: "inbox:b", pos: posOf("inbox:b", 2) });
  assert.deepEqual([await unread(), await topics.readMark("inbox:b")], [{ "room:lobby": 1, "inbox:b": 1 }, 2]);
  assert.deepEqual({ ...await marks.unread("a", ["room:lobby"]) }, {});
});

onEachStore("seen takes a topic that one may read, and a position of it", async (start) => {
  await using server = await start(settings);
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  const { positions } = await a.ok("join", { room: "ops" });
  const pos = b.session.positions["room:lobby"];
  await b.refused("seen", { topic: "room:ops", pos: positions["room:ops"] }, "wrong_room");
  await b.refused("seen", { topic: "room:nobody_was_there", pos }, "wrong_room");
  for (const topic of ["feed:a", "inbox:a"]) await b.refused("seen", { topic, pos }, "forbidden");
  for (const topic of ["lobby", "cellar:x", ""]) await b.refused("seen", { topic, pos }, "usage");
  await b.refused("seen", { topic: "room:lobby", pos: "x" }, "usage");
  await b.refused("seen", { topic: "room:lobby" }, "usage");
  await using side = await JsonClient.open(server);
  await side.ok("login", { user: "b", password: "1", side: true });
  await side.refused("seen", { topic: "room:lobby", pos }, "forbidden");

  // What is no position of this log marks nothing, as in an inbox.
  await b.ok("seen", { topic: "room:lobby", pos });
  await a.ok("join", { room: "lobby" });
  for (let i = 0; i < 3; i++) await a.ok("say", { text: `${i}` });
  const [epoch] = pos.split(".");
  for (const made of [`${epoch}.99.`, `${epoch}.2.aaaaaa`, `other.2.`, positions["room:ops"]]) {
    await b.ok("seen", { topic: "room:lobby", pos: made });
  }
  assert.deepEqual({ ...await server.store.marks.unread("b", ["room:lobby"]) }, { "room:lobby": 3 });
  assert.equal((await server.store.topics.head("room:lobby")).epoch, epoch);
});
