/** Rooms with an owner: what is typed and asked, what the sender and others get, on one server and on two. */

import assert from "node:assert/strict";
import { JsonClient } from "../support/client.ts";
import { onRedis, onSqlite, type Settings, type TestServer } from "../support/server.ts";

const settings = { DUPLICATE_LOGIN: "share", MESSAGES_PER_SECOND: "1000" };

/** A test with one server, and with two that share their store. */
function onServers(name: string, fn: (one: TestServer, two: TestServer) => Promise<void>, more: Settings = {}): void {
  onSqlite(name, async (start) => {
    await using one = await start({ ...settings, ...more });
    await fn(one, one);
  });
  onRedis(name, async (start) => {
    await using one = await start({ ...settings, ...more });
    await using two = await start({ ...settings, ...more });
    await fn(one, two);
  });
}

/** Gives a room to somebody, as an operator does. */
async function give({ store: { records } }: TestServer, room: string, user: string): Promise<void> {
  const { revision } = await records.read(room);
  assert.ok(await records.change(room, revision, { kind: "owner", user, by: "operator" }));
}

onServers("people look after a room in the words of the protocol", async (one, two) => {
  await using a = await one.login("a");
  await using b = await two.login("b");
  await a.until("b joined lobby");
  await a.ask("/join general");
  await b.send("/join general");
  await b.until("Joined room general");
  await a.until("b joined general");
  await give(one, "general", "a");
  for (const who of [a, b]) await who.until("[SYSTEM] operator made a the owner of general");

  assert.equal(await a.ask("/topic"), "Topic of general: none");
  assert.equal(await a.ask("/topic plans for May"), "Topic of general: plans for May");
  await b.expect("[SYSTEM] a set the topic of general: plans for May");
  assert.equal(await b.ask("/topic"), "Topic of general: plans for May");
  assert.match(
    await b.ask("/topic mine"),
    /^\[ERROR\] forbidden: Only its owner a may do that in general$|Only the owner/,
  );

  assert.equal(await a.ask("/op b"), "b is a moderator of general");
  await b.expect("[SYSTEM] a made you a moderator of general");
  assert.equal(await b.ask("/room"), "Room general: owner a; moderators b; topic plans for May");
  assert.match(await b.ask("/kick a"), /^\[ERROR\] forbidden: a is the owner of general/);
  assert.match(await b.ask("/kick b"), /^\[ERROR\] forbidden: You cannot do that to yourself$/);
  assert.equal(await a.ask("/deop b"), "b is no moderator of general");
  await b.expect("[SYSTEM] a made you no moderator of general any more");

  assert.equal(await a.ask("/mute b 10m"), "Muted b in general for 10m");
  await b.expect("[SYSTEM] a muted you in general for 10m");
  assert.equal(await a.ask("/room"), "Room general: owner a; topic plans for May; muted b");
  assert.equal(await a.ask("/unmute b"), "Unmuted b in general");
  await b.expect("[SYSTEM] a unmuted you in general");
  assert.equal(await a.ask("/mute b"), "Muted b in general");
  await b.expect("[SYSTEM] a muted you in general");
  assert.equal(await a.ask("/unmute b"), "Unmuted b in general");
  await b.expect("[SYSTEM] a unmuted you in general");

  assert.equal(await a.ask("/slow 10s"), "Slow mode of general: 10s");
  await b.expect("[SYSTEM] a set the slow mode of general: 10s");
  assert.equal(await a.ask("/slow off"), "Slow mode of general: off");
  await b.expect("[SYSTEM] a set the slow mode of general: off");

  assert.equal(await a.ask("/kick b spam"), "Removed b from general");
  await b.expect("[SYSTEM] a removed you from general: spam");
  assert.match(await a.ask("/kick b"), /^\[ERROR\] wrong_room: b is not in general$/);
  assert.equal(await b.ask("/join general"), "Joined room general");
  await a.expect("b joined general");
  assert.equal(await a.ask("/ban b"), "Banned b from general");
  await b.expect("[SYSTEM] a removed you from general");
  assert.match(await b.ask("/join general"), /^\[ERROR\] banned: /);
  assert.match(await a.ask("/invite b"), /^\[ERROR\] forbidden: b is banned from general$/);
  assert.equal(await a.ask("/unban b"), "Unbanned b from general");

  assert.equal(await a.ask("/private on"), "general is private");
  assert.match(await b.ask("/join general"), /^\[ERROR\] invite_only: /);
  assert.equal(await a.ask("/invite b"), "Invited b to general");
  await b.expect("[SYSTEM] a invites you to general");
  assert.equal(await a.ask("/uninvite b"), "Uninvited b from general");
  assert.match(await b.ask("/join general"), /^\[ERROR\] invite_only: /);
  await a.ask("/invite b");
  await b.expect("[SYSTEM] a invites you to general");
  assert.equal(await b.ask("/join general"), "Joined room general");
  await a.expect("b joined general");
  assert.equal(await a.ask("/owner b"), "b owns general");
  await b.expect("[SYSTEM] a made b the owner of general");
  assert.equal(await b.ask("/private off"), "general is public");
  await a.expect("[SYSTEM] b made general public");
  assert.match(await a.ask("/private on"), /^\[ERROR\] forbidden: Only its owner b may do that in general$/);
  assert.match(await a.ask("/ban nobody"), /^\[ERROR\] (forbidden|unknown_user): /);
  assert.match(await b.ask("/ban nobody"), /^\[ERROR\] unknown_user: There is no user nobody$/);
  assert.match(await b.ask("/mute a soon"), /^\[ERROR\] usage: "for" must be a number with s, m, h or d/);
  assert.match(await b.ask("/private maybe"), /^\[ERROR\] usage: "on" must be on or off$/);
});

onServers("programs name the room, and are told what has changed", async (one, two) => {
  await using a = await JsonClient.many(one, "a");
  await using b = await JsonClient.many(two, "b");
  for (const who of [a, b]) await who.ok("join", { room: "general" });
  await give(one, "general", "a");
  const reply = async (cmd: string, fields: Record<string, unknown>) => {
    const { type: _, id: __, ...rest } = await a.ok(cmd, { room: "general", ...fields });
    return rest;
  };
  const about = { room: "general", user: "b" };
  assert.deepEqual(await reply("topic", { text: "plans" }), { room: "general", topic: "plans" });
  assert.deepEqual(await reply("op", { user: "B" }), about);
  assert.deepEqual(await reply("deop", { user: "b" }), about);
  assert.deepEqual(await reply("mute", { user: "b", for: 600 }), { ...about, for: 600 });
  assert.deepEqual(await reply("unmute", { user: "b" }), about);
  assert.deepEqual(await reply("slow", { for: 10 }), { room: "general", slow: 10 });
  assert.deepEqual(await reply("topic", { text: "" }), { room: "general", topic: "" });
  assert.deepEqual(await reply("private", { on: true }), { room: "general", private: true });
  assert.deepEqual(await reply("invite", { user: "c" }), { room: "general", user: "c" });
  assert.deepEqual(await reply("room", {}), {
    ...{ room: "general", owner: "a", moderators: [], private: true, topic: "", banned: [], muted: [], slow: 10 },
  });
  const events: Record<string, unknown>[] = [];
  while (events.length < 8) {
    const event = await b.event();
    if (event.type === "room_changed" && event.by === "a") events.push(event);
  }
  const changed = { type: "room_changed", room: "general", by: "a" };
  assert.deepEqual(events.sort((x, y) => String(x.change) < String(y.change) ? -1 : 1).map(({ change }) => change), [
    ...["deop", "mute", "op", "private", "slow", "topic", "topic", "unmute"],
  ]);
  assert.deepEqual(events.find(({ change }) => change === "mute"), {
    ...changed,
    change: "mute",
    user: "b",
    value: 600,
  });
  assert.deepEqual(events.find(({ change }) => change === "private"), { ...changed, change: "private", value: true });
  await a.refused("topic", { text: "x" }, "usage");
  await a.refused("topic", { room: "nowhere", text: "x" }, "forbidden");
  await a.refused("kick", { room: "lobby", user: "b" }, "forbidden");
  await b.refused("room", { room: "nowhere" }, "wrong_room");
});

onServers("a report goes to those who look after the room, and is kept with what was said", async (one, two) => {
  await one.store.admin.setRole("e", "moderator");
  await using a = await one.login("a");
  await using e = await two.login("e");
  await using f = await JsonClient.login(two, "f");
  await using b = await JsonClient.many(two, "b");
  await using c = await JsonClient.many(one, "c");
  await a.send("/join general");
  await a.until("Joined room general");
  for (const who of [b, c]) await who.ok("join", { room: "general" });
  await give(one, "general", "a");
  for (const n of [1, 2, 3, 4, 5, 6]) {
    await b.ok("say", { room: "general", text: `grr ${n}` });
    await c.ok("say", { room: "general", text: `please, ${n}` });
  }
  await c.refused("report", { room: "general", user: "b" }, "usage");
  await c.refused("report", { room: "general", user: "nobody", reason: "x" }, "unknown_user");
  await f.refused("report", { room: "general", user: "b", reason: "x" }, "wrong_room");
  await c.ok("report", { room: "general", user: "B", reason: "rude" });
  const said = [2, 3, 4, 5, 6].map((n) => `b: grr ${n}`);
  for (const who of [a, e]) {
    await who.until("[SYSTEM] c reported b in general: rude");
    const lines = (await who.lines(5)).map((line) => line.replace(/^\[\d{4}-\d\d-\d\dT[\d:]+Z\] /, ""));
    assert.deepEqual(lines, said);
  }
  const [{ time: _, messages, ...report }] = await two.store.reports.list();
  assert.deepEqual(report, { id: 1, room: "general", by: "c", user: "b", reason: "rude" });
  assert.deepEqual(messages.map(({ from, text }) => `${from}: ${text}`), said);
  await f.ok("say", { text: "nothing was told to f" });
  for (;;) {
    const event = await f.event();
    assert.notEqual(event.code, "report");
    if (event.type === "message") break;
  }
});

onServers("an admin tells everybody something, and nobody else does", async (one, two) => {
  await one.store.admin.setRole("e", "moderator");
  await one.store.admin.setRole("f", "admin");
  await using e = await one.login("e");
  await using f = await two.login("f");
  await using b = await JsonClient.many(one, "b");
  await e.send("/announce me first");
  await e.until("[ERROR] forbidden: Only admins may do that");
  await f.send("/announce The server is restarted at noon.");
  await f.until("Announced");
  await e.until("[SYSTEM] The server is restarted at noon.");
  for (;;) {
    const event = await b.event();
    if (event.type !== "system") continue;
    assert.deepEqual(event, {
      type: "system",
      code: "announcement",
      message: "The server is restarted at noon.",
    });
    break;
  }
});
