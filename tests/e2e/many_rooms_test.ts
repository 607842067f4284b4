/**
 * A session in many rooms: the set that is its account's, what names its room, and what it comes back to. On both stores.
 */

import assert from "node:assert/strict";
import { eventually, type Json, JsonClient } from "../support/client.ts";
import { onEachStore, onRedis, type TestServer } from "../support/server.ts";

/** Cuts a client off, and waits until its server has noticed. */
async function cut(client: JsonClient, server: TestServer): Promise<void> {
  const before = server.service.connections;
  client.drop();
  await eventually(() => server.service.connections < before, "the server has noticed that a client went");
}

/** Comes back with a session's token, as a client that may be in many rooms. */
async function resume(server: TestServer, { resume: token, positions }: Json, more: Json = {}): Promise<JsonClient> {
  const client = await JsonClient.open(server, { rooms: "many" });
  client.session = await client.ok("resume", { token, positions: { ...positions, ...more } });
  return client;
}

const texts = (events: Json[]) => events.map(({ topic, text }) => `${topic} ${text}`);

onEachStore("a session in many rooms hears all of them, and says where it says something", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  await using a = await JsonClient.many(server, "a");
  assert.deepEqual([a.session.rooms, "room" in a.session], [["lobby"], false]);
  assert.deepEqual(Object.keys(a.session.positions).sort(), ["inbox:a", "room:lobby", "sent:a"]);
  await b.expect("a joined lobby");

  const joined = await a.ok("join", { room: "General" });
  assert.deepEqual([joined.room, Object.keys(joined.positions)], ["general", ["room:general"]]);
  const again = await a.ok("join", { room: "general" });
  assert.deepEqual([again.room, Object.keys(again.positions)], ["general", ["room:general"]]);
  assert.deepEqual((await a.ok("whoami")).rooms, ["general", "lobby"]);
  assert.deepEqual((await a.ok("rooms")).rooms, [{ room: "general", members: 1 }, { room: "lobby", members: 2 }]);
  assert.deepEqual((await a.ok("users")).users, ["a", "b"]);

  await a.ok("say", { room: "lobby", text: "here" });
  await b.expect("a: here"); // and not that a left the lobby
  await a.ok("say", { room: "general", text: "there" });
  await b.ask("/join general");
  await b.ask("hello");
  assert.deepEqual(texts((await a.events(5)).filter(({ type }) => type === "message")), [
    "room:lobby here",
    "room:general there",
    "room:general hello",
  ]);
  assert.deepEqual((await a.ok("who", { room: "general" })).members, ["a", "b"]);
  assert.deepEqual(texts((await a.ok("history", { room: "lobby" })).messages), ["room:lobby here"]);

  for (const cmd of ["leave", "who", "history"]) await a.refused(cmd, {}, "usage");
  await a.refused("say", { text: "where?" }, "usage");
  await a.refused("say", { room: "nowhere", text: "hi" }, "wrong_room");
  await a.refused("history", { room: "nowhere" }, "wrong_room");
  await a.refused("upload", { room: "nowhere", name: "x", size: 0, sha256: "0".repeat(64) }, "wrong_room");

  await a.ok("leave", { room: "lobby" });
  await a.refused("say", { room: "lobby", text: "gone" }, "wrong_room");
  assert.equal(await b.ask("/who general"), "Members of general: a, b");
  assert.equal(await b.ask("/who lobby"), "Members of lobby: none");
  await a.ok("leave", { room: "general" });
  await b.expect("a left general");
  assert.deepEqual((await a.ok("whoami")).rooms, [], "to be in no room is allowed");
  assert.equal((await a.ok("leave", { room: "general" })).room, "general", "and to leave it again changes nothing");
});

onEachStore("the rooms are the account's: the next login has them, and one room is beside them", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  {
    await using a = await JsonClient.many(server, "a");
    await b.expect("a joined lobby");
    for (const room of ["ops", "general"]) await a.ok("join", { room });
    await a.ok("leave", { room: "lobby" });
    await b.expect("a left lobby");
    await a.ok("quit");
  }
  {
    await using one = await server.jsonLogin("a");
    assert.deepEqual([one.session.room, "rooms" in one.session], ["lobby", false]);
    await b.expect("a joined lobby");
    await one.ok("join", { room: "elsewhere" });
    await b.expect("a left lobby");
    assert.equal(await b.ask("/who ops"), "Members of ops: none", "it is in its one room alone");
    await one.ok("quit");
  }
  await using back = await JsonClient.many(server, "a");
  assert.deepEqual(back.session.rooms, ["general", "ops"], "as it was left; nothing of the one room");
  assert.deepEqual(Object.keys(back.session.positions).sort(), ["inbox:a", "room:general", "room:ops", "sent:a"]);
  await b.ask("/join ops");
  await b.ask("hi");
  const heard = await back.events(2);
  assert.deepEqual(heard.map(({ type, user, text }) => user ?? `${type} ${text}`), ["b", "message hi"]);
  await using forced = await JsonClient.many(server, "a");
  assert.deepEqual(forced.session.rooms, ["general", "ops"]);
  assert.equal((await back.event()).code, "forced_logout");
  await forced.ok("say", { room: "ops", text: "now here" });
  await b.expect("a: now here"); // and nothing of a's going and coming
});

onEachStore("a session in many rooms comes back to all of them, and gets what it missed in each", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  await using first = await JsonClient.many(server, "a");
  await b.expect("a joined lobby");
  const rooms = ["general", "lobby", "ops"];
  const positions: Json = {};
  for (const room of rooms) Object.assign(positions, (await first.ok("join", { room })).positions);
  await cut(first, server);
  await b.ask("one");
  await b.ask("/join ops");
  await b.ask("two");

  await using again = await resume(server, first.session, positions);
  assert.deepEqual([again.session.rooms, again.session.missed], [rooms, 2]);
  assert.deepEqual(Object.keys(again.session.positions).sort(), [
    "inbox:a",
    "room:general",
    "room:lobby",
    "room:ops",
    "sent:a",
  ]);
  assert.deepEqual(texts(await again.events(2)).sort(), ["room:lobby one", "room:ops two"]);
  await b.ask("live");
  assert.deepEqual(texts([await again.event()]), ["room:ops live"]);

  // Without positions it goes on from where it stood.
  await cut(again, server);
  await b.ask("three");
  const { resume: token } = again.session;
  await using third = await resume(server, { resume: token, positions: {} });
  assert.deepEqual(texts([await third.event()]), ["room:ops three"]);
});

onEachStore("an account is in MAX_ROOMS_PER_USER rooms at most", async (start) => {
  await using server = await start({ MAX_ROOMS_PER_USER: "3" });
  await using a = await JsonClient.many(server, "a");
  for (const room of ["one", "two"]) await a.ok("join", { room });
  const { message } = await a.refused("join", { room: "three" }, "room_limit");
  assert.match(message, /3 rooms/);
  assert.equal(await server.store.rooms.find("three"), false, "a room that nobody comes into is not made");
  await a.ok("join", { room: "two" });
  await a.ok("leave", { room: "lobby" });
  await a.ok("join", { room: "three" });
  assert.deepEqual((await a.ok("whoami")).rooms, ["one", "three", "two"]);

  await using side = await JsonClient.many(server, "b", { side: true });
  assert.deepEqual(side.session.rooms, []);
  for (const room of ["one", "two", "three"]) await side.ok("join", { room });
  await side.refused("join", { room: "four" }, "room_limit");
});

onEachStore("a side connection listens to many rooms for itself, never for the account", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  await using side = await JsonClient.many(server, "a", { side: true });
  for (const room of ["lobby", "general"]) await side.ok("join", { room });
  assert.deepEqual((await side.ok("whoami")).rooms, ["general", "lobby"]);
  await b.ask("one");
  await b.ask("/join general");
  await b.ask("two");
  const heard = (await side.events(4)).filter(({ type }) => type === "message");
  assert.deepEqual(texts(heard), ["room:lobby one", "room:general two"]);
  await side.ok("leave", { room: "lobby" });
  await b.ask("/join lobby");
  await b.ask("three");
  assert.equal((await side.event()).state, "left", "from general, which it still hears");
  await side.ok("say", { room: "general", text: "from outside" });
  assert.equal((await side.event()).text, "from outside");
  await using session = await JsonClient.many(server, "a");
  assert.deepEqual(session.session.rooms, ["lobby"], "the account begins in the lobby");
});

onEachStore("a notification is not told to a reader who is in its room", async (start) => {
  await using server = await start({ FOLLOW_ROOM_MESSAGES: "on" });
  await using b = await server.login("b");
  await using a = await JsonClient.many(server, "a");
  await a.ok("subscribe", { user: "b" });
  await a.ok("join", { room: "general" });
  await b.ask("in the lobby");
  await b.ask("/join elsewhere");
  await b.ask("in another room");
  const heard = (await a.events(3)).filter(({ type }) => type !== "presence");
  assert.deepEqual(heard.map(({ type, text }) => `${type} ${text}`), [
    "message in the lobby",
    "notification in another room",
  ]);
});

onEachStore("another value of rooms means one room, and text is in one room always", async (start) => {
  await using server = await start();
  await using client = await JsonClient.dial(server) as JsonClient;
  await client.lines(2);
  for (const options of [{ rooms: "all" }, { rooms: true }, { format: "text", rooms: "many" }]) {
    const line = `HELLO ${JSON.stringify({ format: "json", version: 1, ...options })}`;
    assert.doesNotMatch(await client.ask(line), /many/);
  }
});

onEachStore("a login tells what is unread in each topic, which a mark of the account's says", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  const seen: Json = {};
  {
    await using a = await JsonClient.many(server, "a");
    assert.deepEqual(a.session.unread, {});
    await a.ok("subscribe", { user: "b" });
    await a.ok("join", { room: "general" });
    await b.ask("one");
    await b.ask("/publish news");
    await a.ok("say", { room: "lobby", text: "mine" });
    for (const { topic, pos } of await a.events(3)) seen[topic] = pos;
    await a.ok("quit");
  }
  await b.ask("two");
  await b.ask("/msg a psst");
  {
    await using a = await JsonClient.many(server, "a");
    assert.deepEqual(
      a.session.unread,
      { "room:lobby": 2, "feed:b": 1, "inbox:a": 1, "talk:b": 1 },
      "what is one's own is read",
    );
    for (const topic of ["room:lobby", "feed:b"]) await a.ok("seen", { topic, pos: seen[topic] });
    await cut(a, server);
    await using back = await resume(server, a.session);
    assert.deepEqual(back.session.unread["room:lobby"], 1);
    assert.ok(!("feed:b" in back.session.unread));
    await back.ok("leave", { room: "lobby" });
    await back.ok("join", { room: "lobby" });
    await back.ok("quit");
  }
  await using one = await server.jsonLogin("a");
  assert.ok(!("unread" in one.session), "one room is told as ever");
  await one.ok("quit");
  await using last = await JsonClient.many(server, "a");
  assert.ok(!("room:lobby" in last.session.unread), "a mark begins where one joins");
});

onEachStore(
  "who is in many rooms gets what they send privately, also what was sent while they were away",
  async (start) => {
    await using server = await start();
    await using b = await server.login("b");
    await using a = await JsonClient.many(server, "a");
    await b.expect("a joined lobby");
    const sent = await a.ok("msg", { to: "b", text: "hi", cid: "1" });
    assert.equal(sent.topic, "inbox:b");
    await b.expect("DM from a: hi");
    const { time: _, pos, ...copy } = await a.event();
    assert.deepEqual(copy, { type: "direct", topic: "sent:a", seq: 1, from: "a", to: "b", text: "hi", cid: "1" });
    await a.ok("msg", { to: "a", text: "to myself" });
    assert.equal((await a.event()).topic, "inbox:a", "to oneself: once, in the inbox");
    await cut(a, server);
    await using side = await server.jsonLogin("a", { side: true });
    await side.ok("msg", { to: "b", text: "from a script" });
    await using back = await resume(server, a.session, { "sent:a": pos });
    assert.deepEqual(texts([await back.event(), await back.event()]).sort(), [
      "inbox:a to myself",
      "sent:a from a script",
    ]);
  },
);

onEachStore("who is in many rooms is told who went offline, and who only left", async (start) => {
  await using server = await start();
  await using one = await server.jsonLogin("c");
  await using a = await JsonClient.many(server, "a");
  assert.equal((await one.event()).state, "joined");
  await using b = await server.login("b");
  assert.equal((await a.event()).state, "joined");
  await b.ask("/join general");
  await b.ask("/join lobby");
  await b.ask("/quit");
  const left = { type: "presence", room: "lobby", user: "b", state: "left" };
  const joined = { ...left, state: "joined" };
  assert.deepEqual(await a.events(3), [left, joined, { ...left, offline: true }]);
  assert.deepEqual((await one.events(4)).slice(1), [left, joined, left], "and one room is told as ever");
});

onRedis("rooms are the account's on every server", async (start) => {
  await using one = await start();
  await using two = await start();
  await using b = await two.login("b");
  await using a = await JsonClient.many(one, "a");
  await b.expect("a joined lobby");
  await a.ok("join", { room: "ops" });
  await using moved = await JsonClient.many(two, "a");
  assert.deepEqual(moved.session.rooms, ["lobby", "ops"]);
  assert.equal((await a.event()).code, "forced_logout");
  await moved.ok("say", { room: "ops", text: "x" });
  assert.equal(await b.ask("/who ops"), "Members of ops: a");
  await moved.ok("quit");
  await b.expect("a left lobby");
  assert.equal(await b.ask("/who ops"), "Members of ops: none");
});
