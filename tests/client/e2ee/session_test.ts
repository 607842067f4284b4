/**
 * What goes with encrypted messages: files, a key's end, and sessions and servers without encryption.
 */

import assert from "node:assert/strict";
import { Session } from "../../../lib/client/session/session.ts";
import { privacyOf } from "../../../lib/client/e2ee/privacy.ts";
import { sealer } from "../../../lib/client/e2ee/sealer.ts";
import { Sealing } from "../../../lib/client/e2ee/sealing.ts";
import type { ChatError } from "../../../lib/common/errors.ts";
import { FakeServers, type Json, Recorder, soon, test } from "../fakes.ts";
import { asked, bob, commands, loggedIn, read, secret, time, toldAll } from "./scene.ts";

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
  const session = new Session({
    servers: [{ host: "one", port: 1 }],
    dial: servers.dial,
    client: "t/1",
    sealing: sealer(sealing),
  });
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
