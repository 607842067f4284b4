/**
 * A session that comes back after a lost connection: with what, where, when, and what it tells of it.
 */

import assert from "node:assert/strict";
import { render } from "../../../lib/client/terminal/render.ts";
import { said, settled, soon, test } from "../fakes.ts";
import { loggedIn, rejection } from "./scene.ts";

test("Session resumes with its token and positions, and tells what it missed", async () => {
  await using scene = await loggedIn();
  scene.peer.send(said(1, "one"));
  await settled();
  scene.peer.close("broken");
  const again = await scene.servers.accept();
  const request = await again.readmit();
  assert.equal(request.token, "token1");
  assert.deepEqual(request.positions, { "room:lobby": "e.1.x", "inbox:a": "e.0." });
  again.send(said(1, "one"), said(2, "two"), said(3, "three"), said(4, "four"));
  await settled();
  assert.deepEqual(scene.told.texts(), ["one", "two", "three", "four"]);
});

test("Session believes a server that says how many messages are to come", async () => {
  await using scene = await loggedIn();
  scene.peer.close();
  await (await scene.servers.accept()).readmit({ missed: 12 });
  assert.equal((await scene.told.status("resumed")).missed, 12);
});

test("Session never says that nothing was missed where its server does not know, and asks nothing by itself", async () => {
  for (const fields of [{}, { missed: null }, { missed: "0" }]) {
    await using scene = await loggedIn();
    scene.peer.close();
    const again = await scene.servers.accept();
    await again.readmit(fields);
    const status = await scene.told.status("resumed");
    assert.equal(status.missed, null);
    assert.deepEqual(render({ kind: "status", status }).lines, [
      "[CLIENT] Back on one:1; it is not known what was missed",
    ]);
    await scene.clock.advance(5_000);
    void scene.session.send({ cmd: "say", text: "hi" });
    assert.equal((await again.expect("say")).text, "hi", "nothing was sent before it");
  }
});

test("Session presents the newest token, and the old one where the answer was lost", async () => {
  await using scene = await loggedIn();
  scene.peer.close();
  const second = await scene.servers.accept();
  assert.equal((await second.expect("resume")).token, "token1");
  second.close();
  const third = await scene.servers.accept();
  assert.equal((await third.readmit()).token, "token1");
  await settled();
  third.close();
  await scene.clock.advance(500);
  const fourth = await scene.servers.accept();
  assert.equal((await fourth.expect("resume")).token, "token2");
});

test("Session goes through its servers in turn: a round at once, then after growing pauses", async () => {
  await using scene = await loggedIn();
  await scene.clock.advance(6_000);
  scene.servers.dialed.length = 0;
  scene.servers.down.add("one:1").add("two:2");
  scene.peer.close();
  await settled();
  assert.deepEqual(scene.servers.dialed, ["one:1", "two:2"]);
  await scene.clock.advance(499);
  assert.equal(scene.servers.dialed.length, 2);
  await scene.clock.advance(1);
  assert.deepEqual(scene.servers.dialed.slice(2), ["one:1", "two:2"]);
  await scene.clock.advance(999);
  assert.equal(scene.servers.dialed.length, 4);
  scene.servers.down.delete("two:2");
  await scene.clock.advance(1);
  assert.deepEqual(scene.servers.dialed.slice(4), ["one:1", "two:2"]);
  await (await scene.servers.accept()).readmit({ missed: 0 });
  assert.deepEqual((await scene.told.status("resumed")).server, { host: "two", port: 2 });
});

test("Session comes back when a draining server said, and elsewhere first", async () => {
  await using scene = await loggedIn();
  scene.peer.send({ type: "system", code: "server_draining", message: "Bye", retry_after_ms: 700 });
  await settled();
  const answer = scene.session.send({ cmd: "say", text: "kept" });
  await settled();
  scene.peer.close();
  await scene.clock.advance(699);
  assert.equal(scene.servers.dialed.length, 1);
  await scene.clock.advance(1);
  const again = await scene.servers.accept();
  assert.equal(again.server, "two:2");
  await again.readmit({ missed: 0 });
  again.ok(await again.expect("say"));
  await soon(answer);
});

test("Session tells of a move once it is done, and not of the notice, nor of a server that is away too", async () => {
  await using scene = await loggedIn();
  scene.servers.down.add("two:2");
  scene.peer.send({ type: "system", code: "server_draining", message: "Bye", retry_after_ms: 0 });
  await settled();
  scene.peer.close();
  const again = await scene.servers.accept();
  await again.readmit({ missed: 0 });
  await scene.told.status("resumed");
  assert.ok(scene.servers.dialed.includes("two:2"));
  const shown = scene.told.updates.map(render).flatMap(({ lines }) => lines).slice(-1);
  assert.deepEqual(shown, [`[CLIENT] Back on ${again.server}; nothing was missed`]);
  const seen = scene.told.updates.filter((update) =>
    update.kind === "event" || (update.kind === "status" && update.status.state === "unreachable")
  );
  assert.deepEqual(seen, []);
});

test("Session tries a resume again that was refused for a passing reason", async () => {
  await using scene = await loggedIn();
  scene.peer.close();
  const second = await scene.servers.accept();
  second.error(await second.expect("resume"), "store_unavailable");
  const third = await scene.servers.accept();
  assert.notEqual(third.server, second.server);
  await third.readmit({ missed: 0 });
  await scene.told.status("resumed");
});

test("Session.retry() tries at once where it waits to, and does nothing otherwise", async () => {
  await using scene = await loggedIn();
  scene.session.retry();
  for (const server of ["one:1", "two:2"]) scene.servers.down.add(server);
  scene.peer.close();
  await scene.told.status("waiting");
  const before = scene.clock.now();
  scene.servers.down.clear();
  scene.session.retry();
  const again = await scene.servers.accept();
  await again.readmit({ missed: 0 });
  await scene.told.status("resumed");
  assert.equal(scene.clock.now(), before);
});

test("Session gives up after the time that it was given", async () => {
  await using scene = await loggedIn({ giveUpMs: 3_000 });
  scene.servers.down.add("one:1").add("two:2");
  const answer = rejection(scene.session.send({ cmd: "whoami" }));
  scene.peer.close();
  await scene.clock.advance(4_000);
  await soon(scene.told.done, "the session's end");
  assert.equal(scene.session.ending?.reason, "gave_up");
  await answer;
});
