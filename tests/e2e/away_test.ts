/** `/away` and `/me`, as people and programs see them, on both stores. */

import assert from "node:assert/strict";
import { Bot } from "../../lib/client/mod.ts";
import { chat } from "../support/chat.ts";
import { eventually, forcedOut, type Json, JsonClient } from "../support/client.ts";
import { every } from "../support/needs.ts";
import { processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { sharedRedis } from "../support/redis.ts";
import { onEachStore, onRedis, onSqlite, type Settings, test } from "../support/server.ts";

const told = "[SYSTEM] b is away: lunch";

onEachStore("/away is told to who writes privately, until the user is back", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  await using b = await server.login("b");
  await a.expect("b joined lobby");
  assert.equal(await b.ask("/away"), "You are back"); // nothing to come back from
  assert.equal(await b.ask("/away lunch"), "You are away: lunch");
  assert.equal(await a.ask("/msg B hi"), "DM to b: hi");
  await a.expect(told);
  await b.expect("DM from a: hi"); // and no more
  assert.equal(await a.ask("hello"), "a: hello"); // a room is told nothing
  await b.expect("a: hello");
  assert.equal(await b.ask("/AWAY  a \x1b[2J\u202ewalk\u0085 "), "You are away: a [2Jwalk");
  assert.equal(await a.ask("/msg b hi"), "DM to b: hi");
  await a.expect("[SYSTEM] b is away: a [2Jwalk");
  assert.equal(await a.ask("/users"), "Users online: a, b"); // as ever
  assert.equal(await a.ask("/who"), "Members of lobby: a, b");
  await b.expect("DM from a: hi");
  assert.equal(await b.ask("/away   "), "You are back");
  assert.equal(await a.ask("/msg b hi"), "DM to b: hi");
  assert.equal(await a.ask("/whoami"), "a in lobby on server1");
});

onEachStore("away in JSON: in the answer to msg, and in who and users for those who ask", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  const { id: _1, ...gone } = await b.ok("away", { text: "lunch" });
  assert.deepEqual(gone, { type: "ok", away: "lunch" });
  assert.equal((await a.ok("msg", { to: "B", text: "hi", cid: "x" })).away, "lunch");
  assert.equal((await a.ok("msg", { to: "b", text: "hi", cid: "x" })).away, "lunch"); // repeated
  assert.equal((await a.ok("msg", { to: "a", text: "note" })).away, undefined);
  assert.equal((await a.ok("say", { text: "hi" })).away, undefined);

  const states = [{ user: "a" }, { user: "b", away: "lunch" }];
  assert.deepEqual((await a.ok("users", { away: true })).users, states);
  assert.deepEqual((await a.ok("who", { away: true })).members, states);
  assert.deepEqual((await a.ok("who", { room: "nowhere", away: true })).members, []);
  for (const away of [false, null, undefined]) {
    assert.deepEqual((await a.ok("users", { away })).users, ["a", "b"]);
    assert.deepEqual((await a.ok("who", { away })).members, ["a", "b"]);
  }
  await a.refused("who", { away: "yes" }, "usage");

  await b.refused("away", { text: "" }, "usage");
  await b.refused("away", { text: " \x07 " }, "usage");
  await b.refused("away", { text: 1 }, "usage");
  await b.refused("away", { text: "é".repeat(201) }, "message_too_long");
  assert.equal((await a.ok("msg", { to: "b", text: "hi" })).away, "lunch"); // what is refused changes nothing
  assert.equal((await b.ok("away", { text: "é".repeat(200) })).away, "é".repeat(200));
  const { id: _2, ...back } = await b.ok("away", { text: null });
  assert.deepEqual(back, { type: "ok" });
  const { away } = await a.ok("msg", { to: "b", text: "hi" });
  assert.equal(away, undefined);
});

onEachStore("away lasts over a lost connection and another login, and ends with the last session", async (start) => {
  await using server = await start();
  await using asker = await server.jsonLogin("a");
  const away = async () => (await asker.ok("msg", { to: "b", text: "?" })).away;
  await using first = await server.jsonLogin("b");
  await first.ok("away", { text: "lunch" });
  first.drop();
  await using second = await JsonClient.open(server);
  assert.equal((await second.ok("resume", { token: first.session.resume })).user, "b");
  assert.equal(await away(), "lunch");

  // It is the account's: another login takes the session over, and may say that its user is back.
  await using third = await server.jsonLogin("b");
  assert.equal(await away(), "lunch");
  await third.ok("away");
  assert.equal(await away(), undefined);
  for (const last of ["logout", "quit"]) {
    await using one = await server.jsonLogin("b");
    await one.ok("away", { text: "lunch" });
    assert.equal(await away(), "lunch");
    await one.ok(last);
    assert.equal(await away(), undefined, last);
    await using next = await server.jsonLogin("b");
    assert.equal(await away(), undefined, `a login after ${last}`);
    await next.ok("logout");
  }
});

onEachStore("away ends when a text client is cut off", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.login("b");
  await b.ask("/away lunch");
  b.drop();
  await eventually(async () => (await a.ok("users")).users.length === 1, "b has left");
  assert.equal((await a.ok("msg", { to: "b", text: "hi" })).away, undefined);
});

onEachStore("a side connection says for its user's session that the user is away", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using side = await server.jsonLogin("b", { side: true });
  await side.refused("away", { text: "lunch" }, "forbidden");
  await side.ok("away");
  assert.equal((await a.ok("msg", { to: "b", text: "hi" })).away, undefined);
  await using _ = await server.jsonLogin("b");
  await side.ok("away", { text: "lunch" });
  assert.equal((await a.ok("msg", { to: "b", text: "hi" })).away, "lunch");
  await side.ok("away");
  assert.equal((await a.ok("msg", { to: "b", text: "hi" })).away, undefined);
});

onSqlite("Bot.away() says for its user's session that the user is away, and is back", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using _ = await server.jsonLogin("b");
  const servers = `localhost:${server.port}`;
  await using bot = await Bot.connect({ servers, ca: server.ca, user: "b", password: "1" });
  await bot.away("lunch");
  assert.equal((await a.ok("msg", { to: "b", text: "hi" })).away, "lunch");
  await bot.away();
  assert.equal((await a.ok("msg", { to: "b", text: "hi" })).away, undefined);
});

onRedis("away is told on every server", async (start) => {
  await using one = await start();
  await using two = await start();
  await using a = await one.login("a");
  await using b = await two.login("b");
  await a.expect("b joined lobby");
  await b.ask("/away lunch");
  assert.equal(await a.ask("/msg b hi"), "DM to b: hi");
  await a.expect(told);
  await using asker = await one.jsonLogin("c");
  assert.deepEqual((await asker.ok("users", { away: true })).users[1], { user: "b", away: "lunch" });
  await using elsewhere = await one.login("b");
  await b.until(forcedOut);
  assert.equal(await elsewhere.ask("/away"), "You are back");
});

/** A program is away, the server restarts, and the program resumes. */
async function awayOverRestart(settings: Settings): Promise<void> {
  await using folder = await temporaryFolder();
  let token: string;
  {
    await using server = await ServerProcess.start(folder.path, { DEMO_ACCOUNTS: "on", ...settings });
    await using b = await server.jsonLogin("b");
    await b.ok("away", { text: "lunch" });
    token = b.session.resume;
    assert.equal((await server.stop()).code, 0);
  }
  await using server = await ServerProcess.start(folder.path, { DEMO_ACCOUNTS: "on", ...settings });
  await using b = await JsonClient.open(server);
  await b.ok("resume", { token });
  await using a = await server.jsonLogin("a");
  assert.equal((await a.ok("msg", { to: "b", text: "hi" })).away, "lunch");
  const users: Json[] = (await a.ok("users", { away: true })).users;
  assert.deepEqual(users, [{ user: "a" }, { user: "b", away: "lunch" }]);
}

test("away is there again after a restart on SQLite, with the resume", () => awayOverRestart({}), processes);

test("away is there again after a restart on Redis, with the resume", async () => {
  await using place = sharedRedis.place();
  await awayOverRestart({ REDIS_URL: place.url, REDIS_PREFIX: place.prefix, SERVER_ID: "one" });
}, every(processes, sharedRedis));

onEachStore("/me says in the room what its user does", async (start) => {
  await using server = await start({ MAX_MESSAGE_BYTES: "100", FOLLOW_ROOM_MESSAGES: "on" });
  await using a = await server.login("a");
  await using b = await server.jsonLogin("b");
  await a.expect("b joined lobby");
  assert.equal(await a.ask("/me waves"), "a: * waves");
  assert.equal(await a.ask("/ME  /waves"), "a: *  /waves");
  assert.deepEqual((await b.events(2)).map(({ type, from, text }) => [type, from, text]), [
    ["message", "a", "* waves"],
    ["message", "a", "*  /waves"],
  ]);
  assert.match(await a.ask("/me"), /^\[ERROR\] usage: Usage: \/me <text>$/);
  assert.equal(await a.ask("//me waves"), "a: /me waves");
  assert.equal((await b.event()).text, "/me waves");

  const { id: _1, ...first } = await b.ok("me", { text: "waves back", cid: "x" });
  const { id: _2, ...again } = await b.ok("me", { text: "waves back", room: "lobby", cid: "x" });
  assert.deepEqual([Object.keys(first).sort(), again], [["seq", "time", "topic", "type"], first]);
  await a.expect("b: * waves back");
  assert.deepEqual([await b.event()].map(({ text, cid, seq }) => [text, cid, seq]), [["* waves back", "x", first.seq]]);
  await b.refused("me", { text: "waves", room: "general" }, "wrong_room");
  await b.refused("me", { text: " " }, "usage");
  await b.refused("me", { text: "x".repeat(99) }, "message_too_long");
  await b.ok("me", { text: "x".repeat(98) });
  await using side = await server.jsonLogin("b", { side: true });
  await side.refused("me", { text: "waves" }, "usage");
  assert.equal((await side.ok("me", { text: "waves", room: "lobby" })).topic, "room:lobby");
  await a.send("/history 1");
  assert.match((await a.until(/^\[\d/)).at(-1)!, / b: \* waves$/);
});

test("chat shows actions, and that who is written to is away", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, { DEMO_ACCOUNTS: "on" });
  await using b = await server.login("b");
  await b.ask("/away lunch");
  const at = ["-s", `localhost:${server.port}`, "--ca", server.caFile, "--user", "a"];
  const run = (args: readonly string[], input = "") => chat([...args, ...at], { env: { CHAT_PASSWORD: "1" }, input });
  const script = await run([], "/me waves\n/msg b hi\n/away a walk\n/away\n/history\n");
  const [said, ...rest] = script.out.slice(1);
  assert.deepEqual([said, ...rest.slice(0, 4)], [
    "* a waves",
    "DM to b: hi",
    told,
    "You are away: a walk",
    "You are back",
  ], script.err.join("\n"));
  assert.match(rest[4], /^\[.*Z\] \* a waves$/);
  const { out, err } = await run(["history", "--room", "lobby"]);
  assert.match(out.join("\n"), /^\[.*Z\] \* a waves$/, err.join("\n"));
}, processes);
