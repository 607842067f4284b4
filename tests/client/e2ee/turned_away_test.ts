/** A device whose key the server refuses, since its user has as many as there may be. */

import assert from "node:assert/strict";
import { Session } from "../../../lib/client/session/session.ts";
import { sealer } from "../../../lib/client/e2ee/sealer.ts";
import { Sealing } from "../../../lib/client/e2ee/sealing.ts";
import { FakeClock, FakeServers, type Json, type Peer, Recorder, settled, soon, test } from "../fakes.ts";
import { render } from "../../../lib/client/terminal/render.ts";
import { accepted, asked, bob, bobToo, commands, devices, read, time, toldAll } from "./scene.ts";

const limit = "You have 8 device keys, as many as there may be";

/** A session of a's whose key was refused, and which has asked for a's other devices instead. */
async function turnedAway() {
  const servers = new FakeServers();
  const sealing = new Sealing({ folder: undefined, server: { host: "one", port: 1 }, now: () => Date.parse(time) });
  const session = new Session({
    servers: [{ host: "one", port: 1 }],
    dial: servers.dial,
    client: "test/1",
    clock: new FakeClock(),
    sealing: sealer(sealing),
  });
  const [peer] = await Promise.all([servers.accept(commands), session.connect()]);
  const told = new Recorder(session);
  await Promise.all([peer.admit(), session.login({ cmd: "login", user: "a", password: "1" })]);
  const key = await refuse(peer);
  await asked(peer, "a", bobToo);
  await settled();
  return {
    ...{ session, sealing, peer, told, key },
    lines: () => told.updates.flatMap((update) => render(update).lines),
    async [Symbol.asyncDispose]() {
      session.close();
      await soon(told.done, "the session's end");
    },
  };
}

async function refuse(peer: Peer): Promise<string> {
  const request = await peer.expect("key");
  peer.send({ type: "error", id: request.id, code: "forbidden", message: limit });
  return request.public;
}

test("Session goes on where its device's key is refused, says so once, and encrypts for the other devices", async () => {
  await using scene = await turnedAway();
  const { session, peer } = scene;
  await toldAll(scene as never);
  const told = scene.lines().filter((line) => line.includes("without its key"));
  assert.equal(told.length, 1);
  assert.match(told[0], /You have 8 device keys.*\/keys remove <n>/);
  void session.send({ cmd: "msg", to: "b", text: "hello" });
  await asked(peer, "b", bob);
  const sent = await peer.expect("msg");
  assert.equal((await read(sent, bob)).text, "hello");
  assert.equal((await read(sent, bobToo)).text, "hello", "another device of one's own");
  assert.deepEqual(Object.keys(sent.keys).sort(), ["a", "b"]);
  peer.ok(sent, accepted(sent));
});

test("Session announces its device's key when a device was removed, by itself or elsewhere", async () => {
  await using scene = await turnedAway();
  const { session, peer, key } = scene;
  // Elsewhere, and the place was taken by another one meanwhile.
  peer.send({ type: "system", code: "device_key_removed", message: "removed" });
  assert.equal(await refuse(peer), key);
  await asked(peer, "a", bobToo);
  const removing = session.ask({ cmd: "unkey", public: bobToo.public });
  const unkey = await peer.expect("unkey");
  peer.ok(unkey, devices("a"));
  const again = await peer.expect("key");
  assert.equal(again.public, key);
  peer.ok(again, devices("a", { public: key }));
  await soon(removing);
  await toldAll(scene as never);
  assert.ok(scene.lines().some((line) => line.includes("is announced now")));
  assert.equal(scene.sealing.turnedAway, false);
});

test("Session asks for nothing more where a key was removed and its own was not refused", async () => {
  await using scene = await turnedAway();
  const { session, peer } = scene;
  peer.send({ type: "system", code: "device_key_removed", message: "removed" });
  const again: Json = await peer.expect("key");
  peer.ok(again, devices("a", { public: again.public }));
  peer.send({ type: "system", code: "device_key_removed", message: "removed" });
  await toldAll(scene as never);
  void session.send({ cmd: "rooms" });
  await peer.expect("rooms");
});
