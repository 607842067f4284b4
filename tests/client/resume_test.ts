import assert from "node:assert/strict";
import type { LinkOptions } from "../../lib/client/link.ts";
import { render } from "../../lib/client/render.ts";
import { Session } from "../../lib/client/resume.ts";
import { ChatError } from "../../lib/errors.ts";
import { ClientError, ConnectionLost } from "../../lib/client/exit.ts";
import { FakeClock, FakeServers, type Peer, Recorder, said, settled, soon, test } from "./fakes.ts";

interface Scene extends AsyncDisposable {
  readonly servers: FakeServers;
  readonly clock: FakeClock;
  readonly session: Session;
  readonly told: Recorder;
  readonly peer: Peer;
}

/** A session that is logged in as a, in the lobby. */
async function loggedIn(options: Partial<LinkOptions> = {}): Promise<Scene> {
  const servers = new FakeServers();
  const clock = new FakeClock();
  const session = new Session({
    servers: [{ host: "one", port: 1 }, { host: "two", port: 2 }],
    dial: servers.dial,
    client: "test/1",
    clock,
    random: () => 1,
    ...options,
  });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const told = new Recorder(session);
  await Promise.all([peer.admit(), session.login({ cmd: "login", user: "a", password: "1" })]);
  return {
    servers,
    clock,
    session,
    told,
    peer,
    async [Symbol.asyncDispose]() {
      session.close();
      await soon(told.done, "the session's end");
    },
  };
}

/** What a promise was rejected with. */
async function rejection(promise: Promise<unknown>): Promise<Error> {
  return await soon(promise.then(() => assert.fail("it was not rejected"), (error) => error));
}

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

test("Session resumes with its token and positions, and tells what it missed", async () => {
  await using scene = await loggedIn();
  scene.peer.send(said(1, "one"));
  await settled();
  scene.peer.close("broken");
  const again = await scene.servers.accept();
  const request = await again.readmit();
  assert.equal(request.token, "token1");
  assert.deepEqual(request.positions, { "room:lobby": "e.1.x", "inbox:a": "e.0." });
  again.send(said(1, "one"), said(2, "two"), said(3, "three"));
  await scene.clock.advance(250);
  again.send(said(4, "four"));
  again.ok(await again.expect("pong"));
  await scene.clock.advance(250);
  again.ok(await again.expect("pong"));
  const { missed } = await scene.told.status("resumed");
  assert.equal(missed, 3);
  assert.deepEqual(scene.told.texts(), ["one", "two", "three", "four"]);
});

test("Session believes a server that says how many messages are to come", async () => {
  await using scene = await loggedIn();
  scene.peer.close();
  await (await scene.servers.accept()).readmit({ missed: 12 });
  assert.equal((await scene.told.status("resumed")).missed, 12);
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

test("Session.login() connects anew after an idle connection was closed, and says when it cannot", async () => {
  const servers = new FakeServers();
  const session = new Session({
    servers: [{ host: "one", port: 1 }],
    dial: servers.dial,
    client: "test/1",
    clock: new FakeClock(),
  });
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
  const session = new Session({
    servers: [{ host: "one", port: 1 }],
    dial: servers.dial,
    client: "test/1",
    clock: new FakeClock(),
  });
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
  const session = new Session({
    servers: [{ host: "one", port: 1 }, { host: "two", port: 2 }],
    dial: servers.dial,
    client: "test/1",
    clock: new FakeClock(),
  });
  assert.equal((await rejection(session.connect())).message, "Cannot connect to two:2");
  assert.deepEqual(servers.dialed, ["one:1", "two:2"]);
  session.close();
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
  assert.equal(scene.session.givenUp, 0);
  assert.equal(scene.servers.dialed.length, 1);
});

test("Session.quit() leaves at once where there is no connection, and counts what was not sent", async () => {
  await using scene = await loggedIn();
  scene.servers.down.add("one:1").add("two:2");
  scene.peer.close();
  await settled();
  scene.session.send({ cmd: "say", text: "too late" });
  await soon(scene.session.quit(2_000));
  await soon(scene.told.done);
  assert.equal(scene.session.givenUp, 1);
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
