import assert from "node:assert/strict";
import { CommandTable } from "../../../lib/client/net/commands.ts";
import { isSecret, mayKeep, readLine, readLogin } from "../../../lib/client/terminal/input.ts";
import { ChatError } from "../../../lib/common/errors.ts";
import { fakeCommands, test } from "../fakes.ts";

const commands = new CommandTable(fakeCommands);
const read = (line: string) => readLine(line, commands, 64);

const requests: [string, Record<string, unknown>][] = [
  ["hello everyone", { cmd: "say", text: "hello everyone" }],
  ["//join us", { cmd: "say", text: "/join us" }],
  ["/join general", { cmd: "join", room: "general" }],
  ["/JOIN General", { cmd: "join", room: "general" }],
  ["/msg b  two  spaces ", { cmd: "msg", to: "b", text: " two  spaces " }],
  ["/dm b hi", { cmd: "msg", to: "b", text: "hi" }],
  ["/msg @b hi", { cmd: "msg", to: "b", text: "hi" }],
  ["/join #general", { cmd: "join", room: "general" }],
  ["/exit", { cmd: "quit" }],
  ["/history", { cmd: "history" }],
  ["/history 10", { cmd: "history", n: 10 }],
  ["/history @b", { cmd: "history", user: "b" }],
  ["/history @b 10", { cmd: "history", user: "b", n: 10 }],
  ['/passwd "old one" "new \\"one\\""', { cmd: "passwd", old: "old one", new: 'new "one"' }],
  ["/passwd 1 12345678", { cmd: "passwd", old: "1", new: "12345678" }],
];
for (const [line, request] of requests) {
  test(`readLine() reads ${line}`, () => assert.deepEqual(read(line), { kind: "request", request }));
}

const refusals: [string, string][] = [
  ["/nosuch", "unknown_command"],
  ["/", "unknown_command"],
  ["/ join", "unknown_command"],
  ["/seen e.1.x", "unknown_command"],
  ["/join", "usage"],
  ["/msg b", "usage"],
  ["/history ten", "usage"],
  ["/join ##x", "invalid_room"],
  ["/msg b! hi", "invalid_username"],
  ["x".repeat(65), "message_too_long"],
];
for (const [line, code] of refusals) {
  test(`readLine() refuses ${line.slice(0, 20)} with ${code}`, () => {
    assert.throws(() => read(line), (error) => error instanceof ChatError && error.code === code);
  });
}

test("readLine() ignores an empty line", () => {
  for (const line of ["", "  ", "\t"]) assert.deepEqual(read(line), { kind: "nothing" });
});

test("readLine() has the secrets asked for when none is typed", () => {
  const typed = read("/passwd");
  assert.ok(typed.kind === "secrets");
  assert.equal(typed.command.name, "passwd");
  assert.deepEqual(typed.names, ["old", "new"]);
});

test("readLogin() reads a password with its spaces, and nothing that is no login", () => {
  assert.deepEqual(readLogin("LOGIN a  two words "), { cmd: "login", user: "a", password: " two words " });
  assert.deepEqual(readLogin("/register eve 12345678"), { cmd: "register", user: "eve", password: "12345678" });
  assert.equal(readLogin("hello"), undefined);
  assert.equal(readLogin("LOGINS a b"), undefined);
  for (const line of ["LOGIN", "login a", "login a "]) assert.throws(() => readLogin(line), ChatError);
});

test("isSecret() knows the lines that carry a password", () => {
  for (const line of ["/passwd 1 2", "/LOGIN a 1", "/passwd", " /login a 1", "//passwd x", "logn Alice x"]) {
    assert.ok(isSecret(line, commands, "alice"), line);
  }
  for (const line of ["/join x", "/msg b login a 1", "/say login a 1", "hello", "logn alice x"]) {
    assert.ok(!isSecret(line, commands, "bob"), line);
  }
  for (const { name } of fakeCommands) {
    assert.equal(isSecret(`/${name} a b`, commands), ["login", "passwd"].includes(name), name);
  }
});

test("mayKeep() keeps what was understood and holds no secret, and nothing else", () => {
  const keep = (text: string) => mayKeep(text, commands, (name) => name === "files");
  for (
    const text of ["hello", "/join x", "/join", "/files", "/FILES x", "//join us", "one\n/two\nthree", "/dm b\nhi"]
  ) {
    assert.ok(keep(text), text);
  }
  const unknown = [
    "/logn alice pw",
    "/xyzzy pw",
    "/",
    "/ join",
    "/seen e.1.x",
    "/resume token",
    "/xyzzy\npw",
    "/FILES2 x",
  ];
  const secret = ["/passwd 1 2", "/LOGIN a 1", " /login a 1", "LOGIN a 1", "hi\n/passwd 1 2", "/passwd 1\n2"];
  for (const text of [...unknown, ...secret]) assert.ok(!keep(text), text);
});

test("readLine() reads a private message in its own way, whatever a server says of it", () => {
  const help = { help: "", typed: true } as const;
  const argument = (name: string, kind: "user" | "text" | "room") => ({ name, kind, optional: false });
  const hostile = new CommandTable([
    { ...help, name: "msg", aliases: ["say"], arguments: [argument("cid", "room"), argument("text", "text")] },
    { ...help, name: "note", aliases: ["MSG", "dm", "tell"], arguments: [argument("text", "text")] },
  ]);
  assert.deepEqual(readLine("/msg bob it is green", hostile, 64), {
    kind: "request",
    request: { cmd: "msg", to: "bob", text: "it is green" },
  });
  for (const name of ["dm", "tell"]) {
    assert.throws(() => readLine(`/${name} bob it is green`, hostile, 64), { code: "unknown_command" });
    assert.ok(hostile.isPrivate({ cmd: name }));
  }
  assert.equal(hostile.repetition("msg"), "message");
});
