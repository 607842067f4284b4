import assert from "node:assert/strict";
import { Additions } from "../../../lib/client/terminal/additions.ts";
import { ClientError, type Exit } from "../../../lib/client/base/exit.ts";
import { Session } from "../../../lib/client/session/session.ts";
import { runScript } from "../../../lib/client/cli/script.ts";
import type { Login } from "../../../lib/client/session/update.ts";
import { FakeClock, fakeCommands, FakeServers, type Json, type Peer, said, settled, soon, test } from "../fakes.ts";

interface Run {
  readonly out: string[];
  readonly err: string[];
  readonly clock: FakeClock;
  readonly servers: FakeServers;
  readonly exit: Promise<Exit>;
}

const login: Login = { cmd: "login", user: "a", password: "1" };

async function* each(lines: readonly string[]): AsyncGenerator<string, void, void> {
  for (const line of lines) yield await Promise.resolve(line);
}

/** Runs a script against a server that the test plays. */
async function run(
  lines: string[] | AsyncIterator<string>,
  login?: Login,
  commands = fakeCommands,
): Promise<Run & { peer: Peer }> {
  const [out, err]: string[][] = [[], []];
  const clock = new FakeClock();
  const servers = new FakeServers();
  const session = new Session({
    servers: [{ host: "one", port: 1 }],
    dial: servers.dial,
    client: "t/1",
    clock,
    giveUpMs: 5_000,
  });
  const [peer] = await Promise.all([servers.accept(commands), session.connect()]);
  const additions = new Additions(session, { downloads: () => "/nowhere", clock });
  const exit = runScript(session, {
    lines: Array.isArray(lines) ? each(lines) : lines,
    out: (lines) => Promise.resolve(void out.push(...lines)),
    err: (lines) => Promise.resolve(void err.push(...lines)),
    clock,
    additions,
    ...(login ? { login } : {}),
  });
  return { out, err, clock, servers, peer, exit };
}

async function bye(peer: Peer): Promise<void> {
  peer.ok(await peer.expect("quit"));
  peer.close();
}

const accepted = (
  request: Json,
  seq: number,
) => [{ type: "ok", id: request.id, topic: "room:lobby", seq, time: "" }, said(seq, request.text, { from: "a" })];

test("runScript() logs in by its first line, sends each line after the answer to the last, and ends with ok", async () => {
  const { peer, out, err, exit } = await run(["LOGIN a 1", "", "hello", "/rooms"]);
  await peer.admit();
  const hello = await peer.expect("say");
  await settled();
  peer.send(...accepted(hello, 1));
  peer.ok(await peer.expect("rooms"), { rooms: [{ room: "lobby", members: 1 }] });
  await bye(peer);
  assert.equal(await soon(exit), "ok");
  assert.deepEqual(out, ["Login successful. Room: lobby", "a: hello", "Available rooms: lobby(1)"]);
  assert.deepEqual(err, []);
});

test("runScript() takes the code from the next line where the server wants one", async () => {
  const { peer, exit } = await run(["CODE 123456", "/rooms"], login);
  peer.error(await peer.expect("login"), "code_required");
  const { id, code, user } = await peer.expect("login");
  assert.deepEqual([user, code], ["a", "123456"]);
  peer.send({ type: "ok", id, user: "a", room: "lobby", resume: "t", positions: {} });
  peer.ok(await peer.expect("rooms"), { rooms: [] });
  await bye(peer);
  assert.equal(await soon(exit), "ok");
});

test("runScript() ends with login where the server wants a code and the next line has none", async () => {
  const { peer, err, exit } = await run(["hello"], login);
  peer.error(await peer.expect("login"), "code_required");
  assert.equal(await soon(exit), "login");
  assert.deepEqual(err, ["[ERROR] code_required: No: code_required"]);
});

test("runScript() waits for its own message before a command that may lead away, and before the end", async () => {
  const { peer, out, clock, exit } = await run(["one", "/join x"], login);
  await peer.admit();
  const [ok, event] = accepted(await peer.expect("say"), 1);
  peer.send(ok);
  await settled();
  peer.send(event);
  const join = await peer.expect("join");
  peer.ok(join, { room: "x", positions: {} });
  await bye(peer);
  assert.equal(await soon(exit), "ok");
  assert.deepEqual(out.slice(1), ["a: one", "Joined room x"]);
  await clock.advance(0);
});

test("runScript() does not wait for ever for a message that does not come back", async () => {
  const { peer, clock, exit } = await run(["one"], login);
  await peer.admit();
  peer.send(accepted(await peer.expect("say"), 1)[0]);
  await clock.advance(5_000);
  await bye(peer);
  assert.equal(await soon(exit), "ok");
});

test("runScript() stops at the first command that is refused", async () => {
  const { peer, err, exit } = await run(["/join x", "said in the wrong room"], login);
  await peer.admit();
  peer.error(await peer.expect("join"), "invalid_room");
  await bye(peer);
  assert.equal(await soon(exit), "refused");
  assert.deepEqual(err, ["[ERROR] invalid_room: No: invalid_room"]);
});

test("runScript() does the client's own commands by itself, also where the server has one of that name", async () => {
  const files = { name: "files", aliases: [], arguments: [], help: "", typed: true };
  const lines = ["one", "/FILES", "/help /Files", "/rooms", "/get 7", "never"];
  const { peer, out, err, exit } = await run(lines, login, [...fakeCommands, files]);
  await peer.admit();
  peer.send(...accepted(await peer.expect("say"), 1));
  peer.ok(await peer.expect("rooms"), { rooms: [] });
  await bye(peer);
  assert.equal(await soon(exit), "refused");
  assert.deepEqual(out.slice(1, 3), ["a: one", "/files — list what was offered here, and what is on its way"]);
  assert.deepEqual(err, [
    "[CLIENT] No files were offered here; /history @user brings back what a user has offered before",
    "[ERROR] No file has the number 7; /files lists them",
  ]);
});

for (
  const [line, message] of [["/nosuch", /unknown_command/], ["/join", /usage: Usage: \/join <room>/], [
    "/passwd",
    /usage: Usage: \/passwd <old> <new>/,
  ]] as const
) {
  test(`runScript() refuses ${line} by itself`, async () => {
    const { peer, err, exit } = await run([line, "after"], login);
    await peer.admit();
    await bye(peer);
    assert.equal(await soon(exit), "refused");
    assert.match(err.join(), message);
  });
}

test("runScript() does not say what looks like a login, unless it is told to", async () => {
  for (const line of ["LOGIN b 2", " /login b 2", "//login b 2"]) {
    const { peer, err, exit } = await run(["/say login b 2", line, "after"], login);
    await peer.admit();
    peer.send(...accepted(await peer.expect("say"), 1));
    await bye(peer);
    assert.equal(await soon(exit), "refused");
    assert.deepEqual(err, [
      "[ERROR] usage: This line looks like a login and was not said; /say says whatever follows it",
    ]);
  }
});

test("runScript() ends with login where the login is refused", async () => {
  for (const [lines, choice] of [[["LOGIN a 2", "hello"], undefined], [["hello"], login]] as const) {
    const { peer, err, exit } = await run([...lines], choice);
    peer.error(await peer.expect("login"), "invalid_credentials");
    assert.equal(await soon(exit), "login");
    assert.deepEqual(err, ["[ERROR] invalid_credentials: No: invalid_credentials"]);
  }
});

test("runScript() ends with usage where its first line is no login", async () => {
  const { err, exit } = await run(["hello"]);
  assert.equal(await soon(exit), "usage");
  assert.match(err.join(), /must begin with LOGIN/);
});

test("runScript() ends with login when another login takes over, also while it waits for input", async () => {
  const { peer, out, exit } = await run({ next: () => new Promise(() => {}) }, login);
  await peer.admit();
  peer.send({ type: "system", code: "forced_logout", message: "Logged in from another location." });
  peer.close();
  assert.equal(await soon(exit), "login");
  assert.equal(out.at(-1), "[SYSTEM] FORCED_LOGOUT: Logged in from another location.");
});

test("runScript() ends with login when its session cannot be resumed", async () => {
  const { peer, servers, err, exit } = await run({ next: () => new Promise(() => {}) }, login);
  await peer.admit();
  await settled();
  peer.close();
  const again = await servers.accept();
  again.error(await again.expect("resume"), "invalid_credentials");
  assert.equal(await soon(exit), "login");
  assert.match(err.at(-1)!, /cannot be resumed/);
});

test("runScript() goes on after a lost connection, and sends its message once more", async () => {
  const { peer, servers, clock, out, err, exit } = await run(["hello"], login);
  await peer.admit();
  const { cid } = await peer.expect("say");
  peer.close("broken");
  const again = await servers.accept();
  await again.readmit({ missed: 0 });
  const repeated = await again.expect("say");
  assert.equal(repeated.cid, cid);
  again.send(...accepted(repeated, 1));
  await bye(again);
  assert.equal(await soon(exit), "ok");
  assert.deepEqual(out.slice(1), ["a: hello"]);
  assert.deepEqual(err, ["[CLIENT] Connection lost; reconnecting…", "[CLIENT] Back on one:1; nothing was missed"]);
  await clock.advance(0);
});

test("runScript() ends with unreachable when no server comes back", async () => {
  const { peer, servers, clock, exit } = await run(["hello"], login);
  await peer.admit();
  await peer.expect("say");
  servers.down.add("one:1");
  peer.close();
  await clock.advance(20_000);
  assert.equal(await soon(exit), "unreachable");
});

test("runScript() ends with unreachable where nobody knows whether a command was done", async () => {
  const { peer, exit, err } = await run(["/passwd 1 12345678", "hello"], login);
  await peer.admit();
  await peer.expect("passwd");
  peer.close();
  assert.equal(await soon(exit), "unreachable");
  assert.ok(err.includes("[ERROR] It is not known whether this was done: /passwd"));
});

test("runScript() ends with login when another login takes over before an answer came", async () => {
  const { peer, exit } = await run(["hello"], login);
  await peer.admit();
  await peer.expect("say");
  peer.send({ type: "system", code: "forced_logout", message: "Logged in from another location." });
  peer.close();
  assert.equal(await soon(exit), "login");
});

test("runScript() ends without a fault when nobody reads its output any more", async () => {
  const servers = new FakeServers();
  const clock = new FakeClock();
  const session = new Session({ servers: [{ host: "one", port: 1 }], dial: servers.dial, client: "t/1", clock });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const exit = runScript(session, {
    lines: each(["hello", "more"]),
    out: () => Promise.reject(new Deno.errors.BrokenPipe("closed")),
    err: () => Promise.resolve(),
    clock,
    login,
  });
  await peer.admit();
  assert.equal(await soon(exit), "ok");
});

test("runScript() tells of an output that cannot be written, and of nothing that follows from it", async () => {
  const servers = new FakeServers();
  const clock = new FakeClock();
  const session = new Session({ servers: [{ host: "one", port: 1 }], dial: servers.dial, client: "t/1", clock });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const full = new ClientError("usage", "The output cannot be written: no space left on device");
  const err: string[] = [];
  const exit = runScript(session, {
    lines: each(["hello", "more"]),
    out: () => Promise.reject(full),
    err: (lines) => Promise.resolve(void err.push(...lines)),
    clock,
    login,
  });
  const ended = assert.rejects(exit, full);
  await peer.admit();
  await soon(ended);
  assert.deepEqual(err, []);
});

test("runScript() reads no more from the server than it can write out", async () => {
  let free = () => {};
  const blocked = new Promise<void>((resolve) => free = resolve);
  const servers = new FakeServers();
  const clock = new FakeClock();
  const session = new Session({ servers: [{ host: "one", port: 1 }], dial: servers.dial, client: "t/1", clock });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  let written = 0;
  const exit = runScript(session, {
    lines: { next: () => blocked.then(() => ({ done: true as const, value: undefined })) },
    out: (lines) => {
      written += lines.length;
      return written > 1 ? blocked : Promise.resolve();
    },
    err: () => Promise.resolve(),
    clock,
    login,
  });
  await peer.admit();
  for (let seq = 1; seq <= 50; seq++) peer.send(said(seq, "flood"));
  await settled();
  assert.equal(written, 2);
  free();
  await bye(peer);
  assert.equal(await soon(exit), "ok");
  assert.equal(written, 51);
});
