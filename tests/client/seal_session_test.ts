/**
 * A session that encrypts its private messages, against a server that the test plays.
 */

import assert from "node:assert/strict";
import { Session } from "../../lib/client/resume.ts";
import { encodeContent } from "../../lib/client/seal/content.ts";
import { sealEnvelope } from "../../lib/client/seal/envelope.ts";
import { privacyOf } from "../../lib/client/seal/privacy.ts";
import { Sealing } from "../../lib/client/seal/sealing.ts";
import type { ChatError } from "../../lib/errors.ts";
import { sealedNote } from "../../lib/wire/sealed.ts";
import { FakeServers, type Json, Recorder, said, settled, soon, test } from "./fakes.ts";
import {
  accepted,
  announced,
  asked,
  bob,
  bobToo,
  carol,
  commands,
  devices,
  loggedIn,
  read,
  secret,
  stranger,
  time,
  toldAll,
} from "./seal_scene.ts";

test("Session encrypts a message for the devices of both, and shows what was written", async () => {
  await using scene = await loggedIn();
  const answer = scene.session.send({ cmd: "msg", to: "b", text: "hello" });
  await asked(scene.peer, "b", bob, bobToo);
  const request = await scene.peer.expect("msg");
  assert.equal(request.text, sealedNote);
  assert.deepEqual(request.keys, { a: devices("a", scene.own).version, b: devices("b", bob, bobToo).version });
  for (const device of [bob, bobToo]) assert.equal((await read(request, device)).text, "hello");
  scene.peer.ok(request, accepted(request));
  assert.equal(((await soon(answer)) as Json).text, "hello");
  await toldAll(scene);
  assert.deepEqual(scene.lines(), [
    "[CLIENT] Your key for private messages is known for this run only: " +
    "nothing can be remembered here",
    "DM to b (encrypted): hello",
  ]);
  // The keys are known from now on.
  void scene.session.send({ cmd: "dm", to: "B", text: "again" });
  assert.equal((await read(await scene.peer.expect("dm"), bob)).text, "again");
});

test("Session keeps the order of what was typed while it asks for keys", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  for (const request of [["msg", "b", "1"], ["say", "", "2"], ["msg", "c", "3"], ["msg", "b", "4"], ["say", "", "5"]]) {
    const [cmd, to, text] = request;
    void session.send({ cmd, text, ...(to ? { to } : {}) });
  }
  const question = await peer.expect("keys");
  await settled();
  peer.ok(question, devices("b", bob));
  const first = await peer.expect("msg");
  assert.equal((await read(first, bob)).text, "1");
  const second = await peer.expect("say");
  assert.equal(second.text, "2");
  const other = await peer.expect("keys");
  peer.ok(first, accepted(first));
  peer.ok(second, accepted(second));
  peer.ok(other, devices("c", carol));
  assert.equal((await read(await peer.expect("msg"), carol)).text, "3");
  assert.equal((await read(await peer.expect("msg"), bob)).text, "4");
  assert.equal((await peer.expect("say")).text, "5");
});

test("Session says nothing more to somebody before the last message to them is answered", async () => {
  await using scene = await loggedIn();
  for (const text of ["1", "2"]) void scene.session.send({ cmd: "msg", to: "b", text });
  void scene.session.send({ cmd: "say", text: "3" });
  await asked(scene.peer, "b", bob);
  const first = await scene.peer.expect("msg");
  await settled();
  scene.peer.ok(first, accepted(first));
  assert.equal((await read(await scene.peer.expect("msg"), bob)).text, "2");
  assert.equal((await scene.peer.expect("say")).text, "3");
});

test("Session encrypts anew, under the same cid and in order, when the devices have changed", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  for (const text of ["one", "two"]) void session.send({ cmd: "msg", to: "b", text });
  await asked(peer, "b", bob);
  const first = await peer.expect("msg");
  const present = { b: devices("b", bob, bobToo), a: devices("a", scene.own) };
  peer.error(first, "keys_changed", { keys: present });
  const again = await peer.expect("msg");
  assert.equal(again.cid, first.cid);
  assert.equal(again.keys.b, present.b.version);
  assert.equal((await read(again, bobToo)).text, "one");
  peer.ok(again, accepted(again));
  const second = await peer.expect("msg");
  assert.equal((await read(second, bobToo)).text, "two");
  peer.ok(second, accepted(second, 2));
  await toldAll(scene);
  assert.deepEqual(scene.lines().slice(1), [
    "[CLIENT] b's devices have changed: a device was added. /verify b compares the safety number",
    "DM to b (encrypted): one",
    "DM to b (encrypted): two",
  ]);
});

test("Session announces its key again where another device has removed it", async () => {
  await using scene = await loggedIn();
  void scene.session.send({ cmd: "msg", to: "b", text: "one" });
  await asked(scene.peer, "b", bob);
  const first = await scene.peer.expect("msg");
  scene.peer.error(first, "keys_changed", { keys: { b: devices("b", bob), a: devices("a", stranger) } });
  assert.deepEqual(await announced(scene.peer, stranger), scene.own);
  const again = await scene.peer.expect("msg");
  assert.equal(again.keys.a, devices("a", scene.own, stranger).version);
  assert.equal((await read(again, bob)).text, "one");
});

test("Session gives a message up when the server always knows of other devices", async () => {
  await using scene = await loggedIn();
  const refused = assert.rejects(scene.session.send({ cmd: "msg", to: "b", text: "one" }), { code: "keys_changed" });
  await asked(scene.peer, "b", bob);
  for (let attempt = 0; attempt <= 5; attempt++) {
    const request = await scene.peer.expect("msg");
    scene.peer.error(request, "keys_changed", { keys: { b: devices("b", bob), a: devices("a", scene.own) } });
  }
  await soon(refused);
});

test("Session encrypts again after a lost connection, under the same cid and in order", async () => {
  await using scene = await loggedIn();
  for (const text of ["one", "two"]) void scene.session.send({ cmd: "msg", to: "b", text });
  void scene.session.send({ cmd: "say", text: "three" });
  await asked(scene.peer, "b", bob);
  const first = await scene.peer.expect("msg");
  scene.peer.close("broken");
  const next = await scene.servers.accept(commands);
  await next.readmit({ missed: 0 });
  assert.deepEqual(await announced(next), scene.own);
  const again = await next.expect("msg");
  assert.equal(again.cid, first.cid);
  assert.equal((await read(again, bob)).text, "one");
  next.ok(again, accepted(again));
  assert.equal((await read(await next.expect("msg"), bob)).text, "two");
  assert.equal((await next.expect("say")).text, "three");
});

test("Session asks again for keys when the connection was lost before they were told", async () => {
  await using scene = await loggedIn();
  void scene.session.send({ cmd: "msg", to: "b", text: "one" });
  await scene.peer.expect("keys");
  scene.peer.close("broken");
  const next = await scene.servers.accept(commands);
  await next.readmit({ missed: 0 });
  await announced(next);
  await asked(next, "b", bob);
  assert.equal((await read(await next.expect("msg"), bob)).text, "one");
});

test("Session sends a message as it is to whom nobody can encrypt for, and says so once", async () => {
  await using scene = await loggedIn();
  for (const text of ["one", "two"]) void scene.session.send({ cmd: "msg", to: "b", text });
  await asked(scene.peer, "b");
  for (const text of ["one", "two"]) {
    const request = await scene.peer.expect("msg");
    assert.deepEqual([request.text, request.sealed], [text, undefined]);
    // The server is told what the client goes by: it knows when b has a device.
    assert.deepEqual(request.keys, { a: devices("a", scene.own).version, b: devices("b").version });
    scene.peer.ok(request, accepted(request));
  }
  await toldAll(scene);
  assert.deepEqual(scene.lines(), [
    "[CLIENT] b has no device that can decrypt: private messages to b can be read by the server",
    "DM to b: one",
    "DM to b: two",
  ]);
});

test("Session sends nothing to whom had devices and has none by the server's word, until a person accepts it", async () => {
  await using scene = await loggedIn();
  void scene.session.send({ cmd: "msg", to: "b", text: "one" });
  await asked(scene.peer, "b", bob);
  const first = await scene.peer.expect("msg");
  const refused = assert.rejects(scene.session.send({ cmd: "msg", to: "b", text: "two" }), /no device any more/);
  scene.peer.error(first, "keys_changed", { keys: { b: devices("b"), a: devices("a", scene.own) } });
  await soon(refused);
  await Promise.all([assert.rejects(scene.session.canSeal("b"), /no device any more/), asked(scene.peer, "b")]);
  scene.sealing.account!.known.accept("b");
  assert.equal(await Promise.all([scene.session.canSeal("b"), asked(scene.peer, "b")]).then(([can]) => can), false);
  void scene.session.send({ cmd: "msg", to: "b", text: "three" });
  assert.equal((await scene.peer.expect("msg")).text, "three");
});

test("Session sends nothing to whom was verified and has another device, until a person accepts it", async () => {
  await using scene = await loggedIn();
  const { known } = scene.sealing.account!;
  void scene.session.send({ cmd: "msg", to: "b", text: "one" });
  await asked(scene.peer, "b", bob);
  const first = await scene.peer.expect("msg");
  known.verify("b", scene.sealing.account!.sets("b"));
  scene.peer.ok(first, accepted(first));
  const second = scene.session.send({ cmd: "msg", to: "b", text: "two" });
  const request = await scene.peer.expect("msg");
  const third = scene.session.send({ cmd: "msg", to: "b", text: "three" });
  scene.peer.error(request, "keys_changed", { keys: { b: devices("b", bob, stranger), a: devices("a", scene.own) } });
  for (const answer of [second, third]) await assert.rejects(soon(answer), /have changed since you verified b/);
  known.accept("b");
  void scene.session.send({ cmd: "msg", to: "b", text: "four" });
  assert.equal((await read(await scene.peer.expect("msg"), stranger)).text, "four");
});

test("Session sends nothing to whom was verified when one's own account has another device", async () => {
  await using scene = await loggedIn();
  assert.equal(await Promise.all([scene.session.canSeal("b"), asked(scene.peer, "b", bob)]).then(([can]) => can), true);
  scene.sealing.account!.known.verify("b", scene.sealing.account!.sets("b"));
  void scene.session.ask({ cmd: "keys", user: "a" });
  scene.peer.ok(await scene.peer.expect("keys"), devices("a", scene.own, stranger));
  await toldAll(scene);
  await assert.rejects(scene.session.send({ cmd: "msg", to: "b", text: "x" }), /Your own devices have changed/);
  await toldAll(scene);
  assert.deepEqual(scene.lines(), [
    "[CLIENT] Your devices have changed: a device was added. /keys lists them",
    "[ERROR] keys_changed: Your own devices have changed since you verified b, so nothing is sent. " +
    "/verify b shows the new safety number; /verify b accept goes on without comparing it",
  ]);
});

test("Session refuses a message when the server does not tell whose keys there are, and never sends it as it is", async () => {
  await using scene = await loggedIn();
  const answers: [(request: Json) => void, string][] = [
    [(request) => scene.peer.error(request, "unknown_user"), "unknown_user"],
    [(request) => scene.peer.ok(request, { user: "c", keys: [], version: "v" }), "internal"],
    [(request) => scene.peer.ok(request, { ...devices("b"), keys: [{ public: "short", added: time }] }), "internal"],
    [
      (request) =>
        scene.peer.ok(request, { ...devices("b"), keys: Array(33).fill({ public: bob.public, added: time }) }),
      "internal",
    ],
    [(request) => scene.peer.ok(request), "internal"],
  ];
  for (const [answer, code] of answers) {
    const refused = scene.session.send({ cmd: "msg", to: "b", text: "hush" }).then(() => "", (error) => error.code);
    void scene.session.send({ cmd: "say", text: "after" });
    answer(await scene.peer.expect("keys"));
    const after = await scene.peer.expect("say");
    scene.peer.ok(after, accepted(after));
    assert.equal(await soon(refused), code);
  }
});

test("Session refuses by itself what the server would refuse, were it not encrypted", async () => {
  await using scene = await loggedIn();
  const code = (request: Json) => scene.session.send(request).then(() => "", (error) => error.code);
  const wrong = code({ cmd: "msg", to: "no name", text: "x" });
  assert.equal(await soon(wrong), "invalid_username");
  const long = code({ cmd: "msg", to: "b", text: "x".repeat(65) });
  await asked(scene.peer, "b", bob);
  assert.equal(await soon(long), "message_too_long");
  assert.equal(await soon(code({ cmd: "msg", to: "b", text: "\x07 " })), "usage");
  void scene.session.send({ cmd: "msg", to: "b", text: "a\x1b[2Jb" });
  assert.equal((await read(await scene.peer.expect("msg"), bob)).text, "a[2Jb");
});

test("Session shows encrypted messages in their order, also while it asks whose device wrote one", async () => {
  await using scene = await loggedIn();
  const { peer } = scene;
  peer.send(said(1, "before"), await secret(scene, 1, "psst", bob), said(2, "after"));
  const question = await peer.expect("keys");
  await settled();
  assert.deepEqual(scene.told.texts(), ["before"]);
  peer.send(said(3, "later"));
  peer.ok(question, devices("b", bob));
  const seen = await peer.expect("seen");
  peer.ok(seen);
  await toldAll(scene);
  assert.deepEqual(scene.told.texts(), ["before", "psst", "after", "later"]);
  assert.ok(scene.lines().includes("DM from b (encrypted): psst"));
  // The next of that device is shown at once.
  peer.send(await secret(scene, 2, "psst again", bob));
  await peer.expect("seen");
  assert.ok(scene.lines().includes("DM from b (encrypted): psst again"));
});

test("Session marks what was written on a device that its sender does not have, and asks for it once", async () => {
  await using scene = await loggedIn();
  const { peer } = scene;
  peer.send(await secret(scene, 1, "it is me", stranger), await secret(scene, 2, "really", stranger));
  peer.ok(await peer.expect("keys"), devices("b", bob));
  await peer.expect("seen");
  await toldAll(scene);
  assert.deepEqual(scene.lines().slice(1), [
    "DM from b (encrypted on an unknown device): it is me",
    "DM from b (encrypted on an unknown device): really",
  ]);
});

test("Session marks what a verified person wrote for verified devices, and what they did not encrypt", async () => {
  await using scene = await loggedIn();
  const { peer, session, sealing } = scene;
  await Promise.all([session.canSeal("b"), asked(peer, "b", bob)]);
  sealing.account!.known.verify("b", sealing.account!.sets("b"));
  const plain = said(2, "free", { type: "direct", topic: "inbox:a", to: "a" });
  const also = await sealEnvelope(
    encodeContent({ text: "for a third as well", time: Date.parse(time) }),
    { from: "b", to: "a", cid: "c3" },
    bob,
    [scene.own.public, bob.public, stranger.public],
  );
  peer.send(await secret(scene, 1, "mine", bob), plain, { ...await secret(scene, 3, "", bob), sealed: also });
  await peer.expect("seen");
  await toldAll(scene);
  assert.deepEqual(scene.lines().slice(1), [
    "DM from b (verified): mine",
    "[CLIENT] b is verified, but a message from b is not encrypted: the server could read it, or have written it",
    "DM from b (not encrypted): free",
    "DM from b (encrypted): for a third as well",
  ]);
});

test("Session shows one sentence for what it cannot read, and goes on", async () => {
  await using scene = await loggedIn();
  const { peer } = scene;
  const real = await secret(scene, 1, "hello", bob);
  const others = await sealEnvelope(new Uint8Array([123, 125]), { from: "b", to: "a", cid: "c1" }, bob, [carol.public]);
  const odd = [
    "",
    "A",
    "AA==",
    "AQ==",
    "////",
    "A".repeat(16384),
    real.sealed.slice(4),
    real.sealed.slice(0, -4),
    others,
  ];
  const broken = odd.map((sealed, index) => ({ ...real, seq: index + 1, pos: `e.${index + 1}.x`, sealed }));
  const rest = [{ sealed: 7 }, { cid: undefined }, { cid: "c2" }, { from: "c" }, { to: "b" }];
  const moved = rest.map((fields, index) => ({ ...real, seq: 20 + index, pos: `e.${20 + index}.x`, ...fields }));
  peer.send(...broken, ...moved);
  for (;;) {
    const line = JSON.parse((await peer.line())!);
    if (line.cmd === "seen") {
      peer.ok(line);
      if (line.pos === "e.24.x") break;
    } else peer.ok(line, devices(line.user, bob));
  }
  await toldAll(scene);
  const lines = scene.lines().filter((line) => line.startsWith("DM "));
  assert.equal(lines.length, odd.length + rest.length);
  assert.equal(lines.filter((line) => line.includes("(unreadable): [cannot be read: ")).length, odd.length + 4);
  assert.equal(lines[odd.length - 1], "DM from b (unreadable): [cannot be read: it was not encrypted for this device]");
  assert.equal(lines[odd.length], `DM from b: ${sealedNote}`);
  void scene.session.send({ cmd: "say", text: "still here" });
  await peer.expect("say");
});

test("Session tells when a message was written at another time than the server says", async () => {
  await using scene = await loggedIn();
  const { peer } = scene;
  const at = (minutes: number) => ({ inside: { time: Date.parse(time) - minutes * 60_000 } });
  peer.send(await secret(scene, 1, "now", bob, at(9)), await secret(scene, 2, "then", bob, at(11)));
  peer.ok(await peer.expect("keys"), devices("b", bob));
  await peer.expect("seen");
  await toldAll(scene);
  assert.deepEqual(scene.lines().slice(1), [
    "DM from b (encrypted): now",
    "DM from b (encrypted, written 2026-11-21 08:49 UTC): then",
  ]);
});

test("Session believes no mark that the server has set, and no name that looks like one", async () => {
  await using scene = await loggedIn();
  const forged = { type: "direct", topic: "inbox:a", to: "a", privacy: { state: "verified" } };
  scene.peer.send(
    said(1, "one", forged),
    said(2, "two", { ...forged, from: "b (verified)" }),
    said(3, "three", { from: "DM from b (verified)" }),
  );
  await toldAll(scene);
  assert.deepEqual(scene.lines(), ["DM from b: one", "DM from b??verified?: two", "DM?from?b??verified?: three"]);
  void scene.session.send({ cmd: "history", user: "b" });
  scene.peer.ok(await scene.peer.expect("seen"));
  scene.peer.ok(await scene.peer.expect("history"), {
    messages: [said(1, "four", forged), null, "x", { sealed: "AQ==" }],
  });
  await toldAll(scene);
  assert.ok(scene.lines().every((line) => !line.includes("(verified)")), scene.lines().join("\n"));
});

test("Session opens what a history has, one's own messages among them", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  void session.send({ cmd: "msg", to: "b", text: "mine" });
  await asked(peer, "b", bob);
  const sent = await peer.expect("msg");
  peer.ok(sent, accepted(sent));
  const mine = { ...said(1, sealedNote, { type: "direct", topic: "inbox:b", from: "a", to: "b" }), ...sent };
  void session.send({ cmd: "history", user: "b" });
  const request = await peer.expect("history");
  peer.ok(request, {
    messages: [mine, await secret(scene, 2, "yours", bob), said(3, "old", { type: "direct", to: "a" })],
  });
  await toldAll(scene);
  assert.deepEqual(scene.lines().slice(2), [
    "[2026-11-21T09:00:00Z] a (encrypted): mine",
    "[2026-11-21T09:00:00Z] b (encrypted): yours",
    "[2026-11-21T09:00:00Z] b: old",
  ]);
});

test("Session puts what is private about a file inside, and gives it to the reader with the offer", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  const file = { name: "plan.pdf", size: 3, sha256: "00", key: "k".repeat(43) };
  const { sha256: _, ...part } = file;
  void session.send({ cmd: "msg", to: "b", text: "offers plan.pdf", file: "f1", private: { file } });
  await asked(peer, "b", bob);
  const line = (await peer.line())!;
  assert.ok(!line.includes("plan") && !line.includes("kkk") && !line.includes("private"));
  assert.deepEqual((await read(JSON.parse(line), bob)).file, { id: "f1", ...file });
  const offer = { id: "f1", name: "encrypted", size: 19, sha256: "11", expires: time };
  const inside = { file: { id: "f1", ...file } };
  peer.send(
    await secret(scene, 1, "x", bob, { inside, file: offer }),
    await secret(scene, 2, "y", bob, { file: offer }), // the sender offered none
    await secret(scene, 3, "z", bob, { inside, file: { ...offer, id: "f2" } }),
    await secret(scene, 4, "z", bob, { inside: { file: { id: "f1", ...part } }, file: offer }), // it says not all of it
  );
  await peer.expect("seen");
  await toldAll(scene);
  const events = scene.told.updates.flatMap((update) => update.kind === "event" ? [update.event as Json] : []);
  assert.deepEqual(events.map((event) => event.file), [
    { id: "f1", ...file, expires: time },
    undefined,
    undefined,
    undefined,
  ]);
  assert.ok(events.every((event) => event.sealed === undefined && privacyOf(event)?.state === "sealed"));
});

test("Session offers no file as it is where the reader cannot decrypt any more", async () => {
  await using scene = await loggedIn();
  const request = { cmd: "msg", to: "b", text: "x", file: "f1", private: { file: { name: "plan.pdf" } } };
  const refused = assert.rejects(scene.session.send(request), (error: ChatError) => error.code === "keys_changed");
  await asked(scene.peer, "b");
  await soon(refused);
});

test("Session without encryption writes nothing that is private onto the wire", async () => {
  const servers = new FakeServers();
  const session = new Session({ servers: [{ host: "one", port: 1 }], dial: servers.dial, client: "t/1" });
  const [peer] = await Promise.all([servers.accept(commands), session.connect()]);
  const told = new Recorder(session);
  await Promise.all([peer.admit(), session.login({ cmd: "login", user: "a", password: "1" })]);
  assert.equal(await session.canSeal("b"), false);
  void session.send({ cmd: "msg", to: "b", text: "x", private: { file: {} } });
  assert.ok(!(await peer.line())!.includes("private"));
  session.close();
  await soon(told.done);
});

test("Session goes on with an earlier server, which has no keys", async () => {
  const servers = new FakeServers();
  const sealing = new Sealing({ folder: undefined, server: { host: "one", port: 1 } });
  const session = new Session({ servers: [{ host: "one", port: 1 }], dial: servers.dial, client: "t/1", sealing });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const told = new Recorder(session);
  await Promise.all([peer.admit(), session.login({ cmd: "login", user: "a", password: "1" })]);
  void session.send({ cmd: "msg", to: "b", text: "x" });
  assert.equal((await peer.expect("msg")).text, "x");
  session.close();
  await soon(told.done);
});

test("Session removes a key that is known for this run only when it leaves", async () => {
  await using scene = await loggedIn();
  const leaving = scene.session.quit(1000);
  assert.equal((await scene.peer.expect("unkey")).public, scene.own.public);
  await scene.peer.expect("quit");
  scene.peer.close();
  await soon(leaving.then(() => {}));
});
