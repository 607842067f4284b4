import assert from "node:assert/strict";
import { formatServer, parseServers } from "../../lib/client/address.ts";
import { ClientError, exits } from "../../lib/client/exit.ts";
import { type Environment, helpText, readOptions } from "../../lib/client/options.ts";
import { test } from "./fakes.ts";

const read = (args: string[], env: Record<string, string> = {}) => {
  return readOptions(args, ((name) => env[name]) as Environment);
};
const servers = (...args: string[]) => {
  const options = read(args);
  assert.equal(options.kind, "chat");
  return options.kind === "chat" ? options.servers.map(formatServer) : [];
};
const refused = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof ClientError && error.exit === "usage", String(error));
    assert.ok(!error.message.includes("\n"));
    return error.message;
  }
  return assert.fail("it was accepted");
};

const places: [string, string[]][] = [
  ["8001", ["localhost:8001"]],
  ["chat.example", ["chat.example:8000"]],
  ["chat.example:1", ["chat.example:1"]],
  ["127.0.0.1:65535", ["127.0.0.1:65535"]],
  ["[::1]", ["[::1]:8000"]],
  ["[fe80::1]:8001", ["[fe80::1]:8001"]],
  ["::1", ["[::1]:8000"]],
  ["one, two:8001,8002", ["one:8000", "two:8001", "localhost:8002"]],
];
for (const [text, expected] of places) {
  test(`parseServers() reads ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parseServers(text, 8000).map(formatServer), expected);
    assert.deepEqual(servers(text), expected);
  });
}

for (
  const text of [
    "",
    "0",
    "65536",
    "123456",
    "one,",
    "one:",
    "one:x",
    "one:0",
    "[::1",
    "[one]:1",
    "a b",
    "-x.",
    "a/b",
    "é.example",
  ]
) {
  test(`parseServers() refuses ${JSON.stringify(text)} and says what is allowed`, () => {
    assert.match(refused(() => parseServers(text, 8000)), /; allowed: /);
  });
}

test("readOptions() takes localhost and SERVER_PORT where no server is named", () => {
  assert.deepEqual(servers(), ["localhost:8000"]);
  const options = read([], { SERVER_PORT: "9000", CHAT_PASSWORD: "x", TERM: "dumb" });
  assert.ok(options.kind === "chat");
  assert.deepEqual(options.servers, [{ host: "localhost", port: 9000 }]);
  assert.equal(options.password, "x");
  assert.equal(options.dumb, true);
  assert.match(refused(() => read([], { SERVER_PORT: "http" })), /SERVER_PORT is "http"; allowed: 1 to 65535/);
});

test("readOptions() reads every option", () => {
  const options = read(["--user", "a", "--ca=x.pem", "--register", "--password-file", "p", "8001"]);
  assert.deepEqual(options, {
    kind: "chat",
    servers: [{ host: "localhost", port: 8001 }],
    user: "a",
    register: true,
    ca: "x.pem",
    passwordFile: "p",
    password: undefined,
    dumb: false,
  });
  assert.equal(read(["-h", "nonsense", "more"]).kind, "help");
  assert.equal(read(["--version"]).kind, "version");
});

const wrong: [string[], RegExp][] = [
  [["--bogus"], /--bogus.*; allowed: --user, /],
  [["--user"], /--user.*; allowed: /],
  [["--user="], /--user must not be empty/],
  [["--ca", ""], /--ca must not be empty/],
  [["--help=yes"], /; allowed: /],
  [["one", "two"], /"two" is one argument too many/],
  [["--register"], /--register needs --user/],
  [["--password-file", "x"], /--password-file needs --user/],
];
for (const [args, message] of wrong) {
  test(`readOptions() refuses ${JSON.stringify(args)} in one line`, () => {
    assert.match(refused(() => read(args)), message);
  });
}

test("helpText() names every exit code and fits 120 columns", () => {
  const text = helpText();
  for (const { code, means } of Object.values(exits)) assert.ok(text.includes(`  ${code}  ${means}`));
  assert.ok(text.split("\n").every((line) => line.length <= 120));
});
