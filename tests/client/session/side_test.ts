import assert from "node:assert/strict";
import { Bot, type RoomEvent } from "../../../lib/client/bot.ts";
import { runHistory, runSend, runTail } from "../../../lib/client/cli/pipe.ts";
import type { ClientError } from "../../../lib/client/base/exit.ts";
import { ChatError } from "../../../lib/common/errors.ts";
import { FakeClock, FakeServers, type Json, type Peer, said, settled, soon, test } from "../fakes.ts";

const time = "2026-11-21T09:00:00.123Z";

/** A bot on servers that the test plays. */
async function open(servers = [{ host: "one", port: 1 }]): Promise<
  { bot: Bot; peer: Peer; clock: FakeClock; fakes: FakeServers; states: string[]; missed: unknown[] }
> {
  const clock = new FakeClock();
  const fakes = new FakeServers();
  const states: string[] = [];
  const missed: unknown[] = [];
  const opening = Bot.connect({
    servers,
    dial: fakes.dial,
    user: "a",
    password: "1",
    clock,
    giveUpMs: 60_000,
    onStatus(status) {
      states.push(status.state);
      if (status.state === "resumed") missed.push(status.missed);
    },
  });
  const peer = await fakes.accept();
  await enter(peer);
  return { bot: await soon(opening), peer, clock, fakes, states, missed };
}

async function enter(peer: Peer): Promise<void> {
  const login = await peer.expect("login");
  assert.deepEqual([login.user, login.password, login.side], ["a", "1", true]);
  peer.ok(login, { user: "a", room: null, positions: {} });
}

async function leave(bot: Bot, peer: Peer): Promise<void> {
  const closing = bot.close();
  peer.ok(await peer.expect("quit"));
  peer.close();
  await soon(closing);
}

/** Answers the join and the history that follows. */
async function join(peer: Peer, ...messages: Json[]): Promise<Json> {
  peer.ok(await peer.expect("join"), { room: "lobby", positions: {} });
  const history = await peer.expect("history");
  peer.ok(history, { messages });
  return history;
}

function take(events: AsyncIterator<RoomEvent, void>): Promise<Json> {
  return soon(events.next().then(({ value }) => value), "an event");
}

test("Bot does not log in again after a forced logout, though its password is still the right one", async () => {
  const { bot, peer, fakes } = await open();
  const said = bot.say("lobby", "hi");
  await peer.expect("say");
  const refused = said.then(() => undefined, (error: Error) => error.message);
  peer.send({ type: "system", code: "forced_logout", message: "This device was revoked." });
  peer.close();
  assert.match((await soon(refused))!, /^It is not known whether this was done/);
  await assert.rejects(bot.say("lobby", "late"));
  await soon(bot.close());
  assert.equal(fakes.dialed.length, 1);
});

test("Bot takes nothing from what the account's sessions are told of their rooms", async () => {
  const { bot, peer } = await open();
  const events = bot.listen("lobby");
  const first = take(events);
  await join(peer);
  peer.send(
    { type: "membership", room: "lobby", state: "left", positions: {} },
    { type: "seen", topic: "room:lobby", pos: "e.1.x" },
    said(1, "hi"),
  );
  assert.equal((await first).text, "hi");
  await leave(bot, peer);
});

test("Bot.say() is sent again under the same cid after a lost connection, and in order", async () => {
  const { bot, peer, fakes, states } = await open();
  const answers = Promise.all(["one", "two", "three"].map((text) => bot.say("ops", text)));
  const first = await peer.expect("say");
  assert.equal(first.room, "ops");
  peer.ok(first, { topic: "room:ops", seq: 1, time });
  const second = await peer.expect("say");
  await peer.expect("say");
  peer.close("broken");
  const next = await fakes.accept();
  await enter(next);
  for (const [text, seq] of [["two", 2], ["three", 3]] as const) {
    const request = await next.expect("say");
    assert.equal(request.text, text);
    if (seq === 2) assert.equal(request.cid, second.cid);
    next.ok(request, { topic: "room:ops", seq, time });
  }
  assert.deepEqual((await soon(answers)).map((reply) => (reply as Json).seq), [1, 2, 3]);
  assert.deepEqual(states, ["lost", "connecting", "resumed"]);
  await leave(bot, next);
});

test("Bot.say() is sent again, the oldest first, when the store was away", async () => {
  const { bot, peer, clock } = await open();
  const answers = Promise.all(["one", "two"].map((text) => bot.say("ops", text)));
  const requests = [await peer.expect("say"), await peer.expect("say")];
  for (const request of requests) peer.error(request, "store_unavailable");
  await clock.advance(500);
  for (const { text, cid } of requests) {
    const again = await peer.expect("say");
    assert.deepEqual([again.text, again.cid], [text, cid]);
    peer.ok(again, { topic: "room:ops", seq: 1, time });
  }
  await soon(answers);
  await leave(bot, peer);
});

test("Bot.say() gives up on a store that stays away", async () => {
  const { bot, peer, clock } = await open();
  const answer = assert.rejects(bot.say("ops", "one"), (error: ChatError) => error.code === "store_unavailable");
  for (let attempt = 0; attempt <= 120; attempt++) {
    peer.error(await peer.expect("say"), "store_unavailable");
    await clock.advance(500);
  }
  await soon(answer);
  await leave(bot, peer);
});

test("Bot.listen() tells what was missed before what is newer, each message once", async () => {
  const { bot, peer, fakes, states } = await open();
  const events = bot.listen("lobby", 1);
  const first = take(events);
  const asked = await join(peer, said(4, "of before"));
  assert.deepEqual([asked.room, asked.n], ["lobby", 1]);
  assert.equal((await first).text, "of before");
  peer.send(said(5, "live"));
  assert.equal((await take(events)).text, "live");
  const missed = take(events);
  peer.close("broken");
  const next = await fakes.accept();
  await enter(next);
  next.ok(await next.expect("join"), { room: "lobby", positions: {} });
  const history = await next.expect("history");
  next.send(said(7, "early")); // live, before the history is there
  next.ok(history, { messages: [4, 5, 6, 7].map((seq) => said(seq, seq === 7 ? "early" : `number ${seq}`)) });
  next.send(said(8, "newest"));
  assert.equal((await missed).text, "number 6");
  assert.equal((await take(events)).text, "early");
  assert.equal((await take(events)).text, "newest");
  assert.equal(states.at(-1), "resumed");
  await leave(bot, next);
  assert.equal((await events.next()).done, true);
});

test("Bot tells how much was missed only where it is known", async () => {
  const { bot, peer, fakes, clock, missed } = await open();
  peer.close("broken");
  const second = await fakes.accept();
  await enter(second);
  await clock.advance(6_000);
  const events = bot.listen("lobby");
  const first = take(events);
  second.ok(await second.expect("join"), { room: "lobby", positions: {} });
  await second.expect("history");
  second.close("broken"); // before it is known where the room stands
  const third = await fakes.accept();
  await enter(third);
  await join(third, said(5, "5"));
  await clock.advance(6_000);
  third.send(said(6, "6"));
  assert.equal((await first).text, "6");
  third.close("broken");
  const fourth = await fakes.accept();
  await enter(fourth);
  await join(fourth, said(6, "6"), said(7, "7"));
  await settled();
  assert.deepEqual(missed, [0, null, 1]);
  await leave(bot, fourth);
});

const gaps: [string, Json[], Json, string[]][] = [
  ["reaches back no further", [said(8, "8"), said(9, "9")], { from: 6, to: 7 }, ["8", "9"]],
  ["is shorter than it was", [said(2, "2")], { from: 6, to: null }, []],
  ["has another message in its place", [said(5, "other", { pos: "f.5.y" }), said(6, "6")], { from: 6, to: null }, [
    "6",
  ]],
];
for (const [why, messages, gap, texts] of gaps) {
  test(`Bot.listen() tells a gap where the log ${why}`, async () => {
    const { bot, peer, fakes } = await open();
    const events = bot.listen("lobby", 1);
    const first = take(events);
    await join(peer, said(5, "5"));
    await first;
    const told = take(events);
    peer.close("broken");
    const next = await fakes.accept();
    await enter(next);
    next.ok(await next.expect("join"), { room: "lobby", positions: {} });
    for (let page = 0; page < 2; page++) {
      const history = await next.expect("history");
      next.ok(history, { messages: page === 0 ? messages : [] });
      if (messages[0].seq <= 5) break;
    }
    const { type, from, to } = await told;
    assert.deepEqual({ type, from, to }, { type: "gap", ...gap });
    for (const text of texts) assert.equal((await take(events)).text, text);
    await leave(bot, next);
  });
}

test("Bot logs in again where it was refused for a passing reason", async () => {
  for (const code of ["store_unavailable", "server_draining"]) {
    const { bot, peer, fakes, clock, states } = await open();
    peer.close("broken");
    const next = await fakes.accept();
    next.error(await next.expect("login"), code, { retry_after_ms: 700 });
    await clock.advance(700);
    const third = await fakes.accept();
    await enter(third);
    await settled();
    assert.deepEqual(states, ["lost", "connecting", "unreachable", "waiting", "connecting", "resumed"]);
    await leave(bot, third);
  }
});

test("Bot ends with what the server said when it is not let in again", async () => {
  const { bot, peer, fakes } = await open();
  const waiting = soon(bot.listen("lobby").next());
  const refused = assert.rejects(waiting, (error: ClientError) => error.exit === "login");
  await join(peer);
  await settled();
  peer.close("broken");
  const next = await fakes.accept();
  next.error(await next.expect("login"), "invalid_credentials");
  await refused;
  await bot.close();
  await assert.rejects(bot.say("lobby", "x"));
});

test("Bot.connect() tells why it was refused, and leaves nothing behind", async () => {
  const fakes = new FakeServers();
  const clock = new FakeClock();
  const opening = Bot.connect({ servers: "one:1", dial: fakes.dial, user: "a", password: "2", clock });
  const peer = await fakes.accept();
  peer.error(await peer.expect("login"), "invalid_credentials");
  await assert.rejects(soon(opening), (error: ChatError) => error.code === "invalid_credentials");
  fakes.down.add("one:1");
  await assert.rejects(Bot.connect({ servers: "one:1", dial: fakes.dial, user: "a", password: "2", clock }));
});

test("Bot.history() asks page by page", async () => {
  const { bot, peer } = await open();
  const history = bot.history({ room: "lobby" }, 501);
  const page = Array.from({ length: 500 }, (_, index) => said(index + 2, `${index + 2}`));
  const first = await peer.expect("history");
  assert.deepEqual([first.n, first.before], [500, undefined]);
  peer.ok(first, { messages: page });
  const second = await peer.expect("history");
  assert.deepEqual([second.n, second.before], [1, 2]);
  peer.ok(second, { messages: [said(1, "1")] });
  assert.deepEqual((await soon(history)).map(({ seq }) => seq), Array.from({ length: 501 }, (_, index) => index + 1));
  await leave(bot, peer);
});

test("Bot.history() of a talk asks by positions, and is content with what an earlier server gives", async () => {
  const { bot, peer } = await open();
  const page = Array.from({ length: 500 }, (_, index) => said(index + 2, `${index + 2}`));
  for (const earlier of [false, true]) {
    const history = bot.history({ user: "b" }, 501);
    peer.ok(await peer.expect("history"), { messages: page });
    const second = await peer.expect("history");
    assert.deepEqual([second.n, second.before], [1, page[0].pos]);
    if (earlier) peer.error(second, "usage");
    else peer.ok(second, { messages: [said(1, "1")] });
    assert.equal((await soon(history)).length, earlier ? 500 : 501);
  }
  await leave(bot, peer);
});

function output() {
  const out: string[] = [];
  const err: string[] = [];
  return {
    out: (lines: readonly string[]) => Promise.resolve(void out.push(...lines)),
    err: (lines: readonly string[]) => Promise.resolve(void err.push(...lines)),
    lines: { out, err },
  };
}

async function* each(...lines: string[]): AsyncGenerator<string, void, void> {
  for (const line of lines) yield await Promise.resolve(line);
}

test("runSend() sends each line, without the empty ones, and stops at the first that is refused", async () => {
  const { bot, peer } = await open();
  const io = output();
  const never = new Promise<void>(() => {});
  async function* lines() {
    yield* each("one", "", "two");
    await never; // whoever writes the lines has not ended
  }
  const exit = runSend(bot, { cmd: "msg", to: "b" }, lines(), io);
  const first = await peer.expect("msg");
  assert.deepEqual([first.to, first.text], ["b", "one"]);
  peer.ok(first, { topic: "inbox:b", seq: 1, time, to: "b", text: "one" });
  peer.error(await peer.expect("msg"), "inbox_full");
  assert.equal(await soon(exit), "refused");
  assert.deepEqual(io.lines, { out: [], err: ["[ERROR] inbox_full: No: inbox_full"] });
  await leave(bot, peer);
});

test("runTail() prints messages as lines that are safe, or as JSON, and ends when nobody reads", async () => {
  for (const json of [false, true]) {
    const { bot, peer } = await open();
    const io = output();
    const printed = Promise.withResolvers<string>();
    const out = (lines: readonly string[]) => {
      printed.resolve(lines.join());
      return Promise.reject(new Deno.errors.BrokenPipe());
    };
    const ended = assert.rejects(
      runTail(bot, { rooms: ["lobby"], count: 0, json }, { ...io, out }),
      Deno.errors.BrokenPipe,
    );
    await join(peer);
    peer.send({ type: "presence", room: "lobby", user: "b", state: "joined" }, said(1, "hi\x1b[2J"));
    const line = await soon(printed.promise);
    if (json) assert.equal(JSON.parse(line).seq, 1);
    else assert.equal(line, "[2026-11-21T09:00:00Z] b: hi[2J");
    await soon(ended);
    await leave(bot, peer);
  }
});

test("runHistory() prints the lines, or tells why it may not", async () => {
  const { bot, peer } = await open();
  const io = output();
  const exit = runHistory(bot, { from: { user: "b" }, count: 2, json: false }, io);
  const request = await peer.expect("history");
  assert.equal(request.user, "b");
  peer.ok(request, { messages: [said(1, "x"), said(2, "y")] });
  assert.equal(await soon(exit), "ok");
  assert.deepEqual(io.lines.out, ["[2026-11-21T09:00:00Z] b: x", "[2026-11-21T09:00:00Z] b: y"]);
  const refused = runHistory(bot, { from: { room: "r" }, count: 2, json: false }, io);
  peer.error(await peer.expect("history"), "forbidden");
  assert.equal(await soon(refused), "refused");
  await leave(bot, peer);
});
