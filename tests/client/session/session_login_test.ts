/**
 * How a session's logins begin and end.
 */

import assert from "node:assert/strict";
import { ClientError } from "../../../lib/client/base/exit.ts";
import { ChatError } from "../../../lib/common/errors.ts";
import { FakeServers, Recorder, said, settled, soon, test } from "../fakes.ts";
import { loggedIn, newSession, rejection } from "./scene.ts";

test("Session asks for a login when its token is worth nothing, and gives up what was not sent", async () => {
  await using scene = await loggedIn();
  const sent = rejection(scene.session.send({ cmd: "say", text: "sent" }));
  await scene.peer.expect("say");
  scene.peer.close();
  await settled();
  const typed = rejection(scene.session.send({ cmd: "say", text: "typed" }));
  const again = await scene.servers.accept();
  again.error(await again.expect("resume"), "invalid_credentials");
  await scene.told.status("login_needed");
  assert.match((await sent).message, /^It is not known whether this was done: "sent"/);
  const late = await typed;
  assert.ok(late instanceof ClientError);
  assert.equal(late.message, 'Not sent: "typed"');
  assert.equal(scene.session.user, undefined);
  await Promise.all([again.admit(), scene.session.login({ cmd: "login", user: "a", password: "1" })]);
  assert.equal(scene.session.user, "a");
});

test("Session does not come back after a forced logout", async () => {
  await using scene = await loggedIn();
  scene.peer.send({ type: "system", code: "forced_logout", message: "Logged in from another location." });
  scene.peer.close();
  await soon(scene.told.done, "the session's end");
  assert.equal(scene.session.ending?.reason, "forced_logout");
  assert.equal(scene.session.ending?.exit, "login");
  assert.equal(scene.servers.dialed.length, 1);
  await rejection(scene.session.send({ cmd: "say", text: "late" }));
  await rejection(scene.session.login({ cmd: "login", user: "a", password: "1" }));
});

test("Session forgets its token when its device is revoked", async () => {
  const kept: (string | undefined)[] = [];
  await using scene = await loggedIn({ keep: (token) => void kept.push(token) });
  scene.peer.send({ type: "system", code: "forced_logout", message: "This device was revoked." });
  scene.peer.close();
  await soon(scene.told.done, "the session's end");
  assert.deepEqual(kept, ["token1", undefined]);
  assert.equal(scene.servers.dialed.length, 1);
});

test("Session logs in as the device that it is told to be, and knows which one the server took it for", async () => {
  for (const [given, named] of [[undefined, "phone"], ["tablet", "tablet"]] as const) {
    const servers = new FakeServers();
    const session = newSession(servers, { device: "phone" });
    const [peer] = await Promise.all([servers.accept(), session.connect()]);
    const told = new Recorder(session);
    const device = given === undefined ? {} : { device: given };
    const login = session.login({ cmd: "login", user: "a", password: "1", ...device });
    const request = await peer.expect("login");
    assert.equal(request.device, named);
    peer.ok(request, { user: "a", room: "lobby", device: named, resume: "token1", positions: {} });
    await soon(login);
    assert.equal(session.device, named);
    // A resume names no device: the token knows it.
    peer.close("broken");
    const next = await servers.accept();
    assert.equal("device" in await next.readmit({ device: named }), false);
    await told.status("resumed");
    assert.equal(session.device, named);
    session.close();
    await soon(told.done, "the session's end");
  }
});

test("Session names no device where it is told none", async () => {
  const servers = new FakeServers();
  const session = newSession(servers);
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const told = new Recorder(session);
  const login = session.login({ cmd: "login", user: "a", password: "1" });
  const request = await peer.expect("login");
  assert.deepEqual(Object.keys(request).sort(), ["cmd", "id", "password", "user"]);
  peer.ok(request, { user: "a", room: "lobby", positions: {} });
  await soon(login);
  assert.equal(session.device, undefined);
  session.close();
  await soon(told.done, "the session's end");
});

test("Session.devices() and revoke() ask the server, and are no updates", async () => {
  await using scene = await loggedIn();
  const { session, peer, told } = scene;
  const line = { device: "phone", server: "s", since: "2026-11-28T09:00:00.000Z", client: "", here: true, side: false };
  const listed = session.devices();
  peer.ok(await peer.expect("devices"), { devices: [line] });
  assert.deepEqual(await soon(listed), [line]);
  const one = session.revoke("tablet");
  const revoke = await peer.expect("revoke");
  assert.equal(revoke.device, "tablet");
  peer.ok(revoke, { device: "tablet" });
  assert.deepEqual(await soon(one), ["tablet"]);
  const others = session.revoke();
  const all = await peer.expect("revoke");
  assert.equal(all.device, "all");
  peer.ok(all, { device: "all", revoked: ["laptop", "tablet"] });
  assert.deepEqual(await soon(others), ["laptop", "tablet"]);
  const unknown = rejection(session.revoke("nosuch"));
  peer.error(await peer.expect("revoke"), "unknown_device");
  assert.equal((await unknown as ChatError).code, "unknown_device");
  assert.equal(told.updates.filter(({ kind }) => kind === "reply").length, 1); // the login's
});

test("Session comes back when the server's store has lost the session, and asks for a login where it must", async () => {
  await using scene = await loggedIn();
  scene.peer.send({ type: "system", code: "session_lost", message: "Lost.", retry_after_ms: 0 });
  scene.peer.close();
  await scene.told.status("lost");
  const again = await scene.servers.accept();
  again.error(await again.expect("resume"), "invalid_credentials");
  await scene.told.status("login_needed");
  await Promise.all([again.admit(), scene.session.login({ cmd: "login", user: "a", password: "1" })]);
  assert.equal(scene.session.user, "a");
});

test("Session.login() connects anew after an idle connection was closed, and says when it cannot", async () => {
  const servers = new FakeServers();
  const session = newSession(servers, { servers: [{ host: "one", port: 1 }] });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const told = new Recorder(session);
  peer.send({ type: "error", code: "idle_timeout", message: "You did not log in in time" });
  peer.close();
  await settled();
  assert.equal(servers.dialed.length, 1);
  servers.down.add("one:1");
  const login = () => session.login({ cmd: "login", user: "a", password: "1" });
  assert.match((await rejection(login())).message, /Cannot connect to one:1/);
  servers.down.clear();
  const answer = login();
  await (await servers.accept()).admit();
  await soon(answer);
  session.close();
  await soon(told.done);
});

test("Session.login() passes a refusal on and can be called again", async () => {
  const servers = new FakeServers();
  const session = newSession(servers, { servers: [{ host: "one", port: 1 }] });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const told = new Recorder(session);
  const refused = rejection(session.login({ cmd: "login", user: "a", password: "2" }));
  peer.error(await peer.expect("login"), "invalid_credentials");
  const error = await refused;
  assert.ok(error instanceof ChatError && error.code === "invalid_credentials");
  await Promise.all([peer.admit(), session.login({ cmd: "login", user: "a", password: "1" })]);
  session.close();
  await soon(told.done);
});

test("Session.connect() tries each server once and throws the last one's error", async () => {
  const servers = new FakeServers();
  servers.down.add("one:1").add("two:2");
  const session = newSession(servers);
  assert.equal((await rejection(session.connect())).message, "Cannot connect to two:2");
  assert.deepEqual(servers.dialed, ["one:1", "two:2"]);
  session.close();
});

test("Session is logged out though the server could not end its resume token, and says so", async () => {
  await using scene = await loggedIn();
  const refused = rejection(scene.session.send({ cmd: "logout" }));
  const { id } = await scene.peer.expect("logout");
  scene.peer.send({ type: "error", id, code: "store_unavailable", message: "You are logged out here, but …" });
  assert.equal((await refused).message, "You are logged out here, but …");
  await scene.told.status("logged_out");
  const login = scene.session.login({ cmd: "login", user: "b", password: "1" });
  await scene.peer.admit({ user: "b" });
  await soon(login);
});

test("Session forgets everything at a logout, and can log in as somebody else", async () => {
  await using scene = await loggedIn();
  scene.peer.send(said(5, "five"));
  scene.session.send({ cmd: "logout" });
  scene.peer.ok(await scene.peer.expect("logout"));
  await scene.told.status("logged_out");
  const login = scene.session.login({ cmd: "login", user: "b", password: "1" });
  await scene.peer.admit();
  await soon(login);
  scene.peer.send(said(1, "in a log made anew"));
  await settled();
  assert.deepEqual(scene.told.texts(), ["five", "in a log made anew"]);
});

test("Session takes the new token that a change of password brings", async () => {
  await using scene = await loggedIn();
  const answer = scene.session.send({ cmd: "passwd", old: "1", new: "12345678" });
  scene.peer.ok(await scene.peer.expect("passwd"), { resume: "token9" });
  await soon(answer);
  scene.peer.close();
  assert.equal((await (await scene.servers.accept()).expect("resume")).token, "token9");
});

test("Session goes on, and tells it once, where what resumes the session cannot be kept", async () => {
  const servers = new FakeServers();
  const session = newSession(servers, { keep: () => "The disk is full" });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const told = new Recorder(session);
  await Promise.all([peer.admit(), session.login({ cmd: "login", user: "a", password: "1" })]);
  await settled();
  const statuses = told.updates.flatMap((update) => update.kind === "status" ? [update.status] : []);
  assert.deepEqual(statuses, [{ state: "notice", message: "The disk is full" }]);
  assert.equal(session.user, "a");
  session.close();
  await told.done;
});
