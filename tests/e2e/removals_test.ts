/**
 * Who is removed from a room is out of it on every device of every server from the answer on, whoever dies meanwhile; and
 * a private room is closed to whom it is closed. One server on SQLite, and two on one Redis.
 *
 * The changes are made in the store, as by a server that died right behind them: all that others do about it is done here.
 */

import assert from "node:assert/strict";
import type { RecordChange } from "../../lib/store/room_records.ts";
import { eventually, type Json, JsonClient } from "../support/client.ts";
import { onRedis, onSqlite, type Settings, type TestServer } from "../support/server.ts";

const share = { DUPLICATE_LOGIN: "share", MESSAGES_PER_SECOND: "1000" };

/** A test with one server, and with two that share their store. */
function onServers(name: string, settings: Settings, fn: (one: TestServer, two: TestServer) => Promise<void>): void {
  onSqlite(name, async (start) => {
    await using one = await start(settings);
    await fn(one, one);
  });
  onRedis(name, async (start) => {
    await using one = await start(settings);
    await using two = await start(settings);
    await fn(one, two);
  });
}

/** Changes a room's record, and does nothing of what a server does then. */
async function change({ store: { records } }: TestServer, room: string, step: RecordChange): Promise<void> {
  const { revision } = await records.read(room);
  assert.ok(await records.change(room, revision, step));
}

const kick = { kind: "kick", by: "a", user: "b", reason: "flooding" } as const;

const ban = { ...kick, kind: "ban" } as const;
const removedText = "[SYSTEM] a removed you from general: flooding";

/** All that a room's log has: who said what. */
async function logOf({ store }: TestServer, room: string): Promise<string[]> {
  const { entries } = await store.topics.read(`room:${room}`, { limit: 10_000 });
  return entries.map(({ from, text }) => `${from} ${text}`);
}

const said = (events: readonly Json[]) => events.filter(({ type }) => type === "message").map(({ text }) => text);

/** Cuts a client off, and waits until its server has noticed. */
async function cut(client: JsonClient, server: TestServer): Promise<void> {
  const before = server.service.connections;
  client.drop();
  await eventually(() => server.service.connections < before, "the server has noticed that a client went");
}

onServers("a ban holds for every device on every server, in the midst of a flood", share, async (one, two) => {
  await using a = await JsonClient.many(one, "a");
  await a.ok("join", { room: "general" });
  await using phone = await JsonClient.many(two, "b", { device: "phone" });
  await phone.ok("join", { room: "general" });
  await using text = await two.login("b");
  await text.ask("/join general");
  await using side = await two.jsonLogin("b", { side: true });
  await side.ok("join", { room: "general" });
  await a.ok("say", { room: "general", text: "before" });
  await text.until("a: before");

  let [posts, flooding] = [0, true];
  const flood = (async () => {
    for (; flooding; posts++) {
      for (const client of [phone, side]) client.post("say", { room: "general", text: `${posts}` });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  const goesOn = async (more: number) => {
    const from = posts;
    await eventually(() => posts >= from + more, "the flood goes on");
  };
  await goesOn(20);
  await change(one, "general", ban);
  const stored = await logOf(one, "general");
  await a.ok("say", { room: "general", text: "after" });
  await goesOn(20);
  flooding = false;
  await flood;
  for (const client of [phone, side]) {
    const codes: string[] = [];
    for (let n = 0; n < posts; n++) codes.push((await client.reply()).code ?? "ok");
    const refused = codes.slice(codes.lastIndexOf("ok") + 1);
    assert.ok(refused.length >= 20 && refused.length < posts, `${codes}`);
    assert.ok(refused.every((code) => code === "banned" || code === "wrong_room"), `${codes}`);
  }
  assert.deepEqual(await logOf(one, "general"), [...stored, "a after"], "nothing of b's was stored after the answer");
  assert.ok(stored.filter((words) => words.startsWith("b ")).length >= 20);

  await text.until(removedText);
  assert.equal(await text.ask("/whoami"), `b in lobby on ${two.service.id}`);
  assert.deepEqual((await phone.ok("whoami")).rooms, ["lobby"]);
  await a.ok("say", { room: "general", text: "after all" });
  await a.ok("say", { room: "lobby", text: "end" });
  await text.expect("a: end");
  for (const client of [phone, side]) {
    const events = await client.heard();
    assert.deepEqual(said(events).filter((words) => words.startsWith("after")), []);
  }
  await side.refused("say", { room: "general", text: "still?" }, "banned");
  for (const client of [phone, side]) await client.refused("join", { room: "general" }, "banned");
  assert.match(await text.ask("/join general"), /^\[ERROR\] banned: You are banned from general/);
  await side.refused("history", { room: "general" }, "banned");
  await phone.refused("history", { room: "general" }, "wrong_room");
  assert.deepEqual((await a.ok("who", { room: "general" })).members, ["a"]);
  const told = (await a.heard()).filter(({ type, room }) => type === "presence" && room === "general");
  assert.deepEqual(told.at(-1), {
    type: "presence",
    room: "general",
    user: "b",
    state: "left",
    by: "a",
    reason: "flooding",
  });
});

onServers("who is kicked is told on each device where that is now, and may come back", share, async (one, two) => {
  await using a = await JsonClient.many(one, "a");
  await a.ok("join", { room: "general" });
  await using phone = await JsonClient.many(two, "b", { device: "phone" });
  await phone.ok("join", { room: "general" });
  await using laptop = await two.jsonLogin("b", { device: "laptop" });
  await laptop.ok("join", { room: "general" });
  await using side = await one.jsonLogin("b", { side: true });
  await side.ok("join", { room: "general" });
  for (const client of [phone, laptop, side]) await client.heard();
  await change(one, "general", kick);
  const removed = { type: "removed", room: "general", by: "a", reason: "flooding", banned: false };
  assert.deepEqual(await side.event(), removed);
  assert.deepEqual(await phone.event(), removed);
  const { positions, ...rest } = await laptop.event();
  assert.deepEqual(rest, { ...removed, now: "lobby" });
  assert.deepEqual(Object.keys(positions), ["room:lobby"]);
  await phone.refused("say", { room: "general", text: "hm" }, "wrong_room");
  await laptop.ok("say", { text: "in the lobby" });
  assert.equal((await laptop.event()).topic, "room:lobby");

  await laptop.ok("join", { room: "general" });
  await phone.ok("join", { room: "general" });
  await side.ok("join", { room: "general" });
  for (const client of [phone, laptop, side]) await client.heard();
  await a.ok("say", { room: "general", text: "welcome back" });
  for (const client of [phone, laptop, side]) assert.equal((await client.event()).text, "welcome back");
  for (const client of [phone, laptop, side]) await client.ok("say", { room: "general", text: "thanks" });
  assert.deepEqual((await a.ok("who", { room: "general" })).members, ["a", "b"]);
  await a.heard();
  await change(one, "general", { ...ban, user: "c" });
  await phone.ok("say", { room: "general", text: "who?" });
  await eventually(async () => (await phone.heard()).some(({ text }) => text === "who?"), "it is said");
  await a.ok("say", { room: "general", text: "nobody left" });
  const told = await a.heard();
  assert.deepEqual(told.filter(({ type }) => type === "presence"), [], "c was not there");
  assert.deepEqual(said(told), ["who?", "nobody left"]);
});

onServers("a device that is away comes back to the lobby, or without the room", {}, async (one, two) => {
  await using a = await JsonClient.many(one, "a");
  await a.ok("join", { room: "general" });
  for (const many of [true, false]) {
    const fields = many ? { rooms: "many" } : {};
    await using b = await JsonClient.open(two, fields);
    const session = await b.ok("login", { user: "b", password: "1" });
    const joined = await b.ok("join", { room: "general" });
    await cut(b, two);
    await change(one, "general", kick);
    await a.ok("say", { room: "general", text: "without b" });
    await using back = await JsonClient.open(two, fields);
    const positions = { ...session.positions, ...joined.positions };
    const again = await back.ok("resume", { token: session.resume, positions });
    assert.deepEqual(again.rooms ?? again.room, many ? ["lobby"] : "lobby");
    assert.deepEqual(Object.keys(again.positions).filter((topic) => topic.startsWith("room:")), ["room:lobby"]);
    assert.deepEqual(said(await back.heard()), []);
    await back.refused("history", { room: "general" }, "wrong_room");
    assert.deepEqual((await a.ok("who", { room: "general" })).members, ["a"]);
    await back.ok("quit");
  }
});

onServers(
  "a set of rooms has one fewer at the next login, also after a login that is in one room",
  {},
  async (one, two) => {
    await using a = await JsonClient.many(one, "a");
    await a.ok("join", { room: "general" });
    {
      await using b = await JsonClient.many(two, "b");
      await b.ok("join", { room: "general" });
      await b.ok("quit");
    }
    await change(one, "general", kick);
    {
      await using b = await two.login("b");
      assert.equal(await b.ask("/join general"), "Joined room general");
      await b.ask("/quit");
    }
    await using b = await JsonClient.many(two, "b");
    assert.deepEqual(b.session.rooms, ["lobby"]);
  },
);

onServers("a private room is closed to who is not on its list", { FOLLOW_ROOM_MESSAGES: "on" }, async (one, two) => {
  await using a = await JsonClient.many(one, "a");
  await a.ok("join", { room: "den" });
  await using c = await JsonClient.many(two, "c");
  await c.ok("subscribe", { user: "a" });
  await using side = await two.jsonLogin("c", { side: true });
  await side.ok("join", { room: "den" });
  await a.ok("say", { room: "den", text: "open" });
  assert.equal((await side.event()).text, "open");
  assert.deepEqual((await c.ok("rooms")).rooms.map(({ room }: Json) => room), ["den", "lobby"]);
  const bytes = new TextEncoder().encode("x");
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  const { file } = await a.ok("upload", { room: "den", name: "x", size: 1, sha256 });
  await a.ok("chunk", { file, n: 0, data: btoa("x") });
  await side.ok("download", { file, n: 0 });

  await change(one, "den", { kind: "private", by: "a", on: true });
  assert.equal((await side.event()).type, "removed");
  await a.ok("say", { room: "den", text: "secret" });
  for (const client of [c, side]) {
    assert.deepEqual((await client.ok("rooms")).rooms.map(({ room }: Json) => room), ["lobby"]);
    await client.refused("join", { room: "den" }, "invite_only");
    await client.refused("history", { room: "den" }, "invite_only");
    await client.refused("who", { room: "den" }, "invite_only");
    await client.refused("download", { file, n: 0 }, "invite_only");
  }
  await side.refused("upload", { room: "den", name: "y", size: 0, sha256 }, "invite_only");
  assert.deepEqual((await a.ok("rooms")).rooms.map(({ room }: Json) => room), ["den", "lobby"]);
  assert.deepEqual((await a.ok("who", { room: "den" })).members, ["a"]);
  assert.deepEqual(said(await side.heard()), []);
  await a.ok("publish", { text: "news" });
  await eventually(
    async () => (await c.ok("history", { topic: "feed:a" })).messages.at(-1)?.text === "news",
    "it is there",
  );
  const { messages } = await c.ok("history", { topic: "feed:a" });
  assert.deepEqual(
    messages.map(({ text }: Json) => text),
    ["open", "news"],
    "nothing of a private room goes to a feed",
  );

  await change(one, "den", { kind: "invite", by: "a", user: "c" });
  for (let login = 0; login < 2; login++) {
    await using again = await JsonClient.many(two, "c");
    assert.deepEqual(await again.event(), { type: "invited", room: "den", by: "a" }, "told at each login");
  }
  await using again = await JsonClient.many(two, "c");
  await again.event();
  await again.ok("join", { room: "den" });
  await again.ok("say", { room: "den", text: "I am in" });
  assert.deepEqual((await again.ok("history", { room: "den" })).messages.map(({ text }: Json) => text), [
    "open",
    "secret",
    "I am in",
  ]);
  assert.deepEqual((await again.ok("rooms")).rooms.map(({ room }: Json) => room), ["den", "lobby"]);
  await side.ok("history", { room: "den" });
  await using after = await JsonClient.many(two, "c");
  assert.deepEqual(after.session.rooms, ["den", "lobby"]);
  assert.deepEqual((await after.heard()).filter(({ type }) => type === "invited"), [], "it was used");
});

onServers("the server's moderators enter and read every room", {}, async (one, two) => {
  await using a = await JsonClient.many(one, "a");
  await a.ok("join", { room: "den" });
  await change(one, "den", { kind: "private", by: "a", on: true });
  await one.store.admin.setRole("c", "moderator");
  await using c = await JsonClient.many(two, "c");
  await c.ok("who", { room: "den" });
  assert.deepEqual((await c.ok("rooms")).rooms.map(({ room }: Json) => room), ["den", "lobby"]);
  await c.ok("join", { room: "den" });
  await c.ok("say", { room: "den", text: "the law" });
  await a.ok("say", { room: "den", text: "hello" });
  assert.deepEqual(said(await c.heard()), ["the law", "hello"]);
  await using side = await two.jsonLogin("c", { side: true });
  await side.ok("history", { room: "den" });
});
