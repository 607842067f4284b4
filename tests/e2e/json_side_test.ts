/**
 * Side connections: scripts and bots beside whoever is logged in, on both stores.
 */

import assert from "node:assert/strict";
import { onEachStore } from "../support/server.ts";

onEachStore("a side connection is no session: it evicts nobody, and nobody sees it", async (start) => {
  await using server = await start({ DUPLICATE_LOGIN: "reject" });
  await using person = await server.login("a");
  await using b = await server.login("b");
  await person.expect("b joined lobby");
  await using side = await server.jsonLogin("a", { side: true });
  const { id: _, ...session } = side.session;
  assert.deepEqual(session, { type: "ok", user: "a", room: null, positions: {} });
  await using bot = await server.jsonLogin("c", { side: true });
  assert.equal(await b.ask("/users"), "Users online: a, b");
  assert.equal(await b.ask("/rooms"), "Available rooms: lobby(2)");
  assert.deepEqual((await bot.ok("users")).users, ["a", "b"]);
  assert.deepEqual((await bot.ok("whoami")).room, null);
  await side.ok("join", { room: "lobby" });
  await side.ok("quit");
  assert.equal(await person.ask("/whoami"), "a in lobby on server1");
});

onEachStore("a side connection says, publishes, sends and reads, and follows one room's events", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  await b.ask("/subscribe a");
  await using side = await server.jsonLogin("a", { side: true });
  await side.refused("say", { text: "where?" }, "usage");
  assert.equal((await side.ok("say", { text: "hi", room: "Lobby" })).topic, "room:lobby");
  await b.expect("a: hi");
  assert.equal((await side.ok("publish", { text: "news" })).subscribers, 1);
  await b.expect("Notification from a: news");
  assert.equal((await side.ok("msg", { to: "b", text: "psst" })).topic, "inbox:b");
  await b.expect("DM from a: psst");
  await side.refused("history", {}, "usage");
  assert.deepEqual((await side.ok("history", { room: "lobby" })).messages.length, 1);

  await side.ok("join", { room: "lobby" });
  assert.equal(await b.ask("in the lobby"), "b: in the lobby");
  assert.equal((await side.event()).text, "in the lobby");
  await side.ok("join", { room: "general" }); // one room at a time
  assert.equal(await b.ask("not for the side"), "b: not for the side");
  await b.ask("/join general");
  assert.deepEqual(await side.event(), { type: "presence", room: "general", user: "b", state: "joined" });
  await side.ok("leave");
  await b.ask("nor this");
  await side.ok("join", { room: "general" });
  await b.ask("but this");
  assert.equal((await side.event()).text, "but this");
});

onEachStore("a side connection may not do what takes a session", async (start) => {
  await using server = await start();
  await using side = await server.jsonLogin("a", { side: true });
  await side.refused("subscribe", { user: "b" }, "forbidden");
  await side.refused("unsubscribe", { user: "b" }, "forbidden");
  await side.refused("subs", {}, "forbidden");
  await side.refused("seen", { pos: "x" }, "forbidden");
  await side.refused("passwd", { old: "1", new: "long enough" }, "forbidden");
  await side.refused("history", { topic: "inbox:b" }, "forbidden");
  await side.ok("logout");
  await side.refused("users", {}, "login_required");
});
