/**
 * What a session encrypts: for whom, in which order, and when it sends nothing.
 */

import assert from "node:assert/strict";
import { sealedNote } from "../../../lib/wire/sealed.ts";
import { type Json, settled, soon, test } from "../fakes.ts";
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
  stranger,
  time,
  toldAll,
} from "./scene.ts";

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

test("Session encrypts for a user's other devices where nothing can be encrypted for one", async () => {
  await using scene = await loggedIn();
  const unusable = { public: "A".repeat(43) };
  const answer = scene.session.send({ cmd: "msg", to: "b", text: "hello" });
  await asked(scene.peer, "b", unusable, bob);
  const request = await scene.peer.expect("msg");
  assert.deepEqual(request.keys, { a: devices("a", scene.own).version, b: devices("b", unusable, bob).version });
  assert.equal((await read(request, bob)).text, "hello");
  scene.peer.ok(request, accepted(request));
  assert.equal(((await soon(answer)) as Json).text, "hello");
});

test("Session says that the server can read what is for a user for whose devices nothing can be encrypted", async () => {
  await using scene = await loggedIn();
  const unusable = { public: "A".repeat(43) };
  void scene.session.send({ cmd: "msg", to: "b", text: "hello" });
  await asked(scene.peer, "b", unusable);
  const request = await scene.peer.expect("msg");
  assert.equal(request.text, "hello");
  scene.peer.ok(request, accepted(request));
  await toldAll(scene);
  assert.deepEqual(scene.lines(), [
    "[CLIENT] b has no device that can decrypt: private messages to b can be read by the server",
    "DM to b: hello",
  ]);
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
  const { sealing } = scene;
  const prepared: unknown[] = [];
  const prepare = sealing.prepare.bind(sealing);
  sealing.prepare = (request, ...rest) => {
    prepared.push(request.text);
    return prepare(request, ...rest);
  };
  void scene.session.send({ cmd: "msg", to: "b", text: "1" });
  void scene.session.send({ cmd: "msg", to: "B", text: "2" });
  void scene.session.send({ cmd: "say", text: "3" });
  await asked(scene.peer, "b", bob);
  const first = await scene.peer.expect("msg");
  await settled();
  assert.deepEqual(prepared, ["1"]);
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
