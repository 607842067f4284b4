/** The command table as a whole, and the gate in front of every handler. */

import { peerOf } from "../../../lib/limits/peer.ts";
import { openGuard } from "../../support/limits.ts";
import assert from "node:assert/strict";
import { join } from "node:path";
import { ChatError, type ErrorCode, errorCodes } from "../../../lib/common/errors.ts";
import { type Caller, type CommandSpec, defineCommand, type Services } from "../../../lib/server/registry/command.ts";
import { allCommands } from "../../../lib/server/commands/all.ts";
import { Hub } from "../../../lib/server/delivery/hub.ts";
import type { ClientChannel } from "../../../lib/server/sessions/client_channel.ts";
import type { UserSession } from "../../../lib/server/sessions/user_session.ts";
import { SessionManager } from "../../../lib/server/sessions/session_manager.ts";
import { describe, Registry } from "../../../lib/server/registry/registry.ts";
import { Relay } from "../../../lib/server/delivery/relay.ts";
import { SqliteStore } from "../../../lib/store/sqlite/sqlite_store.ts";
import { usageOf } from "../../../lib/wire/command.ts";
import { test } from "../../support/declare.ts";
import { permitted } from "../../support/needs.ts";
import { wideLimits } from "../../support/store_limits.ts";
import { microturns, openOutbox } from "../../support/streams.ts";

const limits = { maxMessageBytes: 4096 };
const registry = new Registry(allCommands, limits);

/** As much of a member as the gate looks at. */
const user = { user: "a", side: false } as UserSession;
const side = { user: "a", side: true } as UserSession;

function refused(code: ErrorCode, fn: () => unknown): void {
  assert.throws(fn, (error) => {
    assert(error instanceof ChatError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

test("allCommands has a name, a help sentence and an audience for every command", () => {
  for (const { name, aliases, help, who } of allCommands) {
    for (const word of [name, ...aliases]) assert.match(word, /^([a-z_-]+|\?)$/);
    assert.match(help, /^[a-z].{3,110}[^.]$/, `the help of ${name}`);
    assert(["anyone", "guest", "user", "member"].includes(who), `the audience of ${name}`);
  }
});

test("allCommands has no name twice", () => {
  const names = allCommands.flatMap(({ name, aliases }) => [name, ...aliases]);
  assert.deepEqual([...new Set(names)], names);
});

test("allCommands has the protocol's commands and arguments", () => {
  const shapes = Object.fromEntries(allCommands.map(({ name, arguments: declared }) => [
    name,
    declared.map(({ name, optional }) => optional ? `${name}?` : name).join(" "),
  ]));
  assert.deepEqual(shapes, {
    hello: "options",
    login: "user password side? device? code?",
    code: "code",
    invitation: "code",
    register: "user password device? invitation?",
    totp: "action code?",
    resume: "token positions?",
    join: "room",
    leave: "room?",
    rooms: "",
    users: "away?",
    who: "room? away?",
    away: "text?",
    subscribe: "user",
    talks: "n? before?",
    unsubscribe: "user",
    subs: "",
    block: "user",
    room: "room?",
    topic: "text? room?",
    private: "on room?",
    slow: "for room?",
    owner: "user room?",
    op: "user room?",
    deop: "user room?",
    invite: "user room?",
    uninvite: "user room?",
    kick: "user reason? room?",
    ban: "user reason? room?",
    unban: "user room?",
    mute: "user for? room?",
    unmute: "user room?",
    announce: "text",
    report: "user reason room?",
    unblock: "user",
    blocks: "",
    messages: "from?",
    requests: "",
    accept: "user",
    decline: "user",
    delete: "user? n? room? topic? seq?",
    say: "text cid? room? file?",
    me: "text cid? room? file?",
    publish: "text cid?",
    msg: "to text cid? file? sealed? keys?",
    seen: "topic? pos user?",
    history: "user? n? room? topic? before?",
    whoami: "",
    passwd: "old new",
    upload: "name size sha256 to? room?",
    chunk: "file n data",
    download: "file n",
    withdraw: "file",
    keys: "user",
    key: "public",
    unkey: "public",
    devices: "",
    revoke: "device",
    token: "do name scopes? for?",
    tokens: "",
    delete_account: "password",
    logout: "",
    quit: "",
    help: "command?",
    pong: "",
  });
});

test("allCommands names each argument once, and what must be typed before what may be left out", () => {
  for (const { name, arguments: declared } of allCommands) {
    const names = declared.map(({ name }) => name);
    assert.deepEqual([...new Set(names)], names, name);
    for (const reserved of ["id", "cmd", "type"]) {
      assert(!names.includes(reserved), `${name} has an argument ${reserved}`);
    }
    const words = usageOf(name, declared).split(" ").slice(1);
    const firstOptional = words.findIndex((word) => word.startsWith("["));
    if (firstOptional >= 0) assert(words.slice(firstOptional).every((word) => word.startsWith("[")), words.join(" "));
  }
});

test("allCommands lets nobody but who is logged in do anything but come, go and ask for help", () => {
  const open = allCommands.filter(({ who }) => who === "anyone" || who === "guest").map(({ name }) => name);
  assert.deepEqual(open.sort(), ["code", "hello", "help", "invitation", "login", "pong", "quit", "register", "resume"]);
});

test("Registry finds a command by its name and its aliases, and nothing that an object has by itself", () => {
  for (const command of allCommands) {
    for (const name of [command.name, ...command.aliases]) assert.equal(registry.find(name), command);
  }
  for (const name of ["", "nonsense", "__proto__", "constructor", "toString"]) {
    assert.equal(registry.find(name), undefined);
  }
});

test("Registry refuses two commands of one name when it is made", () => {
  const named = (name: string, ...aliases: string[]) =>
    defineCommand({ name, aliases, who: "anyone", help: "help", run: () => ({ reply: { of: "pong" } }) });
  for (const pair of [[named("a"), named("a")], [named("a"), named("b", "a")], [named("a", "c"), named("b", "c")]]) {
    assert.throws(() => new Registry(pair, limits), /Two commands are called [ac]/);
  }
});

test("Registry.admit() refuses a command that is none, in quotes that are safe to show", () => {
  assert.throws(() => registry.admit("no\u001b[2J", { rest: "" }, user), (error) => {
    assert(error instanceof ChatError);
    assert.equal(error.code, "unknown_command");
    assert.match(error.message, /There is no command "no\[2J"; \/help lists them/);
    return true;
  });
});

test("Registry.admit() lets nobody type a command that exists in JSON only", () => {
  for (const { name } of allCommands.filter(({ typed }) => !typed)) {
    refused("unknown_command", () => registry.admit(name, { rest: "" }, user));
    refused("unknown_command", () => registry.admit(name, { rest: "" }, undefined));
  }
});

/** What the gate says to a caller, by audience: no error where it lets the caller in. */
const gate: Record<CommandSpec["who"], [caller: UserSession | undefined, code: ErrorCode | undefined][]> = {
  anyone: [[undefined, undefined], [user, undefined], [side, undefined]],
  guest: [[undefined, undefined], [user, "already_authenticated"], [side, "already_authenticated"]],
  user: [[undefined, "login_required"], [user, undefined], [side, undefined]],
  member: [[undefined, "login_required"], [user, undefined], [side, "forbidden"]],
};

test("Registry.admit() decides by a command's audience, before it looks at arguments", () => {
  const needy = (who: CommandSpec["who"]) =>
    defineCommand({
      name: "needy",
      arguments: [{ name: "room", kind: "room" }],
      who,
      help: "help",
      run: () => ({ reply: { of: "pong" } }),
    });
  for (const [who, callers] of Object.entries(gate) as [CommandSpec["who"], typeof gate.user][]) {
    const only = new Registry([needy(who)], limits);
    for (const [caller, code] of callers) {
      for (const given of [{ rest: "Lobby" }, { fields: { room: "Lobby" } }]) {
        if (code) refused(code, () => only.admit("needy", given, caller));
        else assert.deepEqual(only.admit("needy", given, caller).values, { room: "lobby" });
      }
      for (const given of [{ rest: "" }, { fields: {} }]) {
        refused(code ?? "usage", () => only.admit("needy", given, caller));
      }
    }
  }
});

test("defineCommand() makes a rejection of whatever a handler throws", async () => {
  const command = defineCommand({
    name: "broken",
    who: "anyone",
    help: "help",
    run() {
      throw new Error("at once");
    },
  });
  await assert.rejects(command.run({} as Caller, {}, {} as Services), /at once/);
});

test("Registry.lineLimits() allows the longest command of those that somebody can use, to guests only where it begins so", () => {
  const most = (fits: (command: CommandSpec) => boolean) =>
    Math.max(...allCommands.filter(fits).map(({ lineBytes }) => lineBytes));
  assert.deepEqual(registry.lineLimits(user, 8_192), { bytes: most(({ who }) => who !== "guest") });
  const { bytes, longer } = registry.lineLimits(undefined, 8_192);
  assert.deepEqual([bytes, longer?.bytes], [8_192, most(({ who }) => who === "guest")]);
  const fits = longer!.fits;
  for (const beginning of ['{"id":1,"cmd":"resume","tok', '{"cmd": "RESUME"', '{"positions":{"é', '{"token":"a.b"']) {
    assert.ok(fits(beginning), beginning);
  }
  for (const beginning of ['{"id":1,"cmd":"login","user', "resume resume", "x".repeat(100), '{"x":"resumed"']) {
    assert.ok(!fits(beginning), beginning);
  }
  assert.deepEqual(registry.lineLimits(user, 1_000_000), { bytes: 1_000_000 });
  assert.deepEqual(new Registry([], limits).lineLimits(undefined, 100), { bytes: 100 });
});

test("describe() says what a client needs to parse, complete and explain a command", () => {
  assert.deepEqual(describe(registry.find("msg")!), {
    name: "msg",
    aliases: ["dm", "tell"],
    arguments: [
      { name: "to", kind: "user", optional: false },
      { name: "text", kind: "text", optional: false },
      { name: "cid", kind: "id", optional: true },
      { name: "file", kind: "id", optional: true },
      { name: "sealed", kind: "data", optional: true },
      { name: "keys", kind: "fields", optional: true },
    ],
    help: registry.find("msg")!.help,
    typed: true,
  });
});

test("Registry.admit() takes the resume token and the position that the longest username gets", async () => {
  await using store = new SqliteStore({ ...wideLimits, path: ":memory:", durability: "normal" });
  const account = { name: "x".repeat(32), hash: "", role: "user", created: 0 } as const;
  await store.accounts.create(account);
  const { topics } = store;
  const hub = new Hub(microturns);
  await using relay = new Relay({ topics, outlet: hub });
  const sessions = new SessionManager({
    serverId: "server1",
    store,
    feeds: { topics, relay, hub, onFault: () => {} },
    config: {
      duplicateLogin: "force",
      maxDevices: 16,
      maxQueueBytes: 1e6,
      maxConnectionsPerUser: 32,
      rooms: ["lobby"],
    },
    guard: openGuard,
    onFault: () => {},
  });
  const channel: ClientChannel = {
    id: "1",
    client: "",
    peer: peerOf("192.0.2.1"),
    format: "json",
    manyRooms: false,
    closed: false,
    outbox: openOutbox,
    answered: () => Promise.resolve(),
    end: () => {},
  };
  const { session, loggedIn: { resume: token, positions } } = await sessions.login.login(account, channel);
  const { values } = registry.admit("resume", { fields: { token, positions } }, undefined);
  assert.deepEqual(values, { token, positions });
  for (const pos of Object.values(positions)) registry.admit("seen", { fields: { pos } }, user);
  await sessions.leave(session, true);
});

const files = await permitted("read");

test(
  "errorCodes has every code that the code throws, and no code that nothing speaks of",
  async () => {
    const thrown = new Set<string>();
    for await (const source of sources(join(import.meta.dirname!, "..", "..", "..", "lib"))) {
      for (const [, code] of source.matchAll(/(?:ChatError\(\s*|type: "error", code: )"(\w+)"/g)) thrown.add(code);
    }
    assert.deepEqual([...thrown].filter((code) => !Object.hasOwn(errorCodes, code)), []);
    const codes = Object.keys(errorCodes);
    // A stopping server says so in a notice; the other two wait for an administrator's commands.
    const unthrown = ["server_draining", "muted", "banned"];
    assert.deepEqual(codes.filter((code) => !thrown.has(code) && !unthrown.includes(code)), []);
  },
  files,
);

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (name.endsWith(".ts")) yield await Deno.readTextFile(path);
  }
}
