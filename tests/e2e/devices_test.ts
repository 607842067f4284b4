/**
 * Several devices of one user at once, under `DUPLICATE_LOGIN=share`: on one server with SQLite, and on two that share a
 * Redis.
 */

import assert from "node:assert/strict";
import { eventually, type Json, JsonClient, type TextClient } from "../support/client.ts";
import { onRedis, onSqlite, type Settings, type TestServer } from "../support/server.ts";

const share: Settings = { DUPLICATE_LOGIN: "share" };

/** A test with two doors to one service: twice the one server of a file, or two servers on a Redis. */
function onDevices(name: string, fn: (one: TestServer, two: TestServer) => Promise<void>, settings = share): void {
  onSqlite(name, async (start) => {
    await using server = await start(settings);
    await fn(server, server);
  });
  onRedis(name, async (start) => {
    await using one = await start(settings);
    await using two = await start(settings);
    await fn(one, two);
  });
}

/** A program that is logged in on a device, and may be in many rooms. */
function device(server: TestServer, user: string, name: string): Promise<JsonClient> {
  return JsonClient.many(server, user, { device: name });
}

/** The next event that is none of the presence of others. */
async function nextEvent(client: JsonClient): Promise<Json> {
  for (;;) {
    const event = await client.event();
    if (event.type !== "presence") return event;
  }
}

const brief = ({ topic, text, from, cid }: Json) => [topic, from, text, cid];

onDevices("devices live side by side, and each hears everything once", async (one, two) => {
  await using b = await one.login("b");
  await using desk = await device(one, "a", "desk");
  await b.expect("a joined lobby");
  await using phone = await device(two, "a", "phone");
  assert.deepEqual([desk.session.device, phone.session.device], ["desk", "phone"]);

  await desk.ok("say", { room: "lobby", text: "from the desk", cid: "1" });
  await phone.ok("say", { room: "lobby", text: "from the phone", cid: "2" });
  await b.expect("a: from the desk", "a: from the phone"); // and nobody joined or left
  await b.ask("hi");
  for (const client of [desk, phone]) {
    assert.deepEqual(
      [brief(await nextEvent(client)), brief(await nextEvent(client)), brief(await nextEvent(client))],
      [
        ["room:lobby", "a", "from the desk", "1"],
        ["room:lobby", "a", "from the phone", "2"],
        ["room:lobby", "b", "hi", undefined],
      ],
    );
  }
  assert.deepEqual((await phone.ok("who", { room: "lobby" })).members, ["a", "b"], "users are counted, not devices");
  assert.deepEqual((await desk.ok("rooms")).rooms, [{ room: "lobby", members: 2 }]);
  assert.deepEqual((await desk.ok("users")).users, ["a", "b"]);

  // What one sends privately is on all of one's devices, once, the sending one too.
  const sent = await desk.ok("msg", { to: "b", text: "psst", cid: "3" });
  assert.equal(sent.topic, "inbox:b");
  for (const client of [desk, phone]) {
    const copy = await nextEvent(client);
    assert.deepEqual([copy.type, copy.to, ...brief(copy)], ["direct", "b", "sent:a", "a", "psst", "3"]);
  }
  await b.expect("DM from a: psst");
  // To oneself: once, in the inbox.
  await phone.ok("msg", { to: "a", text: "milk" });
  for (const client of [desk, phone]) {
    assert.deepEqual(brief(await nextEvent(client)).slice(0, 3), ["inbox:a", "a", "milk"]);
  }
  await desk.ok("quit");
  assert.deepEqual((await phone.ok("users")).users, ["a", "b"]);
  await phone.ok("say", { room: "lobby", text: "still here" });
  await b.expect("a: still here");
  await phone.ok("quit");
  await b.expect("a left lobby");
});

onDevices("a second login of a device ends the first, and no other", async (one, two) => {
  await using desk = await device(one, "a", "desk");
  await using phone = await device(one, "a", "phone");
  await using again = await device(two, "a", "phone");
  assert.equal((await phone.event()).code, "forced_logout");
  await phone.expectEnd();
  await again.ok("say", { room: "lobby", text: "me" });
  assert.equal((await nextEvent(desk)).text, "me");
});

onDevices("what one device joins or leaves, the others have too", async (one, two) => {
  await using b = await one.login("b");
  await b.ask("/join ops");
  await using desk = await device(one, "a", "desk");
  await using phone = await device(two, "a", "phone");
  const { positions } = await desk.ok("join", { room: "ops" });
  await b.expect("a joined ops");
  // From the answer on, requests on every device see it.
  await phone.ok("say", { room: "ops", text: "hello ops" });
  assert.deepEqual(await nextEvent(phone), { type: "membership", room: "ops", state: "joined", positions });
  assert.deepEqual(brief(await nextEvent(phone)).slice(0, 3), ["room:ops", "a", "hello ops"]);
  await b.expect("a: hello ops");
  await phone.ok("leave", { room: "ops" });
  await b.expect("a left ops");
  await desk.refused("say", { room: "ops", text: "gone" }, "wrong_room");
  assert.equal((await nextEvent(desk)).text, "hello ops");
  assert.deepEqual(await nextEvent(desk), { type: "membership", room: "ops", state: "left", positions: {} });
  assert.deepEqual((await desk.ok("whoami")).rooms, ["lobby"]);
  assert.deepEqual((await phone.ok("whoami")).rooms, ["lobby"]);
});

onDevices("a device that was away goes on from where another joined a room", async (one, two) => {
  await using desk = await device(one, "a", "desk");
  await using phone = await device(two, "a", "phone");
  const { resume: token, positions } = phone.session;
  phone.drop();
  await desk.ok("join", { room: "ops" });
  for (const text of ["1", "2"]) await desk.ok("say", { room: "ops", text });
  await using back = await JsonClient.open(one, { rooms: "many" });
  const resumed = await back.ok("resume", { token, positions });
  assert.deepEqual([resumed.rooms, resumed.device, resumed.missed], [["lobby", "ops"], "phone", 2]);
  assert.deepEqual([(await nextEvent(back)).text, (await nextEvent(back)).text], ["1", "2"]);
});

onDevices("read marks reach the other devices", async (one, two) => {
  await using b = await one.login("b");
  await using desk = await device(one, "a", "desk");
  await using phone = await device(two, "a", "phone");
  await b.ask("unread");
  const { pos } = await nextEvent(desk);
  assert.equal((await nextEvent(phone)).pos, pos);
  await desk.ok("seen", { topic: "room:lobby", pos });
  assert.deepEqual(await nextEvent(phone), { type: "seen", topic: "room:lobby", pos });
  await b.send("/msg a psst");
  const direct = await nextEvent(desk);
  await nextEvent(phone);
  await phone.ok("seen", { pos: direct.pos });
  assert.deepEqual(await nextEvent(desk), { type: "seen", topic: "inbox:a", pos: direct.pos });

  // A mark that stays where it is is not told.
  for (const client of [desk, phone]) {
    await client.ok("seen", { topic: "room:lobby", pos });
    await client.ok("seen", { pos: direct.pos });
  }
  await desk.ok("say", { room: "lobby", text: "done" });
  for (const client of [desk, phone]) assert.equal((await nextEvent(client)).text, "done");
});

onDevices("devices are listed and revoked", async (one, two) => {
  await using b = await one.login("b");
  await using desk = await device(one, "a", "desk");
  await using phone = await device(two, "a", "phone");
  await using away = await device(two, "a", "tablet");
  const { resume: awayToken } = away.session;
  const before = two.service.connections;
  away.drop();
  await eventually(() => two.service.connections < before, "the server has noticed that a client went");
  await using side = await JsonClient.open(two);
  const { device: sideName } = await side.ok("login", { user: "a", password: "1", side: true });
  const { devices } = await desk.ok("devices");
  assert.deepEqual(
    devices.map(({ device, server, here, side }: Json) => [device, server, here, side]),
    [
      ["desk", one.service.id, true, false],
      [sideName, two.service.id, false, true],
      ["phone", two.service.id, false, false],
      ["tablet", two.service.id, false, false],
    ].sort(([a], [b]) => a < b ? -1 : 1),
  );
  for (const { since } of devices) assert.match(since, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$/);
  await desk.refused("revoke", { device: "toaster" }, "unknown_device");

  assert.equal((await desk.ok("revoke", { device: "phone" })).device, "phone");
  assert.equal((await phone.event()).code, "forced_logout");
  await phone.expectEnd();
  assert.equal((await desk.ok("revoke", { device: "tablet" })).device, "tablet", "also one that is away");
  for (const token of [phone.session.resume, awayToken]) {
    await using late = await JsonClient.open(one, { rooms: "many" });
    await late.refused("resume", { token }, "invalid_credentials");
  }
  await desk.ok("revoke", { device: sideName });
  assert.equal((await side.event()).code, "forced_logout");
  await using text = await two.login("a");
  await text.send("/revoke all");
  await text.until("Revoked desk");
  assert.match(await text.ask("/devices"), /^Devices: text-\w+ \(\w+, since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\)$/);
  await b.ask("/who lobby");
});

onDevices("a new password ends all other connections", async (one, two) => {
  await using b = await one.jsonLogin("a", { device: "desk" });
  await using phone = await device(two, "a", "phone");
  await using side = await JsonClient.open(two);
  await side.ok("login", { user: "a", password: "1", side: true });
  const { resume } = await b.ok("passwd", { old: "1", new: "correct horse battery" });
  for (const client of [phone, side]) assert.equal((await client.event()).code, "forced_logout");
  await using late = await JsonClient.open(one, { rooms: "many" });
  await late.refused("resume", { token: phone.session.resume }, "invalid_credentials");
  assert.equal((await late.ok("resume", { token: resume })).device, "desk");
});

onDevices("people have several sessions too, and see what they send elsewhere", async (one, two) => {
  await using b = await one.login("b");
  const texts: TextClient[] = [await one.login("a"), await two.login("a")];
  await texts[0].send("/msg b hi");
  await texts[0].expect("DM to b: hi");
  await texts[1].expect("DM to b: hi");
  await texts[1].send("/msg b ho", "/join ops");
  await texts[1].expect("DM to b: ho", "Joined room ops");
  await texts[0].expect("DM to b: ho");
  await b.expect("a joined lobby", "DM from a: hi", "DM from a: ho"); // a is in the lobby still, by the other session
  await texts[0].send("/quit");
  await b.expect("a left lobby");
  for (const text of texts) await text[Symbol.asyncDispose]();
});

onDevices("there are so many devices, and the one that has been away longest gives way", async (one, two) => {
  await using desk = await device(one, "a", "desk");
  await using phone = await device(two, "a", "phone");
  await using third = await JsonClient.open(two, { rooms: "many" });
  await third.refused("login", { user: "a", password: "1", device: "tablet" }, "too_many_devices");
  const before = two.service.connections;
  phone.drop();
  await eventually(() => two.service.connections < before, "the server has noticed that a client went");
  await third.ok("login", { user: "a", password: "1", device: "tablet" });
  const names = (await desk.ok("devices")).devices.map(({ device }: Json) => device);
  assert.deepEqual(names, ["desk", "tablet"]);
  await using back = await JsonClient.open(one, { rooms: "many" });
  await back.refused("resume", { token: phone.session.resume }, "too_many_devices");
}, { ...share, MAX_DEVICES: "2" });

onDevices("20 logins of one device at once leave one session of it", async (one, two) => {
  const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => JsonClient.open(i % 2 ? one : two)));
  // Those that are forced out before they have their answer get none.
  await Promise.allSettled(
    clients.map((client) => client.request("login", { user: "a", password: "1", device: "desk" })),
  );
  await using other = await device(one, "a", "phone");
  const names = (await other.ok("devices")).devices.map(({ device }: Json) => device);
  assert.deepEqual(names, ["desk", "phone"]);
  for (const client of clients) await client[Symbol.asyncDispose]();
});

onDevices("a device leaves a room that another has joined, before it has heard of it", async (one, two) => {
  await using desk = await device(one, "a", "desk");
  await using phone = await device(two, "a", "phone");
  await desk.ok("say", { room: "lobby", text: "both have begun" });
  for (const client of [desk, phone]) assert.equal((await nextEvent(client)).text, "both have begun");
  // The step of a join that the store has taken, and that nobody was told of yet.
  const held = (await one.store.sessions.held()).find(({ device }) => device === "desk")!;
  assert.ok(await one.store.sessions.enter(held, "ops", 10, ""));
  await phone.ok("leave", { room: "ops" });
  assert.deepEqual([...(await two.store.sessions.memberships("a")).keys()], ["lobby"]);
  assert.deepEqual((await phone.ok("whoami")).rooms, ["lobby"]);
});
