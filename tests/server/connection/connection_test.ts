/** The loop over a client's lines, with a socket in memory and commands of the test's own. */

import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import type { Outcome } from "../../../lib/server/registry/command.ts";
import { answered, command, connect, ended, member, reply } from "../../support/connection_scene.ts";
import { test } from "../../support/declare.ts";

test("Connection.run() greets, and answers requests in their order, one answer each", async () => {
  const scene = connect();
  assert.match((await scene.told())[0], /^\[SERVER\] Login using/);
  scene.socket.give("/first\n/second\nnonsense\n/first\n");
  const told = await scene.told();
  assert.deepEqual([...told.slice(0, 2), told[3]], answered("first", "second", "first"));
  assert.match(told[2], /^\[ERROR\] login_required/);
  await ended(scene);
});

test("Connection.run() takes lines byte by byte, empty ones and those without a meaning", async () => {
  const scene = connect();
  await scene.told();
  for (const byte of new TextEncoder().encode("\n  \n/first\r\n/second\n")) scene.socket.give(new Uint8Array([byte]));
  assert.deepEqual(await scene.told(), answered("first", "second"));
  scene.socket.give(`/${"x".repeat(300)}\n/first\n`);
  scene.socket.give(new Uint8Array([0xff, 0x0a]));
  const told = await scene.told();
  assert.match(told[0], /line_too_long/);
  assert.deepEqual(told[1], answered("first")[0]);
  assert.match(told[2], /invalid_utf8/);
  await ended(scene);
});

test("Connection holds a line back until all before it are answered, and a pipelined one not", async () => {
  const [slow, quick] = [Promise.withResolvers<Outcome>(), Promise.withResolvers<Outcome>()];
  const ran: string[] = [];
  const scene = connect(
    command("slow", () => (ran.push("slow"), slow.promise), true),
    command("quick", () => (ran.push("quick"), quick.promise), true),
    command("plain", () => (ran.push("plain"), { reply: reply("plain") })),
  );
  await scene.told();
  scene.socket.give("/enter\n/slow\n/quick\n/plain\n");
  assert.deepEqual(await scene.told(), answered("entered"));
  assert.deepEqual(ran, ["slow", "quick"]);
  quick.resolve({ reply: reply("quick") });
  assert.deepEqual(await scene.told(), [], "its answer waits for the one before");
  slow.resolve({ reply: reply("slow") });
  assert.deepEqual(await scene.told(), answered("slow", "quick", "plain"));
  await ended(scene);
});

test("Connection refuses the messages behind one that could not be stored, for programs", async () => {
  const away = () => Promise.reject(new ChatError("store_unavailable", "The store is away"));
  let ran = 0;
  const scene = connect(command("lose", away, true), command("keep", () => (ran++, { reply: reply("keep") }), true));
  await scene.told();
  scene.socket.give('/json\n{"cmd":"enter"}\n{"cmd":"lose"}\n');
  await scene.told();
  scene.socket.give('{"cmd":"keep","id":1}\n');
  const [refused] = (await scene.told()).map((line) => JSON.parse(line));
  assert.deepEqual([refused.code, refused.id, ran], ["store_unavailable", 1, 0]);
  await ended(scene);
});

test("Connection applies what an outcome changes with its answer, a refusal's too", async () => {
  const refusal = () => ({ reply: new ChatError("usage", "not so"), format: "json" as const });
  const scene = connect(command("refusal", refusal), command("leave", () => ({ reply: reply("left"), session: null })));
  await scene.told();
  scene.socket.give("/enter\n");
  assert.deepEqual(await scene.told(), answered("entered"));
  assert.equal(scene.connection.session, member);
  scene.socket.give("/leave\n/refusal\n");
  const [left, refused] = await scene.told();
  assert.deepEqual([left, scene.connection.session], [answered("left")[0], undefined]);
  assert.deepEqual(JSON.parse(refused), { type: "error", code: "usage", message: "not so" });
  await ended(scene);
  assert.deepEqual(scene.dropped, []);
});

test("Connection.run() writes the last line, half-closes, and reads on until the peer goes", async () => {
  const scene = connect();
  await scene.told();
  scene.socket.give("/enter\n/bye\n/first\n");
  assert.deepEqual(await scene.told(), answered("entered", "bye"));
  assert.deepEqual([scene.socket.halfClosed, scene.socket.closed], [true, false]);
  scene.socket.give("/first\n");
  assert.deepEqual(await scene.told(), []);
  await ended(scene);
  assert.deepEqual([scene.socket.closed, scene.dropped], [true, [member]]);
  assert.deepEqual(scene.logged, [["closed", "bye", "a"]]);
});

test("Connection sends a reader away that is too slow, and answers nothing more", async () => {
  const scene = connect();
  await scene.told();
  scene.socket.stuck = true;
  for (let count = 0; count < 20; count++) scene.connection.outbox.push(new Uint8Array(1_000));
  assert.equal(scene.connection.closed, true);
  await ended(scene);
  assert.deepEqual(scene.logged, [["closed", "slow_consumer", undefined]]);
});

test("Connection.tick() ends whoever does not log in in time, and pings a silent program before it gives up", async () => {
  const guest = connect();
  await guest.told();
  guest.pass(59_999);
  guest.connection.tick();
  assert.deepEqual(await guest.told(), []);
  guest.pass(1);
  guest.connection.tick();
  assert.match((await guest.told())[0], /idle_timeout/);
  await ended(guest);

  const program = connect();
  await program.told();
  program.socket.give('/json\n{"cmd":"enter"}\n');
  await program.told();
  program.pass(30_000);
  program.connection.tick();
  program.connection.tick();
  assert.deepEqual(await program.told(), ['{"type":"ping"}']);
  program.pass(45_000);
  program.connection.tick();
  assert.match((await program.told())[0], /idle_timeout/);
  await ended(program);
});

test("Connection.tick() ends who says something all the time and does not log in, and lets a login be answered", async () => {
  const login = Promise.withResolvers<Outcome>();
  const scene = connect(
    command("login", () => login.promise),
    command("out", () => ({ reply: reply("out"), session: null })),
  );
  await scene.told();
  const minute = async () => {
    for (let second = 0; second < 60; second++) {
      scene.socket.give("\n/first\n");
      await scene.told();
      scene.pass(1_000);
      scene.connection.tick();
    }
  };
  scene.socket.give("/enter\n");
  await scene.told();
  await minute();
  scene.socket.give("/out\n"); // the time begins again
  assert.deepEqual(await scene.told(), answered("out"));
  scene.pass(59_000);
  scene.connection.tick();
  scene.socket.give("/login\n/first\n");
  await scene.told();
  scene.pass(5_000);
  scene.connection.tick();
  assert.deepEqual(await scene.told(), [], "its login is under way");
  login.resolve({ reply: reply("in"), session: member });
  assert.deepEqual(await scene.told(), answered("in", "first"));
  await ended(scene);

  const refused = Promise.withResolvers<Outcome>();
  const guest = connect(command("login", () => refused.promise));
  await guest.told();
  guest.socket.give("/login\n/login\n");
  await guest.told();
  guest.pass(60_000);
  guest.connection.tick();
  assert.deepEqual(await guest.told(), []);
  refused.resolve({ reply: new ChatError("invalid_credentials", "no") });
  assert.match((await guest.told()).join(), /^\[ERROR\] invalid_credentials: no,\[ERROR\] idle_timeout/);
  await ended(guest);

  const talker = connect();
  await talker.told();
  for (let second = 0; second < 60; second++) {
    talker.socket.give("\n");
    await talker.told();
    talker.pass(1_000);
    talker.connection.tick();
  }
  assert.match((await talker.told())[0], /idle_timeout/);
  await ended(talker);
});

test("Connection.tick() keeps a program that answers its pings", async () => {
  const scene = connect(command("pong", () => ({ reply: reply("pong") })));
  await scene.told();
  scene.socket.give('/json\n{"cmd":"enter"}\n');
  await scene.told();
  for (let round = 0; round < 4; round++) {
    scene.pass(30_000);
    scene.connection.tick();
    assert.deepEqual(await scene.told(), ['{"type":"ping"}']);
    scene.socket.give('{"cmd":"pong"}\n');
    assert.equal((await scene.told()).length, 1);
  }
  assert.equal(scene.connection.closed, false);
  await ended(scene);
});

test("Connection.run() writes what was asked for before it closes behind a client that closed its side", async () => {
  const work = Promise.withResolvers<Outcome>();
  const scene = connect(command("slow", () => work.promise));
  await scene.told();
  scene.socket.give("/first\n/slow\n");
  scene.socket.give(null);
  assert.deepEqual(await scene.told(), answered("first"));
  assert.equal(scene.socket.closed, false);
  work.resolve({ reply: reply("slow") });
  await scene.over;
  assert.deepEqual(await scene.told(), answered("slow"));
  assert.deepEqual([scene.socket.halfClosed, scene.socket.closed], [true, true]);
});

test("Connection.run() does not wait for ever for a client that closed its side and reads nothing", async () => {
  const scene = connect();
  await scene.told();
  scene.socket.stuck = true;
  scene.socket.give("/enter\n");
  await ended(scene);
  assert.equal(scene.socket.closed, true);
  assert.deepEqual(scene.dropped, [member]);
});
