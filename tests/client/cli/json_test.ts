import assert from "node:assert/strict";
import { ClientError, type Exit } from "../../../lib/client/base/exit.ts";
import { maxUnanswered, runJson, type Talker } from "../../../lib/client/cli/json.ts";
import { readUntil } from "../../../lib/client/cli/input_lines.ts";
import { Session } from "../../../lib/client/session/session.ts";
import { SideSession } from "../../../lib/client/session/side.ts";
import type { Login } from "../../../lib/client/session/update.ts";
import { FakeClock, FakeServers, type Json, type Peer, said, soon, test } from "../fakes.ts";

interface Run {
  readonly out: Json[];
  readonly peer: Peer;
  readonly servers: FakeServers;
  readonly exit: Promise<Exit>;
}

const login: Login = { cmd: "login", user: "a", password: "1" };

async function run(lines: readonly unknown[] | AsyncIterator<string>, options: { login?: Login; side?: boolean } = {}) {
  const out: Json[] = [];
  const servers = new FakeServers();
  const talker = new (options.side ? SideSession : Session)({
    servers: [{ host: "one", port: 1 }],
    dial: servers.dial,
    client: "t/1",
    clock: new FakeClock(),
  });
  const [peer] = await Promise.all([servers.accept(), talker.connect()]);
  const exit = runJson(talker, {
    lines: Array.isArray(lines) ? each(lines) : lines as AsyncIterator<string>,
    out: (lines) => Promise.resolve(void out.push(...lines.map((line) => JSON.parse(line)))),
    ...(options.login ? { login: options.login } : {}),
  });
  return { out, peer, servers, exit } satisfies Run;
}

async function* each(lines: readonly unknown[]): AsyncGenerator<string, void, void> {
  for (const line of lines) yield await Promise.resolve(typeof line === "string" ? line : JSON.stringify(line));
}

async function bye(peer: Peer): Promise<void> {
  peer.ok(await peer.expect("quit"));
  peer.close();
}

test("runJson() gives an answer its request's id exactly as it came, or refuses the request", async () => {
  const texts: string[] = [];
  const servers = new FakeServers();
  const session = new Session({ servers: [{ host: "one", port: 1 }], dial: servers.dial, client: "t/1" });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const ids = ["9007199254740993", "1.0", "1e400", '"\\ud800"'];
  const lines = [...ids, "[1]", "true"].map((id) => `{"id":${id},"cmd":"rooms"}`);
  const out = (lines: readonly string[]) => Promise.resolve(void texts.push(...lines));
  const exit = runJson(session, { lines: each(lines), out, login });
  await peer.admit();
  for (const _ of ids) peer.ok(await peer.expect("rooms"), { rooms: [] });
  await bye(peer);
  await soon(exit);
  for (const id of ids) assert.ok(texts.includes(`{"type":"ok","id":${id},"rooms":[]}`), `${id} in ${texts}`);
  assert.equal(texts.filter((text) => text.includes('"code":"usage"')).length, 2);
});

test("runJson() takes a code as the second half of a login, of the options' too", async () => {
  for (const [lines, options] of [[[], { login }], [[{ id: 1, ...login }], {}]] as const) {
    const { out, peer, exit } = await run([...lines, { id: 2, cmd: "code", code: "123456" }], options);
    peer.error(await peer.expect("login"), "code_required");
    const { id, user, password, code } = await peer.expect("login");
    assert.deepEqual([user, password, code], ["a", "1", "123456"]);
    peer.send({ type: "ok", id, user: "a", room: "lobby", resume: "t", positions: {} });
    await bye(peer);
    assert.equal(await soon(exit), "ok");
    assert.deepEqual(out.map(({ type, code }) => code ?? type), ["code_required", "ok"]);
    assert.equal(out[1].id, 2);
  }
});

test("runJson() passes requests on and gives answers their ids, in order, with events between", async () => {
  const { out, peer, exit } = await run([
    { id: "x", ...login },
    { id: 7, cmd: "say", text: "hi" },
    "",
    "nonsense",
    "[]",
    { id: 8, cmd: "nosuch" },
  ]);
  await peer.admit();
  const say = await peer.expect("say");
  peer.send(said(1, "hi"));
  peer.ok(say, { topic: "room:lobby", seq: 1, time: "" });
  peer.error(await peer.expect("nosuch"), "unknown_command", { hint: 1 });
  await bye(peer);
  assert.equal(await soon(exit), "ok");
  const [entered, ...rest] = out;
  assert.deepEqual([entered.type, entered.id, entered.user], ["ok", "x", "a"]);
  assert.deepEqual(rest.filter(({ code }) => code === "invalid_json").map(({ type }) => type), ["error", "error"]);
  assert.deepEqual(rest.filter(({ code }) => code !== "invalid_json").map(({ type, id }) => [type, id]), [
    ["message", undefined],
    ["ok", 7],
    ["error", 8],
  ]);
  assert.equal(rest.at(-1).hint, 1);
});

test("runJson() passes on what it has no words for as it comes, in many rooms too", async () => {
  const { out, peer, exit } = await run([{ id: 1, cmd: "whoami" }], { login });
  await peer.admit({ room: undefined, rooms: ["lobby", "ops"], unread: { "room:ops": 2 } });
  const unknown = [
    { type: "weather", sunny: true, nested: { a: [1, null] } },
    { type: "membership", room: "general", state: "joined", positions: { "room:general": "e.1.x" } },
    { type: "seen", topic: "room:lobby", pos: "e.1.x" },
    { type: "presence", room: "lobby", user: "b", state: "away" },
  ];
  peer.send(...unknown);
  peer.ok(await peer.expect("whoami"), { user: "a", rooms: ["general", "lobby", "ops"], server: "s" });
  await bye(peer);
  assert.equal(await soon(exit), "ok");
  assert.deepEqual([out[0].rooms, out[0].unread], [["lobby", "ops"], { "room:ops": 2 }]);
  assert.deepEqual(out.slice(1, 5), unknown);
  assert.deepEqual(out[5], { type: "ok", id: 1, user: "a", rooms: ["general", "lobby", "ops"], server: "s" });
});

test("runJson() tells what becomes of the connection, and sends again what has no answer", async () => {
  const { out, peer, servers, exit } = await run([{ id: 1, cmd: "say", text: "hi" }], { login });
  await peer.admit();
  const say = await peer.expect("say");
  peer.close("broken");
  const next = await servers.accept();
  await next.readmit({ missed: 0 });
  const again = await next.expect("say");
  assert.equal(again.cid, say.cid);
  next.ok(again, { topic: "room:lobby", seq: 1, time: "" });
  await bye(next);
  assert.equal(await soon(exit), "ok");
  assert.deepEqual(out.filter(({ type }) => type === "status").map(({ state }) => state), [
    "lost",
    "connecting",
    "resumed",
  ]);
  assert.equal(out.find(({ id }) => id === 1).seq, 1);
});

test("runJson() ends with login where the login is refused, or another takes over", async () => {
  const refused = await run([], { login });
  refused.peer.error(await refused.peer.expect("login"), "invalid_credentials");
  assert.equal(await soon(refused.exit), "login");
  assert.equal(refused.out[0].code, "invalid_credentials");
  const forced = await run({ next: () => new Promise(() => {}) }, { login });
  await forced.peer.admit();
  forced.peer.send({ type: "system", code: "forced_logout", message: "elsewhere" });
  forced.peer.close();
  assert.equal(await soon(forced.exit), "login");
});

test("runJson() tells of an input or an output that cannot be used", async () => {
  const fault = new ClientError("usage", "A line of the script is longer than 131072 bytes");
  const { peer, exit } = await run({ next: () => Promise.reject(fault) }, { login });
  const ended = assert.rejects(exit, fault);
  await peer.admit();
  await soon(ended);
});

test("runJson() on a side connection logs in beside, and has no other way in", async () => {
  const { out, peer, exit } = await run([{ id: 1, cmd: "resume", token: "x" }, { id: 2, ...login }], { side: true });
  const request = await peer.expect("login");
  assert.equal(request.side, true);
  peer.ok(request, { user: "a", room: null, positions: {} });
  await bye(peer);
  assert.equal(await soon(exit), "ok");
  assert.deepEqual(out.map(({ type, id }) => [type, id]), [["ok", 2]]);
});

test("runJson() reads no further than 64 unanswered requests, and on as answers come", async () => {
  let read = 0;
  async function* endless(): AsyncGenerator<string, void, void> {
    for (;;) yield await Promise.resolve(`{"id":${++read},"cmd":"say","text":"hi"}`);
  }
  const answers: PromiseWithResolvers<never>[] = [];
  const over = Promise.withResolvers<void>();
  const talker: Talker = {
    ending: undefined,
    login: () => Promise.reject(new Error("nobody logs in")),
    send() {
      answers.push(Promise.withResolvers());
      return answers.at(-1)!.promise;
    },
    quit: () => Promise.resolve(),
    close: () => over.resolve(),
    updates: () => ({
      [Symbol.asyncIterator]: () => ({ next: () => over.promise.then(() => ({ done: true, value: undefined })) }),
    }),
  };
  const exit = runJson(talker, { lines: endless(), out: () => Promise.resolve() });
  await settled();
  assert.deepEqual([read, answers.length], [maxUnanswered, maxUnanswered]);
  for (const { reject } of answers.splice(0, 10)) reject(new Error("refused"));
  await settled();
  assert.equal(read, maxUnanswered + 10);
  over.resolve();
  for (const { reject } of answers) reject(new Error("refused"));
  assert.equal(await exit, "ok");
});

test("readUntil() ends a wait when it is over, and keeps nothing of the lines before", async () => {
  const over = Promise.withResolvers<void>();
  let taken = 0;
  const lines: AsyncIterator<string> = {
    next: () => ++taken < 3 ? Promise.resolve({ value: `line ${taken}` }) : new Promise(() => {}),
  };
  const next = readUntil(lines, over.promise);
  assert.deepEqual([await next(), await next()], ["line 1", "line 2"]);
  const waiting = next();
  over.resolve();
  assert.equal(await waiting, undefined);
  assert.equal(await next(), undefined);
  assert.equal(taken, 3, "nothing is read when it is over");
});

/** All that can happen without anything from outside has happened. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}
