/**
 * What a session sends and shows: in order and once, also over a lost connection.
 */

import assert from "node:assert/strict";
import type { ChatError } from "../../../lib/common/errors.ts";
import { ConnectionLost } from "../../../lib/client/base/exit.ts";
import { said, settled, soon, test } from "../fakes.ts";
import { loggedIn, rejection } from "./scene.ts";

test("Session.updates() shows a message once, whatever comes twice", async () => {
  await using scene = await loggedIn();
  scene.peer.send(said(1, "one"), said(2, "two"), said(2, "two"), said(1, "one"), said(3, "three"));
  await settled();
  assert.deepEqual(scene.told.texts(), ["one", "two", "three"]);
});

test("Session.updates() shows a topic from its beginning after a gap without an end", async () => {
  await using scene = await loggedIn();
  scene.peer.send(said(7, "old"), { type: "gap", topic: "room:lobby", from: 8, to: null, pos: "f.0." }, said(1, "new"));
  await settled();
  assert.deepEqual(scene.told.texts(), ["old", "new"]);
  scene.peer.close();
  const request = await (await scene.servers.accept()).readmit();
  assert.equal(request.positions["room:lobby"], "e.1.x");
});

test("Session sends unanswered messages again, in order and with the same cid and room", async () => {
  await using scene = await loggedIn();
  const answers = [
    scene.session.send({ cmd: "say", text: "one" }),
    scene.session.send({ cmd: "msg", to: "b", text: "two" }),
  ];
  const first = [await scene.peer.expect("say"), await scene.peer.expect("msg")];
  assert.equal(first[0].room, "lobby");
  scene.peer.close();
  answers.push(scene.session.send({ cmd: "say", text: "three" }));
  const again = await scene.servers.accept();
  await again.readmit();
  const second = [await again.expect("say"), await again.expect("msg"), await again.expect("say")];
  for (const index of [0, 1]) {
    const { id: _, ...sent } = second[index];
    assert.deepEqual({ id: first[index].id, ...sent }, first[index]);
  }
  assert.equal(second[2].text, "three");
  assert.equal(new Set(second.map(({ cid }) => cid)).size, 3);
  for (const [index, request] of second.entries()) again.ok(request, { topic: "t", seq: index + 1, time: "" });
  const replies = await soon(Promise.all(answers));
  assert.deepEqual(replies.map((reply) => (reply as unknown as { seq: number }).seq), [1, 2, 3]);
});

test("Session.send() says a message in the room that the command before it leads to", async () => {
  await using scene = await loggedIn();
  scene.session.send({ cmd: "say", text: "here" });
  scene.session.send({ cmd: "join", room: "general" });
  scene.session.send({ cmd: "say", text: "there" });
  const here = await scene.peer.expect("say");
  assert.equal(here.room, "lobby");
  scene.peer.ok(here);
  const join = await scene.peer.expect("join");
  scene.peer.close();
  const again = await scene.servers.accept();
  await again.readmit();
  const joinAgain = await again.expect("join");
  assert.equal(joinAgain.room, join.room);
  again.ok(joinAgain, { room: "general", positions: { "room:general": "e.5.x" } });
  assert.equal((await again.expect("say")).room, "general");
  again.close();
  await scene.clock.advance(500);
  const { positions } = await (await scene.servers.accept()).expect("resume");
  assert.deepEqual(positions, { "inbox:a": "e.0.", "room:general": "e.5.x" });
});

test("Session.send() never repeats a command that is not known to be harmless twice", async () => {
  await using scene = await loggedIn();
  const answer = rejection(scene.session.send({ cmd: "passwd", old: "1", new: "12345678" }));
  await scene.peer.expect("passwd");
  scene.peer.close();
  const error = await answer;
  assert.ok(error instanceof ConnectionLost);
  assert.equal(error.message, "It is not known whether this was done: /passwd");
  const again = await scene.servers.accept();
  await again.readmit({ missed: 0 });
  scene.session.send({ cmd: "rooms" });
  await again.expect("rooms");
});

test("Session sends a message again that a draining server refused", async () => {
  await using scene = await loggedIn();
  const answers = [scene.session.send({ cmd: "say", text: "one" }), scene.session.send({ cmd: "say", text: "two" })];
  for (const _ of answers) scene.peer.error(await scene.peer.expect("say"), "server_draining");
  await settled();
  scene.peer.close();
  const again = await scene.servers.accept();
  await again.readmit({ missed: 0 });
  for (const text of ["one", "two"]) {
    const request = await again.expect("say");
    assert.equal(request.text, text);
    again.ok(request);
  }
  await soon(Promise.all(answers));
});

test("Session sends messages again, in order, for which the store was away, and says so once", async () => {
  await using scene = await loggedIn();
  const answers = ["one", "two", "three"].map((text) => scene.session.send({ cmd: "say", text }));
  const requests = [await scene.peer.expect("say"), await scene.peer.expect("say"), await scene.peer.expect("say")];
  for (let round = 0; round < 3; round++) {
    for (const request of requests.splice(0)) scene.peer.error(request, "store_unavailable");
    await settled();
    assert.ok(scene.session.storeAway);
    if (round === 0) answers.push(scene.session.send({ cmd: "say", text: "typed meanwhile" }));
    await scene.clock.advance(500);
    for (const _ of answers) requests.push(await scene.peer.expect("say"));
  }
  assert.deepEqual(requests.map(({ text }) => text), ["one", "two", "three", "typed meanwhile"]);
  assert.equal(new Set(requests.map(({ cid }) => cid)).size, 4);
  for (const request of requests) scene.peer.ok(request);
  await soon(Promise.all(answers));
  assert.ok(!scene.session.storeAway);
  const said = scene.told.updates.filter((update) => update.kind === "status" && update.status.state === "store_away");
  assert.equal(said.length, 1);
});

test("Session answers a question at once for which the store is away", async () => {
  await using scene = await loggedIn();
  const answer = rejection(scene.session.send({ cmd: "rooms" }));
  scene.peer.error(await scene.peer.expect("rooms"), "store_unavailable");
  assert.equal((await answer as ChatError).code, "store_unavailable");
});

test("Session gives a message up when the store stays away for as long as it may look for a server", async () => {
  await using scene = await loggedIn({ giveUpMs: 1_000 });
  const answer = rejection(scene.session.send({ cmd: "say", text: "one" }));
  for (let attempt = 0; attempt <= 2; attempt++) {
    scene.peer.error(await scene.peer.expect("say"), "store_unavailable");
    await settled();
    await scene.clock.advance(500);
  }
  assert.equal((await answer as ChatError).code, "store_unavailable");
  assert.ok(!scene.session.storeAway);
});

test("Session marks private messages as seen, the last of those that came together", async () => {
  await using scene = await loggedIn();
  const direct = (seq: number) => said(seq, `dm ${seq}`, { type: "direct", topic: "inbox:a", to: "a" });
  scene.peer.send(direct(1), direct(2), direct(3));
  const first = await scene.peer.expect("seen");
  assert.equal(first.pos, "e.1.x");
  await settled();
  scene.peer.ok(first);
  assert.equal((await scene.peer.expect("seen")).pos, "e.3.x");
  scene.peer.close();
  assert.equal((await (await scene.servers.accept()).expect("resume")).positions["inbox:a"], "e.3.x");
});

test("Session.quit() leaves after what was typed before it, and does not come back", async () => {
  await using scene = await loggedIn();
  scene.session.send({ cmd: "say", text: "last words" });
  const quit = scene.session.quit(2_000);
  scene.peer.ok(await scene.peer.expect("say"));
  scene.peer.ok(await scene.peer.expect("quit"));
  scene.peer.close();
  await soon(quit);
  await soon(scene.told.done);
  assert.equal(scene.session.ending?.reason, "left");
  assert.deepEqual(scene.session.givenUp, []);
  assert.equal(scene.servers.dialed.length, 1);
});

test("Session.quit() leaves at once where there is no connection, and tells what was not sent", async () => {
  await using scene = await loggedIn();
  scene.servers.down.add("one:1").add("two:2");
  scene.peer.close();
  await settled();
  scene.session.send({ cmd: "say", text: "too late" });
  await soon(scene.session.quit(2_000));
  await soon(scene.told.done);
  assert.deepEqual(scene.session.givenUp, ['Not sent: "too late"']);
});
