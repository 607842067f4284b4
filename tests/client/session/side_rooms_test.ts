/**
 * A side connection that listens to many rooms: each is read back after a lost connection, before anything newer.
 */

import assert from "node:assert/strict";
import { Bot, type BotOptions, type RoomEvent } from "../../../lib/client/bot.ts";
import type { ClientError } from "../../../lib/client/base/exit.ts";
import { runTail } from "../../../lib/client/cli/pipe.ts";
import { FakeClock, FakeServers, type Json, type Peer, said, settled, soon, test } from "../fakes.ts";

interface Scene {
  readonly bot: Bot;
  readonly peer: Peer;
  readonly servers: FakeServers;
  readonly clock: FakeClock;
  readonly states: string[];
  readonly missed: unknown[];
}

async function open(options: Partial<BotOptions> = {}): Promise<Scene> {
  const [servers, clock] = [new FakeServers(), new FakeClock()];
  servers.rooms = { rooms: "many" };
  const states: string[] = [];
  const missed: unknown[] = [];
  const opening = Bot.connect({
    servers: "one:1",
    dial: servers.dial,
    user: "a",
    password: "1",
    rooms: ["lobby", "ops"],
    clock,
    onStatus(status) {
      states.push(status.state);
      if (status.state === "resumed") missed.push(status.missed);
    },
    ...options,
  });
  const peer = await servers.accept();
  await enter(peer);
  return { bot: await soon(opening), peer, servers, clock, states, missed };
}

async function enter(peer: Peer): Promise<void> {
  const login = await peer.expect("login");
  assert.equal(login.side, true);
  peer.ok(login, { user: "a", rooms: [], positions: {} });
}

async function leave(bot: Bot, peer: Peer): Promise<void> {
  const closing = bot.close();
  peer.ok(await peer.expect("quit"));
  peer.close();
  await soon(closing);
}

const inRoom = (room: string, seq: number, text: string) => said(seq, text, { topic: `room:${room}` });

/** Answers the join that comes next, and its history. */
async function join(peer: Peer, room: string, ...messages: Json[]): Promise<Json> {
  const request = await peer.expect("join");
  assert.equal(request.room, room);
  peer.ok(request, { room, positions: { [`room:${room}`]: `e.${messages.at(-1)?.seq ?? 0}.x` } });
  const history = await peer.expect("history");
  assert.equal(history.room, room);
  peer.ok(history, { messages });
  return history;
}

function take(events: AsyncIterator<RoomEvent, void>): Promise<Json> {
  return soon(events.next().then(({ value }) => value), "an event");
}

test("Bot.listen() tells of all the rooms that it was connected with, the last messages of each first", async () => {
  const { bot, peer } = await open();
  const events = bot.listen(undefined, 1);
  const first = take(events);
  const asked = await join(peer, "lobby", inRoom("lobby", 3, "l3"));
  assert.equal(asked.n, 1);
  await join(peer, "ops", inRoom("ops", 8, "o8"));
  peer.send(inRoom("ops", 9, "o9"), inRoom("elsewhere", 1, "no"), inRoom("lobby", 4, "l4"));
  peer.send({ type: "presence", room: "ops", user: "b", state: "joined" });
  const told = [await first, await take(events), await take(events), await take(events)];
  assert.deepEqual(told.map(({ text }) => text), ["l3", "o8", "o9", "l4"]);
  assert.equal((await take(events)).room, "ops");
  await leave(bot, peer);
  assert.equal((await events.next()).done, true);
});

test("Bot.listen() reads each room back before what is newer in it, and counts what was missed in all", async () => {
  const { bot, peer, servers, missed, states } = await open();
  const events = bot.listen();
  const first = take(events);
  await join(peer, "lobby", inRoom("lobby", 1, "l1"));
  await join(peer, "ops", inRoom("ops", 1, "o1"));
  peer.send(inRoom("lobby", 2, "l2"));
  assert.equal((await first).text, "l2");
  peer.close("broken");
  const next = await servers.accept();
  await enter(next);
  const asked = bot.say("ops", "behind the rooms");
  const joins = [await next.expect("join"), await next.expect("join")];
  for (const request of joins) next.ok(request, { room: request.room, positions: {} });
  const histories = [await next.expect("history"), await next.expect("history")];
  next.send(inRoom("ops", 4, "o4"), inRoom("lobby", 4, "l4"));
  next.ok(histories[0], { messages: [2, 3].map((seq) => inRoom("lobby", seq, `l${seq}`)) });
  await settled();
  assert.deepEqual(missed, [], "it is not known yet what was missed in ops");
  next.ok(histories[1], { messages: [1, 2, 3, 4].map((seq) => inRoom("ops", seq, `o${seq}`)) });
  next.ok(await next.expect("say"), { topic: "room:ops", seq: 5, time: "" });
  await soon(asked);
  const told: string[] = [];
  for (let i = 0; i < 5; i++) told.push((await take(events)).text);
  assert.deepEqual(told, ["l3", "l4", "o2", "o3", "o4"]);
  assert.deepEqual([missed, states.at(-1)], [[4], "resumed"]);
  await leave(bot, next);
});

test("Bot waits with a room that it is refused for its pace, and joins no other room anew for it", async () => {
  const { bot, peer, servers, clock, missed } = await open();
  const events = bot.listen();
  const waiting = take(events);
  await join(peer, "lobby");
  await join(peer, "ops");
  await settled();
  peer.close("broken");
  const next = await servers.accept();
  await enter(next);
  const [first, second] = [await next.expect("join"), await next.expect("join")];
  next.ok(first, { room: "lobby", positions: {} });
  next.error(second, "rate_limited", { retry_after_ms: 800 });
  next.ok(await next.expect("history"), { messages: [] });
  await settled();
  await clock.advance(799);
  assert.deepEqual(missed, []);
  await clock.advance(1);
  await join(next, "ops", inRoom("ops", 1, "meanwhile"));
  assert.equal((await waiting).text, "meanwhile");
  assert.deepEqual(missed, [1]);
  await leave(bot, next);
});

test("Bot hears the other rooms on where one refuses it for good, and ends where all do", async () => {
  const { bot, peer, servers, clock, states, missed } = await open();
  const events = bot.listen();
  const waiting = take(events);
  await join(peer, "lobby");
  await join(peer, "ops");
  await settled();
  peer.close("broken");
  const second = await servers.accept();
  await enter(second);
  second.error(await second.expect("join"), "banned");
  second.ok(await second.expect("join"), { room: "ops", positions: {} });
  second.ok(await second.expect("history"), { messages: [inRoom("ops", 1, "on")] });
  assert.equal((await waiting).text, "on");
  assert.deepEqual([states.slice(-2), missed], [["notice", "resumed"], [1]]);
  const over = assert.rejects(take(events), (error: ClientError) => {
    return error.exit === "refused" && error.message === "ops is heard no longer: No: banned";
  });
  await clock.advance(6_000); // so long that the next server is tried at once
  second.close("broken");
  const third = await servers.accept();
  await enter(third);
  third.error(await third.expect("join"), "banned");
  await over;
  await bot.close();
});

test("Bot.listen() leaves the rooms that it is no longer to listen to", async () => {
  const { bot, peer } = await open();
  const all = bot.listen();
  const none = all.next();
  await join(peer, "lobby");
  await join(peer, "ops");
  await settled();
  const one = bot.listen(["ops", "general"], 1);
  const first = take(one);
  const left = await peer.expect("leave");
  assert.equal(left.room, "lobby");
  peer.ok(left, { room: "lobby", positions: {} });
  await join(peer, "ops", inRoom("ops", 4, "o4"));
  await join(peer, "general");
  assert.equal((await first).text, "o4");
  assert.equal((await soon(none)).done, true, "who listened before listens no more");
  await leave(bot, peer);
});

test("Bot says in one line that its server cannot do with many rooms, and goes on to one that can", async () => {
  const alone = new FakeServers();
  const options = { dial: alone.dial, user: "a", password: "1", rooms: ["lobby", "ops"], clock: new FakeClock() };
  const opening = Bot.connect({ ...options, servers: "one:1" });
  const refused = assert.rejects(opening, (error: ClientError) => {
    assert.equal(error.exit, "unreachable");
    assert.equal(error.message, "one:1 cannot do with many rooms: it is of an earlier release");
    return true;
  });
  await alone.accept();
  await soon(refused);

  const { bot, peer, servers, states } = await open({ servers: "one:1,two:2" });
  servers.rooms = {};
  peer.close("broken");
  await servers.accept();
  servers.rooms = { rooms: "many" };
  const able = await servers.accept();
  await enter(able);
  await settled();
  assert.deepEqual(states, ["lost", "connecting", "unreachable", "connecting", "resumed"]);
  await leave(bot, able);
});

test("Bot.listen() refuses several rooms where it was connected for one, and none", async () => {
  const { bot, peer } = await open({ rooms: undefined } as Partial<BotOptions>);
  await assert.rejects(bot.listen(["lobby", "ops"]).next(), /name them in Bot\.connect/);
  await assert.rejects(bot.listen().next(), /no room to listen to/);
  await leave(bot, peer);
});

test("runTail() says in front of each line which of several rooms it is of; JSON says it already", async () => {
  for (const json of [false, true]) {
    const { bot, peer } = await open();
    const lines: string[] = [];
    const full = Promise.withResolvers<void>();
    const out = (given: readonly string[]) => {
      if (lines.push(...given) === 2) full.resolve();
      return Promise.resolve();
    };
    const exit = runTail(bot, { rooms: ["lobby", "ops"], count: 0, json }, { out, err: out });
    await join(peer, "lobby");
    await join(peer, "ops");
    peer.send(inRoom("ops", 1, "hi"), { type: "gap", topic: "room:lobby", from: 1, to: 2, pos: "e.2." });
    await soon(full.promise);
    if (json) assert.deepEqual(lines.map((line) => JSON.parse(line).topic), ["room:ops", "room:lobby"]);
    else {
      assert.deepEqual(lines, [
        "#ops [2026-11-21T09:00:00Z] b: hi",
        "#lobby [SYSTEM] Some messages of room lobby are lost: 1 to 2",
      ]);
    }
    await leave(bot, peer);
    assert.equal(await soon(exit), "ok");
  }
});
