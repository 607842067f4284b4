/**
 * The JSON lines format: every command's reply, every event's shape, and what programs rely on, on both stores.
 */

import assert from "node:assert/strict";
import { allCommands } from "../../lib/server/commands/all.ts";
import { type Json, JsonClient } from "../support/client.ts";
import { onEachStore, onSqlite } from "../support/server.ts";

/** The same value with what differs from run to run replaced by what it is. */
function shape(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, value) => {
    if (key === "time" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)) return "<time>";
    if (key === "pos" || /^(room|feed|inbox):/.test(key)) return typeof value === "string" ? "<pos>" : value;
    if (key === "resume" && typeof value === "string" && value.length > 30) return "<token>";
    return value;
  });
}

onEachStore(
  "HELLO answers with version, formats and limits; an unknown version with those there are",
  async (start) => {
    await using server = await start({ MAX_LINE_BYTES: "9000", MAX_MESSAGE_BYTES: "1000" });
    await using client = await JsonClient.dial(server) as JsonClient;
    await client.lines(2);
    const unknown = JSON.parse(await client.ask('HELLO {"format":"json","version":99}')) as Json;
    assert.equal(unknown.type, "error");
    assert.deepEqual(unknown.versions, [1]);
    const { limits, ...hello } = JSON.parse(await client.ask('hello {"format":"json","client":"x/1"}')) as Json;
    assert.deepEqual(hello, { type: "hello", version: 1, server: "server1", formats: ["text", "json"] });
    assert.deepEqual(limits, {
      line_bytes: 9000,
      message_bytes: 1000,
      history: 500,
      id_length: 64,
      file_bytes: 16_777_216,
      file_chunk_bytes: 49_152,
      devices: 16,
    });
  },
);

onEachStore("every command's reply has its fields, and nothing else", async (start) => {
  await using server = await start();
  await using a = await server.json();
  await using b = await server.jsonLogin("b");
  const used = new Set<string>(["hello", "resume", "quit"]); // tested apart, and at the end
  for (const apart of ["code", "totp", "invitation"]) used.add(apart); // two_factor_test.ts, invitations_test.ts
  const replies = async (cmd: string, fields: Json, expected: Json) => {
    used.add(cmd);
    const { type, id: _, ...reply } = await a.request(cmd, fields);
    assert.deepEqual({ cmd, type, ...shape(reply) as Json }, { cmd, type: "ok", ...expected });
  };
  const lobby = { "room:lobby": "<pos>" };
  const accepted = (topic: string, seq: number) => ({ topic, seq, time: "<time>" });

  const eve = { user: "Eve", password: "long enough" };
  const entered = { user: "Eve", room: "lobby", resume: "<token>", positions: { ...lobby, "inbox:eve": "<pos>" } };
  await replies("register", eve, entered);
  await replies("logout", {}, {});
  await replies("login", { ...eve, user: "eve" }, entered);
  await replies("whoami", {}, { user: "Eve", room: "lobby", server: "server1" });
  await replies("join", { room: "General" }, { room: "general", positions: { "room:general": "<pos>" } });
  await replies("rooms", {}, { rooms: [{ room: "general", members: 1 }, { room: "lobby", members: 1 }] });
  await replies("users", {}, { users: ["Eve", "b"] });
  await replies("who", {}, { room: "general", members: ["Eve"] });
  await replies("who", { room: "LOBBY" }, { room: "lobby", members: ["b"] });
  await replies("away", { text: "lunch" }, { away: "lunch" });
  await replies("users", { away: true }, { users: [{ user: "Eve", away: "lunch" }, { user: "b" }] });
  await replies("who", { away: true }, { room: "general", members: [{ user: "Eve", away: "lunch" }] });
  await replies("away", {}, {});
  await replies("leave", {}, { room: "lobby", positions: lobby });
  await replies("subscribe", { user: "B" }, { user: "b", positions: { "feed:b": "<pos>" } });
  await replies("subs", {}, { subscriptions: ["b"] });
  await replies("say", { text: "one", cid: "c1" }, accepted("room:lobby", 1));
  await replies("say", { text: "two", room: "lobby" }, accepted("room:lobby", 2));
  await replies("publish", { text: "news" }, { ...accepted("feed:eve", 1), subscribers: 0 });
  await replies("msg", { to: "B", text: "hi" }, { ...accepted("inbox:b", 1), to: "b", text: "hi" });
  const said = (seq: number, text: string) => ({
    type: "message",
    ...accepted("room:lobby", seq),
    from: "Eve",
    text,
    pos: "<pos>",
  });
  await replies("me", { text: "waves", room: "lobby" }, accepted("room:lobby", 3));
  await replies("history", { n: 1 }, { messages: [said(3, "* waves")] });
  await replies("history", { before: 3 }, { messages: [{ ...said(1, "one"), cid: "c1" }, said(2, "two")] });
  await replies("history", { n: 1, before: 3 }, { messages: [said(2, "two")] });
  await replies("history", { room: "lobby", before: 2 }, { messages: [{ ...said(1, "one"), cid: "c1" }] });
  await replies("history", { topic: "room:Lobby", before: 1 }, { messages: [] });
  const direct = { type: "direct", ...accepted("inbox:b", 1), from: "Eve", to: "b", text: "hi", pos: "<pos>" };
  await replies("history", { user: "b" }, { messages: [direct] });
  await replies("history", { topic: "inbox:eve" }, { messages: [] });
  await replies("talks", {}, { talks: [{ user: "b", pos: "<pos>", time: "<time>", unread: 0 }] });
  await replies("unsubscribe", { user: "b" }, { user: "b" });
  await replies("block", { user: "B" }, { user: "b" });
  await replies("blocks", {}, { blocks: ["b"] });
  await replies("unblock", { user: "b" }, { user: "b" });
  await replies("messages", { from: "contacts" }, { from: "contacts" });
  await b.ok("msg", { to: "eve", text: "from a contact" });
  await using h = await server.jsonLogin("h", { side: true });
  const { id: _0, ...waits } = await h.ok("msg", { to: "eve", text: "psst" });
  assert.deepEqual(waits, {
    type: "ok",
    topic: "inbox:eve",
    seq: 0,
    time: waits.time,
    waiting: true,
    to: "Eve",
    text: "psst",
  });
  await replies("requests", {}, { requests: ["h"] });
  await replies("accept", { user: "H" }, { user: "h" });
  await a.refused("decline", { user: "h" }, "unknown_user");
  used.add("decline");
  await replies("messages", {}, { from: "contacts" });
  const inLobby = { topic: "room:lobby", seq: 2 };
  await replies("delete", inLobby, { ...inLobby, user: "Eve" });
  const { positions } = await b.ok("subscribe", { user: "eve" });
  await replies("join", { room: "Plans" }, { room: "plans", positions: { "room:plans": "<pos>" } });
  const { revision } = await server.store.records.read("plans");
  await server.store.records.change("plans", revision, { kind: "owner", user: "Eve", by: "operator" });
  const about = { room: "plans", user: "b" };
  await replies("topic", { text: "May" }, { room: "plans", topic: "May" });
  await replies("private", { on: true }, { room: "plans", private: true });
  await replies("slow", { for: 10 }, { room: "plans", slow: 10 });
  await replies("op", { user: "B" }, about);
  await replies("deop", { user: "b" }, about);
  await replies("invite", { user: "b" }, about);
  await replies("uninvite", { user: "b" }, about);
  await replies("mute", { user: "b", for: 600 }, { ...about, for: 600 });
  await replies("ban", { user: "b", reason: "spam" }, about);
  await replies("room", {}, {
    ...{ room: "plans", owner: "Eve", moderators: [], private: true, topic: "May" },
    ...{ banned: ["b"], muted: ["b"], slow: 10 },
  });
  await replies("unmute", { user: "b" }, about);
  await replies("unban", { user: "b" }, about);
  await replies("private", { on: false }, { room: "plans", private: false });
  await b.ok("join", { room: "plans" });
  await replies("report", { user: "b", reason: "rude" }, about);
  await replies("kick", { user: "b" }, about);
  await replies("owner", { user: "b" }, about);
  await replies("leave", {}, { room: "lobby", positions: lobby });
  await server.store.admin.setRole("Eve", "admin");
  await replies("announce", { text: "Soon." }, {});
  await replies("seen", { pos: positions["feed:eve"] }, {}); // of another topic: of no effect
  used.add("upload").add("key").add("devices"); // their answers have something of their own
  const sha256 = "0f".repeat(32);
  const { id: _1, ...begun } = await a.ok("upload", { name: "x.txt", size: 3, sha256, room: "Lobby" });
  const { file, expires } = begun;
  assert.deepEqual(begun, { type: "ok", file, have: 0, chunk_bytes: 49_152, expires });
  assert.ok(Math.abs(Date.parse(expires) - Date.now() - 7 * 24 * 3600 * 1000) < 60_000, expires);
  await replies("chunk", { file, n: 0, data: "SGkh" }, { have: 1 });
  await replies("download", { file, n: 0 }, { n: 0, data: "SGkh" });
  await replies("withdraw", { file }, { file });
  const key = `${"A".repeat(42)}E`;
  const { id: _2, ...announced } = await a.ok("key", { public: key });
  const { version, keys: [{ added }] } = announced;
  assert.deepEqual(announced, { type: "ok", user: "Eve", keys: [{ public: key, added }], version });
  assert.match(version, /^[\w-]{12}$/);
  await replies("keys", { user: "eve" }, { user: "Eve", keys: [{ public: key, added }], version });
  const { version: none } = await a.ok("keys", { user: "b" });
  await replies("unkey", { public: key }, { user: "Eve", keys: [], version: none });
  const { devices: [{ since, client, ...line }, ...others] } = await a.ok("devices");
  assert.deepEqual(line, { device: "default", server: "server1", here: true, side: false });
  assert.deepEqual([others, typeof client], [[], "string"]);
  assert.match(since, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  await replies("revoke", { device: "all" }, { device: "all", revoked: [] });
  const { token, ...named } = await a.ok("token", { do: "new", name: "ci", scopes: "say:room:ops", for: 60 });
  assert.deepEqual([named.name, /^chat_[\w-]{43}$/.test(token)], ["ci", true]);
  const { tokens: [{ created, until: over, ...listed }] } = await a.ok("tokens");
  assert.deepEqual(listed, { name: "ci", scopes: ["say"], topics: ["room:ops"], used: null });
  assert.equal(Date.parse(over) - Date.parse(created), 60_000);
  used.add("tokens");
  await replies("token", { do: "revoke", name: "ci" }, { name: "ci" });
  await replies("passwd", { old: eve.password, new: "another one" }, { resume: "<token>" });
  await replies("pong", {}, {});
  used.add("delete_account"); // the last answer: it has a test of its own
  const { help } = allCommands.find(({ name }) => name === "join")!;
  await replies("help", { command: "j" }, {
    commands: [{
      name: "join",
      aliases: ["j"],
      arguments: [{ name: "room", kind: "room", optional: false }],
      help,
      typed: true,
    }],
  });
  assert.equal((await a.ok("help")).commands.length, allCommands.length);
  assert.deepEqual(allCommands.map(({ name }) => name).filter((name) => !used.has(name)), []);
  await replies("quit", {}, {});
  await a.expectEnd();
});

onEachStore("events have their fields, and presence is never told to its subject", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  assert.deepEqual(await a.event(), { type: "presence", room: "lobby", user: "b", state: "joined" });
  await b.ok("subscribe", { user: "a" });
  await a.ok("say", { text: "hi", cid: "x1" });
  await a.ok("publish", { text: "news", cid: "x2" });
  await a.ok("msg", { to: "B", text: "psst", cid: "x3" });
  const from = { seq: 1, from: "a", time: "<time>", pos: "<pos>" };
  const message = { type: "message", topic: "room:lobby", ...from, text: "hi", cid: "x1" };
  assert.deepEqual(shape(await a.event()), message); // a sender gets its own, as everybody does
  assert.deepEqual(shape(await b.events(3)), [
    message,
    { type: "notification", topic: "feed:a", ...from, text: "news", cid: "x2" },
    { type: "direct", topic: "inbox:b", ...from, to: "b", text: "psst", cid: "x3" },
  ]);
  await b.ok("join", { room: "general" });
  assert.deepEqual(await a.event(), { type: "presence", room: "lobby", user: "b", state: "left" });
  await using _ = await server.login("a");
  assert.deepEqual(await a.event(), {
    type: "system",
    code: "forced_logout",
    message: "Logged in from another location.",
  });
  await a.expectEnd();
});

onEachStore("replies come in request order, however the requests are sent", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  await using client = await server.jsonLogin("a");
  const cycle = [
    { cmd: "say", text: "hi" },
    { cmd: "publish", text: "hi" },
    { cmd: "whoami" },
    { cmd: "nonsense" },
    { cmd: "msg", to: "a", text: "hi" },
    { cmd: "join", room: "#" },
    { cmd: "history", n: 1 },
    { cmd: "leave" },
  ];
  const requests = Array.from({ length: 100 }, () => cycle).flat();
  const says = Array.from({ length: 600 }, () => ({ cmd: "say", text: "more" }));
  const all = [...requests, ...says].map((request, index) => JSON.stringify({ id: `r${index}`, ...request }));
  await client.send(...all);
  for (let index = 0; index < all.length; index++) assert.equal((await client.reply()).id, `r${index}`);
});

onEachStore("a cid that is known gets the first answer, and its message comes once", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  await b.ok("subscribe", { user: "a" });
  const { id: _1, ...first } = await a.ok("say", { text: "hi", cid: "same" });
  const { id: _2, ...again } = await a.ok("say", { text: "hi again", cid: "same" });
  assert.deepEqual(again, first);
  assert.equal((await a.ok("publish", { text: "elsewhere", cid: "same" })).topic, "feed:a"); // known by topic
  assert.equal((await b.ok("say", { text: "mine", cid: "same" })).seq, 2); // and by user
  a.drop();
  await using back = await server.jsonLogin("a");
  const { id: _3, ...later } = await back.ok("say", { text: "hi", cid: "same" });
  assert.deepEqual(later, first);
  await back.ok("say", { text: "the last" });
  const room = (await b.events(4)).filter(({ topic }) => topic === "room:lobby");
  assert.deepEqual(room.map(({ text }) => text), ["hi", "mine", "the last"]);
});

onEachStore("a private message is unread until it is seen", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  const texts = (events: Json[]) => events.map(({ text }) => text);
  await a.ask("/msg b 1");
  await a.ask("/msg b 2");
  await a.ask("/msg b 3");
  {
    await using b = await server.jsonLogin("b");
    assert.deepEqual(texts(await b.events(3)), ["1", "2", "3"]);
    await b.ok("logout");
  }
  {
    await using b = await server.jsonLogin("b");
    const unread = await b.events(3);
    assert.deepEqual(texts(unread), ["1", "2", "3"]); // again, as they were not marked
    await b.ok("seen", { pos: unread[1].pos });
    await b.ok("seen", { pos: unread[0].pos }); // never goes back
    await b.refused("seen", { pos: "nonsense" }, "usage");
    await b.ok("logout");
  }
  await using b = await server.jsonLogin("b");
  assert.deepEqual(texts([await b.event()]), ["3"]);
});

onEachStore("wrong_room is the answer where the sender is not in the room that it names", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await a.refused("say", { text: "hi", room: "general" }, "wrong_room");
  await a.ok("join", { room: "general" });
  await a.refused("say", { text: "hi", room: "lobby" }, "wrong_room");
  await a.ok("say", { text: "hi", room: "General" });
  await a.refused("history", { room: "lobby" }, "wrong_room");
  await a.refused("history", { topic: "inbox:b" }, "forbidden");
  await a.refused("history", { topic: "feed:b" }, "forbidden");
  await a.ok("subscribe", { user: "b" });
  await a.ok("history", { topic: "feed:b" });
});

onEachStore("requests are judged as the protocol says, with their id where they have one", async (start) => {
  await using server = await start();
  await using client = await server.json();
  const asked = async (line: string) => JSON.parse(await client.ask(line)) as Json;
  const refused = async (line: string, code: string, id?: unknown) => {
    const reply = await asked(line);
    assert.deepEqual([reply.type, reply.code, reply.id], ["error", code, id], line.slice(0, 100));
  };
  await refused('{"id":1', "invalid_json");
  for (const line of ["null", "1", '"hi"', "[]", "[{}]", "hello"]) await refused(line, "invalid_json");
  await refused('{"id":"x"}', "usage", "x");
  await refused('{"id":{"not":"an id"},"cmd":"whoami"}', "usage");
  await refused('{"cmd":"whoami"}', "login_required");
  await refused('{"id":0,"cmd":"say","text":"hi"}', "login_required", 0);
  await refused('{"id":2,"cmd":"login","user":"a"}', "usage", 2);
  await refused('{"id":3,"cmd":"login","user":"a","password":1}', "usage", 3);
  await refused(`{"id":4,"cmd":"whoami","pad":"${"x".repeat(8192)}"}`, "line_too_long", 4);
  const reply = await asked('{"id":"é","cmd":"LOGIN","user":"a","password":"1","from":"tomorrow","__proto__":{}}');
  assert.deepEqual([reply.type, reply.id, reply.user], ["ok", "é", "a"]); // unknown fields are ignored
  await refused('{"id":5,"cmd":"login","user":"b","password":"1"}', "already_authenticated", 5);
  await refused('{"id":6,"cmd":"resume","token":"x"}', "already_authenticated", 6);
  await refused('HELLO {"format":"text"}', "already_authenticated");
  await refused('{"id":7,"cmd":"constructor"}', "unknown_command", 7);
  await refused('{"id":8,"cmd":"say","text":""}', "usage", 8);
  await refused(`{"id":9,"cmd":"say","text":"hi","cid":"${"c".repeat(65)}"}`, "usage", 9);
  await refused('{"id":10,"cmd":"seen","pos":7}', "usage", 10);
  await refused(`{"id":11,"cmd":"whoami","pad":"${"x".repeat(8192)}"}`, "line_too_long", 11);
  await refused(`{"id":12,"cmd":"whoami","pad":"${"x".repeat(70_000)}"}`, "line_too_long"); // longer than any may be
  assert.equal((await asked('{"cmd":"who"}')).id, undefined);
});

onSqlite("a JSON client that is silent is pinged, and closed when it stays so", async (start) => {
  const now = performance.now.bind(performance);
  let ahead = 0;
  performance.now = () => now() + ahead;
  using _ = { [Symbol.dispose]: () => void (performance.now = now) };
  await using server = await start();
  await using reader = await server.login("c"); // a person who only reads is never asked
  await using dead = await server.jsonLogin("a");
  await using alive = await server.jsonLogin("b");
  assert.equal((await dead.event()).type, "presence");
  for (let round = 0; round < 2; round++) {
    ahead += 31_000;
    assert.deepEqual(await alive.event(), { type: "ping" });
    assert.deepEqual(await alive.ok("pong"), { type: "ok", id: round + 2 });
    assert.deepEqual(await dead.event(), { type: "ping" });
  }
  ahead += 14_000;
  const last = await dead.event();
  assert.deepEqual([last.type, last.code], ["error", "idle_timeout"]);
  await dead.expectEnd();
  await alive.ok("whoami");
  await reader.expect("a joined lobby", "b joined lobby");
  assert.equal(await reader.ask("/whoami"), "c in lobby on server1");
});
