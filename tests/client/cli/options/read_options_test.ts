import assert from "node:assert/strict";
import { formatServer, parseServers } from "../../../../lib/client/base/address.ts";
import { ClientError, exits } from "../../../../lib/client/base/exit.ts";
import type { Environment } from "../../../../lib/client/base/environment.ts";
import { helpText } from "../../../../lib/client/cli/options/help.ts";
import type { Options } from "../../../../lib/client/cli/options/options.ts";
import { readOptions } from "../../../../lib/client/cli/options/read_options.ts";
import { optionTable, words } from "../../../../lib/client/cli/options/option_table.ts";
import { parseProfiles } from "../../../../lib/client/cli/options/profiles.ts";
import { test } from "../../fakes.ts";

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
  assert.equal(options.screen.dumb, true);
  assert.match(refused(() => read([], { SERVER_PORT: "http" })), /SERVER_PORT is "http"; allowed: 1 to 65535/);
});

test("readOptions() reads every option", () => {
  const options = read([
    "--user",
    "a",
    "--ca=x.pem",
    "--register",
    "--password-file",
    "p",
    "--escape-time",
    "200",
    "8001",
  ]);
  assert.ok(options.kind === "chat");
  const { screen, ...rest } = options;
  assert.deepEqual(rest, {
    kind: "chat",
    servers: [{ host: "localhost", port: 8001 }],
    user: "a",
    register: true,
    remember: false,
    ca: "x.pem",
    tofu: false,
    insecure: false,
    json: false,
    side: false,
    manyRooms: false,
    passwordFile: "p",
    password: undefined,
  });
  assert.equal(screen.escapeMs, 200);
  assert.equal(read(["-h", "nonsense", "more"]).kind, "help");
  assert.equal(read(["--version"]).kind, "version");
});

const wrong: [string[], RegExp][] = [
  [["--user"], /--user.*; allowed: /],
  [["--user="], /--user must not be empty/],
  [["--notify"], /^--notify is given without a value; allowed: off, bell, osc9, osc777$/],
  [["--color="], /^--color must not be empty; allowed: auto, always, never$/],
  [["--ca", ""], /--ca must not be empty/],
  [["--help=yes"], /; allowed: /],
  [["one", "two"], /"two" is one argument too many/],
  [["--register"], /--register needs --user/],
  [["--password-file", "x"], /--password-file needs --user/],
  [["--remember"], /--remember needs --user/],
  [["--room", "x"], /--room does not go with chat; it is for send, tail, history, get/],
  [["send", "--remember", "hi"], /--remember does not go with send; it is for chat/],
  [["send", "hi"], /send needs --room <room>, --to <name> or --publish/],
  [["send", "--to", "b", "--room", "r", "hi"], /--to does not go with --room/],
  [["send", "--room", "a b", "hi"], /--room is "a b"; allowed: 1–64/],
  [["tail"], /tail needs a room, or several/],
  [["tail", "--room", "r", "x"], /--room does not go with rooms as arguments/],
  [["tail", "ok", "a b"], /^"a b" is no room; allowed: 1–64/],
  [["--many-rooms"], /^--many-rooms needs --json$/],
  [["history"], /history needs --room <room> or --to <name>/],
  [["history", "--room", "r", "-n", "10001"], /--count is "10001"; allowed: 0 to 10000/],
  [["history", "--room", "r", "-n", "x"], /--count is "x"/],
  [["send", "--publish", "--file", "x"], /--file needs --room <room> or --to <name>/],
  [["get"], /get needs --room <room> or --to <name>/],
  [["get", "--to", "b", "--room", "r"], /--to does not go with --room/],
  [["get", "--to", "b", "-o", "x"], /--output needs the name of a file/],
  [["get", "--to", "b", "-o", "-", "x", "y"], /--output - takes one file/],
  [["--output", "x"], /--output does not go with chat; it is for get/],
  [["--escape-time", "0"], /--escape-time is "0"; allowed: 1 to 2000, in milliseconds/],
  [["--escape-time", "slow"], /--escape-time is "slow"; allowed: 1 to 2000, in milliseconds/],
  [["--device", "my phone"], /^--device is "my phone"; allowed: 1–32 of A-Z a-z 0-9 _ \. -$/],
  [["--device"], /^--device is given without a value; allowed: 1–32 of A-Z a-z 0-9 _ \. -$/],
  [["--json", "--side", "--device", "x"], /^--device does not go with --side$/],
  [["tail", "--device", "x", "ops"], /^--device does not go with tail; it is for chat$/],
  [["--insecure", "--tofu"], /--insecure does not go with --tofu/],
  [["--insecure", "--ca", "x"], /--insecure does not go with --ca/],
  [["--tofu", "--ca", "x"], /--tofu does not go with --ca/],
  [["--side"], /--side needs --json/],
  [["--bogus"], /^Unknown flag "--bogus"; --help lists those that there are$/],
  [["--usr", "a"], /^Unknown flag "--usr"; did you mean --user\?$/],
  [["sned", "--to", "b", "hi"], /^"sned" is no command; did you mean send\?$/],
  [["histroy", "now"], /^"histroy" is no command; did you mean history\?$/],
  [["forget"], /forget needs a server/],
  [["completions"], /completions needs a shell; allowed: bash, zsh, fish/],
  [["completions", "csh"], /"csh" is no shell/],
];
for (const [args, message] of wrong) {
  test(`readOptions() refuses ${JSON.stringify(args)} in one line`, () => {
    assert.match(refused(() => read(args)), message);
  });
}

test("helpText() names every exit code, and folds at the terminal's width", () => {
  const text = helpText(120);
  for (const { code, means } of Object.values(exits)) assert.ok(text.includes(`  ${code}  ${means}`));
  const words = (text: string) => text.split(/\s+/);
  for (const columns of [200, 120, 80, 60, 40, 20]) {
    const folded = helpText(columns);
    assert.deepEqual(words(folded), words(text), "nothing is lost");
    for (const line of folded.split("\n")) {
      assert.ok(line.length <= columns || !line.trim().includes(" "), `${columns}: ${line}`);
      assert.ok(line === line.trimEnd());
    }
  }
  assert.match(helpText(80), /^ {6}--register {14}make an account of that name, and log in$/m);
  assert.match(helpText(40), /^ {2}--register\n {6}make an account/m, "below, where there is no room beside");
});

test("readOptions() reads send --file and get", () => {
  const send = read(["send", "--to", "b", "--file", "x y", "look"]);
  assert.ok(send.kind === "send");
  assert.deepEqual([send.destination, send.file, send.text], [{ cmd: "msg", to: "b" }, "x y", "look"]);
  const list = read(["get", "--room", "r", "--json"]);
  assert.ok(list.kind === "get");
  assert.deepEqual([list.from, list.files, list.output, list.json], [{ room: "r" }, [], undefined, true]);
  const get = read(["get", "--to", "b", "one", "two", "-o", "here", "--downloads", "there"]);
  assert.ok(get.kind === "get");
  assert.deepEqual([get.from, get.files, get.output, get.downloads], [{ user: "b" }, ["one", "two"], "here", "there"]);
  const chat = read(["--downloads", "there"]);
  assert.ok(chat.kind === "chat" && chat.downloads === "there");
});

const profiles = parseProfiles(
  JSON.stringify({
    default: "home",
    profiles: {
      work: { server: "one.example,two.example", user: "alice", room: "ops", ca: "work.pem", remember: true },
      home: { server: "9000", user: "bob", tofu: true },
    },
  }),
  "/etc/chat/config.json",
);
const withProfiles = (args: string[], env: Record<string, string> = {}) =>
  readOptions(args, ((name) => env[name]) as Environment, () => profiles);

test("readOptions() takes a profile by its name, and options go before it", () => {
  const work = withProfiles(["work", "--user", "eve"], { CHAT_USER: "nobody" });
  assert.ok(work.kind === "chat");
  assert.deepEqual(work.servers.map(formatServer), ["one.example:8000", "two.example:8000"]);
  assert.deepEqual([work.user, work.ca, work.remember], ["eve", "/etc/chat/work.pem", true]);
  const send = withProfiles(["send", "-s", "work", "build", "green"]);
  assert.ok(send.kind === "send");
  assert.deepEqual([send.user, send.destination, send.text], ["alice", { cmd: "say", room: "ops" }, "build green"]);
  const direct = withProfiles(["send", "-s", "work", "--to", "bob"]);
  assert.deepEqual((direct as Options & { kind: "send" }).destination, { cmd: "msg", to: "bob" });
});

test("readOptions() takes the default profile where no server is named, and none where one is", () => {
  const home = withProfiles([]);
  assert.ok(home.kind === "chat" && home.tofu && home.user === "bob");
  const other = withProfiles(["work:8000"], { CHAT_USER: "eve" });
  assert.ok(other.kind === "chat" && !other.remember && other.user === "eve");
  const named = withProfiles([], { CHAT_SERVER: "work" });
  assert.ok(named.kind === "chat" && named.user === "alice");
});

test("readOptions() takes the device's name from the command line or the profile, and has none otherwise", () => {
  const named = parseProfiles('{"profiles":{"work":{"device":"laptop","user":"alice"}}}', "/etc/chat/config.json");
  const device = (...args: string[]) => {
    const options = readOptions(args, (() => undefined) as Environment, () => named);
    assert.ok(options.kind === "chat");
    return options.device;
  };
  assert.equal(device(), undefined);
  assert.equal(device("--device", "my.Phone_2-x"), "my.Phone_2-x");
  assert.equal(device("work"), "laptop");
  assert.equal(device("work", "--device", "phone"), "phone");
  // A side connection's device has a name that is made up.
  assert.equal(device("work", "--json", "--side"), undefined);
  // What has no device leaves the profile's alone.
  assert.equal(readOptions(["tail", "-s", "work", "ops"], (() => undefined) as Environment, () => named).kind, "tail");
});

test("readOptions() says where a name is no profile's, which there are, and which was meant", () => {
  const none = 'No profile is called "wrk"; allowed: work, home; did you mean "work"?';
  assert.match(
    refused(() => withProfiles(["send", "-s", "wrk", "hi"])),
    /^send needs --room .*\. No profile is called "wrk"/,
  );
  for (const args of [["wrk"], ["send", "-s", "wrk", "-r", "x"], ["tail", "-s", "wrk", "-r", "x"], ["forget", "wrk"]]) {
    assert.equal((withProfiles(args) as Options & { noProfile?: string }).noProfile, none, args.join(" "));
  }
  const hint = (named: string, given = withProfiles) => (given([named]) as Options & { noProfile?: string }).noProfile;
  assert.equal(hint("typo"), 'No profile is called "typo"; allowed: work, home');
  assert.equal(hint("typo", read), 'No profile is called "typo"; there are none');
  assert.equal(hint("histroy", read), 'No profile is called "histroy"; there are none; did you mean "chat history"?');
  for (const server of ["work", "localhost", "one.example", "wrk:8000", "9000", "[::1]:1", "one,two"]) {
    assert.equal(hint(server), undefined, server);
  }
});

test("readOptions() reads tail and history", () => {
  assert.deepEqual(read(["tail", "-r", "ops", "-n", "5", "--json", "-u", "a"]), {
    kind: "tail",
    servers: [{ host: "localhost", port: 8000 }],
    user: "a",
    ca: undefined,
    tofu: false,
    insecure: false,
    passwordFile: undefined,
    password: undefined,
    rooms: ["ops"],
    count: 5,
    json: true,
  });
  const several = read(["tail", "Lobby", "#ops", "lobby"]);
  assert.deepEqual(several.kind === "tail" && several.rooms, ["lobby", "ops"]);
  const talk = read(["history", "--to", "b"]);
  assert.ok(talk.kind === "history");
  assert.deepEqual([talk.from, talk.count], [{ user: "b" }, 20]);
});

const wrongProfiles: [unknown, RegExp][] = [
  ["[]", /the whole is not an object/],
  ["{", /is not JSON/],
  [{ profile: {} }, /"profile" is not known; allowed: "default" and "profiles"/],
  [{ profiles: { send: {} } }, /"send" cannot be a profile's name/],
  [{ profiles: { "a.b": {} } }, /"a\.b" cannot be a profile's name/],
  [{ profiles: { a: { insecure: true } } }, /"insecure" cannot be kept/],
  [{ profiles: { a: { password: "x" } } }, /"password" is not known; allowed: server, user/],
  [{ profiles: { a: { tofu: "yes" } } }, /"tofu" is "yes"; allowed: true or false/],
  [{ profiles: { a: { user: "" } } }, /"user" is ""; allowed: name/],
  [{ default: "b", profiles: { a: {} } }, /"default" is not the name of a profile; allowed: a$/],
];
for (const [file, message] of wrongProfiles) {
  test(`parseProfiles() refuses ${JSON.stringify(file)} and names the file`, () => {
    const text = typeof file === "string" ? file : JSON.stringify(file);
    const said = refused(() => parseProfiles(text, "/x/config.json"));
    assert.match(said, message);
    assert.match(said, /\/x\/config\.json/);
  });
}

test("helpText() names every word and option", () => {
  const text = helpText(80);
  for (const name of Object.keys(optionTable)) assert.ok(text.includes(`--${name}`));
  for (const word of Object.keys(words)) assert.ok(text.includes(`chat ${word === "chat" ? "" : word}`));
});
