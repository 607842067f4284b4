/** How a line becomes a command: every kind of argument, both formats, and no input that does harm. */

import assert from "node:assert/strict";
import { ChatError, type ErrorCode } from "../../lib/common/errors.ts";
import { allCommands } from "../../lib/server/commands/all.ts";
import {
  type Argument,
  bindFields,
  bindTyped,
  maxCount,
  maxIdLength,
  parseTyped,
  quote,
  splitVerb,
  typedText,
  usageOf,
} from "../../lib/wire/command.ts";
import { parseRequest } from "../../lib/wire/request.ts";
import type { ArgumentKind } from "../../lib/wire/argument_kinds.ts";
import { test } from "../support/declare.ts";

const limits = { maxMessageBytes: 4096 };

function typed(declared: readonly Argument[], rest: string, maxMessageBytes = 4096): Record<string, unknown> {
  return bindTyped("cmd", declared, rest, { maxMessageBytes });
}

function fields(declared: readonly Argument[], given: Record<string, unknown>): Record<string, unknown> {
  return bindFields("cmd", declared, given, limits);
}

/** Reads one field of a kind. */
function field(kind: ArgumentKind, value: unknown): unknown {
  return fields([{ name: "it", kind }], { it: value }).it;
}

function refused(code: ErrorCode, fn: () => unknown, message?: RegExp): void {
  assert.throws(fn, (error) => {
    assert(error instanceof ChatError, String(error));
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });
}

/** The arguments of a command of the table. */
function declaredBy(name: string): readonly Argument[] {
  return allCommands.find((command) => command.name === name)!.arguments;
}

const user: Argument = { name: "user", kind: "user" };
const text: Argument = { name: "text", kind: "text" };
const word: Argument = { name: "word", kind: "command" };
const secret: Argument = { name: "password", kind: "secret" };
const twoSecrets: readonly Argument[] = [{ name: "old", kind: "secret" }, { name: "new", kind: "secret" }];

test("parseTyped() takes /name for a command, //x for /x said, and anything else as said", () => {
  assert.deepEqual(parseTyped("/join general"), { kind: "command", name: "join", rest: "general" });
  assert.deepEqual(parseTyped("/JOIN\tgeneral"), { kind: "command", name: "join", rest: "general" });
  assert.deepEqual(parseTyped("/who"), { kind: "command", name: "who", rest: "" });
  assert.deepEqual(parseTyped("/"), { kind: "command", name: "", rest: "" });
  assert.deepEqual(parseTyped("//etc/passwd"), { kind: "say", text: "/etc/passwd" });
  assert.deepEqual(parseTyped("///"), { kind: "say", text: "//" });
  assert.deepEqual(parseTyped(" /join general"), { kind: "say", text: " /join general" });
  assert.deepEqual(parseTyped("hello  everyone "), { kind: "say", text: "hello  everyone " });
  assert.deepEqual(parseTyped(""), { kind: "say", text: "" });
});

test("splitVerb() cuts at the first space and keeps the others", () => {
  assert.deepEqual(splitVerb("LOGIN a  1 "), { name: "login", rest: "a  1 " });
  assert.deepEqual(splitVerb("LOGIN"), { name: "login", rest: "" });
  assert.deepEqual(splitVerb(" x"), { name: "", rest: "x" });
});

test("bindTyped() gives a text the rest of the line, spaces and all", () => {
  assert.deepEqual(typed([user, text], "b  hi  there "), { user: "b", text: " hi  there " });
  assert.deepEqual(typed([user, text], "   b\thi"), { user: "b", text: "hi" });
  assert.deepEqual(typed([{ ...text, optional: true }], "  "), {});
});

test("bindTyped() gives a password the rest of the line, spaces and quotes and all", () => {
  assert.deepEqual(typed([user, secret], "a correct horse "), { user: "a", password: "correct horse " });
  assert.deepEqual(typed([user, secret], 'a "quoted"'), { user: "a", password: '"quoted"' });
});

test("bindTyped() takes spaces off a last argument that is one word", () => {
  assert.deepEqual(typed([user], "  b \t"), { user: "b" });
  refused("invalid_username", () => typed([user], "b and more"), /"b and more" is not a username/);
});

test("bindTyped() refuses too few arguments with the usage line, and nothing else for being too many", () => {
  for (const rest of ["", " ", "\t  "]) refused("usage", () => typed([user], rest), /^Usage: \/cmd <user>$/);
  refused("usage", () => typed([user, text], "b"), /^Usage: \/cmd <user> <text>$/);
  refused("usage", () => typed([user, text], "b   "), /^Usage: \/cmd <user> <text>$/);
  refused("usage", () => typed(twoSecrets, "old"), /^Usage: \/cmd <old> <new>$/);
  assert.deepEqual(typed([], "whatever follows"), {});
});

test("bindTyped() reads an optional user as @name, so that it can be left out", () => {
  const history = declaredBy("history");
  const read = (rest: string) => bindTyped("history", history, rest, limits);
  assert.deepEqual(read(""), {});
  assert.deepEqual(read("5"), { n: 5 });
  assert.deepEqual(read("@b"), { user: "b" });
  assert.deepEqual(read("  @b   7"), { user: "b", n: 7 });
  refused("usage", () => read("@b seven"));
  refused("usage", () => read("b"), /"n" must be a whole number/);
  refused("invalid_username", () => read("@"));
  refused("invalid_username", () => read("@ b"));
});

test("bindTyped() counts from 1 to the most, in whole numbers", () => {
  const n: Argument = { name: "n", kind: "count" };
  assert.deepEqual(typed([n], "1"), { n: 1 });
  assert.deepEqual(typed([n], `${maxCount}`), { n: maxCount });
  for (const bad of ["0", "-1", `${maxCount + 1}`, "1.5", "ten", "1 2", "NaN", "Infinity", "1e999", "٣"]) {
    refused("usage", () => typed([n], bad));
  }
});

test("bindTyped() lets each of two passwords stand in double quotes", () => {
  const read = (rest: string) => Object.values(typed(twoSecrets, rest));
  assert.deepEqual(read("old new"), ["old", "new"]);
  assert.deepEqual(read("old new with spaces "), ["old", "new with spaces "]);
  assert.deepEqual(read('"old one" "new one"'), ["old one", "new one"]);
  assert.deepEqual(read('"old one" new one'), ["old one", "new one"]);
  assert.deepEqual(read('old "new one" '), ["old", "new one"]);
  assert.deepEqual(read('"o\\"ld" "n\\\\ew"'), ['o"ld', "n\\ew"]);
  assert.deepEqual(read('"old"new more'), ['"old"new', "more"], "quotes that do not end a word are letters");
  assert.deepEqual(read('old "new" one'), ["old", '"new" one'], "quotes that do not end the line are letters");
  assert.deepEqual(read('"old new'), ['"old', "new"], "a quote without its end is a letter");
  refused("usage", () => read('"" new'));
  refused("usage", () => read('old ""'));
});

test("bindTyped() leaves out what exists in JSON only", () => {
  const declared = ([["a", "topic"], ["b", "seq"], ["c", "id"], ["d", "flag"], ["e", "fields"]] as const)
    .map(([name, kind]): Argument => ({ name, kind, optional: true }));
  assert.deepEqual(typed([...declared, word], "one"), { word: "one" });
  assert.equal(usageOf("cmd", [...declared, word]), "/cmd <word>");
});

test("usageOf() shows how a command is typed", () => {
  assert.equal(usageOf("msg", declaredBy("msg")), "/msg <to> <text>");
  assert.equal(usageOf("say", declaredBy("say")), "/say <text>");
  assert.equal(usageOf("history", declaredBy("history")), "/history [@user] [n] [room]");
  assert.equal(usageOf("login", declaredBy("login")), "/login <user> <password>");
});

test("bindFields() reads declared fields and ignores all others", () => {
  assert.deepEqual(fields([user, { ...text, optional: true }], { user: "b", more: 1, text: undefined }), { user: "b" });
  assert.deepEqual(fields([{ ...text, optional: true }], { text: null }), {});
  refused("usage", () => fields([user], {}), /The command "cmd" needs the field "user"/);
  refused("usage", () => fields([user], { user: null }));
});

test("bindFields() takes nothing from an object's prototype", () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];
  const declared = names.map((name): Argument => ({ name, kind: "text", optional: true }));
  assert.deepEqual(Object.keys(fields(declared, {})), []);
  for (const name of names) refused("usage", () => fields([{ name, kind: "fields" }], {}), /needs the field/);
  const { fields: given } = parseRequest(
    '{"cmd":"x","__proto__":{"user":"a"},"constructor":{"prototype":{"user":"a"}}}',
  );
  refused("usage", () => fields([user], given), /needs the field "user"/);
  assert.equal(({} as Record<string, unknown>).user, undefined);
});

test("bindFields() refuses a value of another type", () => {
  const good: Record<ArgumentKind, unknown> = {
    user: "b",
    room: "general",
    topic: "room:general",
    text: "hi",
    secret: "pw",
    count: 1,
    duration: 600,
    switch: true,
    seq: 1,
    seq_or_pos: 1,
    command: "who",
    device: "phone",
    word: "on",
    token: "a.b",
    id: "4f",
    flag: true,
    fields: {},
    filename: "notes.txt",
    hash: "0f".repeat(32),
    key: "A".repeat(43),
    data: "AAAA",
  };
  const orText: readonly ArgumentKind[] = ["seq_or_pos", "duration", "switch"];
  const values = ["text", 1, true, {}, [], [1], 1.5];
  for (const [kind, value] of Object.entries(good) as [ArgumentKind, unknown][]) {
    assert.doesNotThrow(() => field(kind, value));
    const wrong = (other: unknown) =>
      Array.isArray(other) || (typeof other !== typeof value && !(orText.includes(kind) && typeof other === "string"));
    for (const other of values.filter(wrong)) {
      refused("usage", () => field(kind, other), /The field "it" must be an? (string|number|boolean|object)/);
    }
  }
});

test("bindFields() reads spans of time and switches, as programs give them and as people type them", () => {
  const spans: [unknown, number][] = [[600, 600], [0, 0], ["10m", 600], ["90", 90], ["2H", 7200], ["7d", 604_800]];
  for (const [given, seconds] of [...spans, ["off", 0]]) assert.equal(field("duration", given), seconds, String(given));
  for (const bad of [-1, 1.5, 366 * 86_400, "", "soon", "1.5h", "-1s", "10 m", "9999999999", "366d"]) {
    refused(
      "usage",
      () => field("duration", bad),
      /"it" must be a number with s, m, h or d, such as 10m, at most 365d/,
    );
  }
  for (const on of [true, "on", "ON"]) assert.equal(field("switch", on), true);
  for (const off of [false, "off", "Off"]) assert.equal(field("switch", off), false);
  for (const bad of ["", "yes", "1", "on "]) refused("usage", () => field("switch", bad), /"it" must be on or off/);
});

test("typedText() gives spans of time and switches back as they are typed", () => {
  const declared: Argument[] = [{ name: "user", kind: "user" }, { name: "for", kind: "duration", optional: true }];
  assert.equal(typedText({ cmd: "mute", user: "b", for: 600 }, declared), "/mute b 10m");
  assert.equal(usageOf("mute", declared), "/mute <user> [time]");
  const on: Argument[] = [{ name: "on", kind: "switch" }];
  assert.equal(typedText({ cmd: "private", on: false }, on), "/private off");
  assert.equal(usageOf("private", on), "/private <on|off>");
});

test("bindFields() takes an empty text where that takes something away", () => {
  assert.deepEqual(fields([{ name: "text", kind: "text", empty: true }], { text: "" }), { text: "" });
  refused("usage", () => fields([{ name: "text", kind: "text" }], { text: "" }));
});

test("bindFields() checks users and rooms, and folds rooms only", () => {
  assert.equal(field("user", "Bob_the-1st"), "Bob_the-1st");
  assert.equal(field("user", "b".repeat(32)), "b".repeat(32));
  for (const bad of ["", "b".repeat(33), "b b", "bé", "a.b", "a\n", "@a", "a:b"]) {
    refused("invalid_username", () => field("user", bad));
  }
  assert.equal(field("room", "Team.A#1_x-y"), "team.a#1_x-y");
  assert.equal(field("room", "r".repeat(64)), "r".repeat(64));
  for (const bad of ["", "r".repeat(65), "#x", ".x", "a b", "é", "a\n", "a:b", "a{b}"]) {
    refused("invalid_room", () => field("room", bad));
  }
});

test("bindFields() checks topics, numbers and ids", () => {
  assert.deepEqual(["room:General", "feed:Bob", "inbox:BOB"].map((topic) => field("topic", topic)), [
    "room:general",
    "feed:bob",
    "inbox:bob",
  ]);
  for (
    const bad of [
      "",
      "general",
      "rooml",
      "feedb",
      "inboxbo",
      ":",
      "room:\u212aitchen",
      "room:",
      "room:#x",
      "Room:x",
      "feed:a.b",
      "other:x",
      ":x",
      "__proto__:x",
    ]
  ) {
    refused("usage", () => field("topic", bad));
  }
  assert.deepEqual([0, 1, Number.MAX_SAFE_INTEGER].map((seq) => field("seq", seq)), [0, 1, Number.MAX_SAFE_INTEGER]);
  for (const bad of [-1, 0.5, NaN, Infinity, 2 ** 53]) refused("usage", () => field("seq", bad));
  assert.equal(field("id", "x".repeat(maxIdLength)), "x".repeat(maxIdLength));
  for (const bad of ["", "x".repeat(maxIdLength + 1)]) refused("usage", () => field("id", bad));
});

test("bindFields() takes control characters and halves of characters out of texts", () => {
  assert.equal(field("text", "a\u0000\u0007\u001b[31m\t\u007f\u0080\u009f\r\nb"), "a[31m\tb");
  assert.equal(field("text", "a\ud800b"), "a\ufffdb");
});

test("bindFields() takes as a device what the rule allows, and names the rule in one line where it is another", () => {
  const declared = [{ name: "device", kind: "device" }] as const;
  const read = (device: string) => bindFields("revoke", declared, { device }, limits);
  for (const device of ["a", "Phone", "my.lap_top-2", "x".repeat(32), "-", ".."]) {
    assert.deepEqual(read(device), { device });
  }
  for (const device of ["", "my phone", "x".repeat(33), "büro", "a\n", "a/b", "#a"]) {
    assert.throws(() => read(device), {
      code: "usage",
      message: /^"[^\n]*" is not a device: 1–32 of A-Z a-z 0-9 _ \. -$/,
    });
  }
  assert.deepEqual(bindTyped("revoke", declared, " phone ", limits), { device: "phone" });
  assert.equal(usageOf("revoke", declared), "/revoke <device>");
});

test("bindFields() takes resume tokens of up to 128 characters, and none with a character that is not to be seen", () => {
  const declared = [{ name: "token", kind: "token" }] as const;
  const read = (token: string) => bindFields("resume", declared, { token }, limits);
  const longest = `${"x".repeat(32)}.${"r".repeat(30)}.${"d".repeat(32)}`;
  for (const token of ["a.b", longest, "x".repeat(128)]) assert.deepEqual(read(token), { token });
  for (const token of ["", "x".repeat(129), "a.\u200bb"]) {
    const message = '"token" must be 1 to 128 characters, none of them invisible';
    assert.throws(() => read(token), { code: "usage", message });
  }
});

test("bindFields() refuses an id with a character that is not to be seen, and changes none", () => {
  const invisible = [
    "\u0000",
    "\t",
    "\n",
    "\u001f",
    "\u007f",
    "\u0085",
    "\ud800",
    "\udc00",
    "\u00ad",
    "\u200b",
    "\u200d",
  ];
  for (const one of [...invisible, "\u202e", "\u2066", "\u2028", "\u2029", "\ufeff", "\u{e0041}"]) {
    for (const id of [`a${one}`, `${one}a`, one]) refused("usage", () => field("id", id), /none of them invisible/);
  }
  for (const id of [" a ", "É", "e\u0301", "日本", "😀", "a:b/c"]) assert.equal(field("id", id), id);
});

test("bindFields() refuses a text with nothing in it", () => {
  for (const empty of ["", " ", "\t", "\u0000", "\r\n", " \u001b "]) refused("usage", () => field("text", empty));
});

test("bindTyped() and bindFields() bound a text in bytes of UTF-8, not in characters", () => {
  const most = 12;
  for (const [char, bytes] of [["a", 1], ["é", 2], ["€", 3], ["😀", 4], ["\ud800", 3]] as const) {
    const fits = char.repeat(most / bytes);
    const clean = fits.toWellFormed();
    assert.deepEqual(bindFields("say", [text], { text: fits }, { maxMessageBytes: most }), { text: clean });
    assert.deepEqual(typed([text], fits, most), { text: clean });
    const over = { text: fits + char };
    refused("message_too_long", () => bindFields("say", [text], over, { maxMessageBytes: most }), /at most 12/);
    refused("message_too_long", () => typed([text], over.text, most));
  }
  assert.deepEqual(typed([text], "\u0001".repeat(100) + "a", 1), { text: "a" }, "what is removed does not count");
});

test("bindFields() takes as a file's name what is one segment of a path", () => {
  const names = ["a", "...", ".x", "a b.txt", "é".repeat(127), "-rf", "con", "😀", "a'b\"c$(d)"];
  for (const name of names) assert.equal(field("filename", name), name);
  const others = [
    "",
    " ",
    ".",
    "..",
    "/",
    "a/b",
    "../x",
    "a\\b",
    "a\0",
    "a\tb",
    "a\r\n",
    "\x1b[2J",
    "\u0085",
    "\ud800",
  ];
  for (const bad of [...others, "é".repeat(128), "x".repeat(256)]) refused("usage", () => field("filename", bad));
});

test("bindFields() takes hashes, public keys and base64 as they are written, and nothing like them", () => {
  const hash = "0123456789abcdef".repeat(4);
  assert.equal(field("hash", hash), hash);
  for (const bad of ["", hash.slice(1), `${hash}0`, hash.toUpperCase(), `${hash}\n`, "g".repeat(64)]) {
    refused("usage", () => field("hash", bad));
  }
  const key = new Uint8Array(32).fill(255).toBase64({ alphabet: "base64url", omitPadding: true });
  assert.equal(field("key", key), key);
  for (
    const bad of ["", key.slice(1), `${key}A`, `${key}=`, `${key.slice(0, 42)}9`, key.replace("_", "/"), `${key}\n`]
  ) {
    refused("usage", () => field("key", bad));
  }
  for (const good of ["AA==", "AAA=", "AAAA", "+/+/"]) assert.equal(field("data", good), good);
  for (const bad of ["", "A", "AA", "AAA", "A===", "====", "AA=A", "AA==AAAA", "_-_-", "AAA ", "AAAA\n", "AAAA\r\n"]) {
    refused("usage", () => field("data", bad));
  }
});

test("quote() shows a peer's word short, clean and in quotes", () => {
  assert.equal(quote("a\u001b[2Jb\n"), '"a[2Jb"');
  assert.equal(quote("x".repeat(41)), `"${"x".repeat(40)}…"`);
  assert.equal(quote("😀".repeat(21)), `"${"😀".repeat(20)}…"`);
  assert.equal(quote("x" + "😀".repeat(21)), `"x${"😀".repeat(19)}\ufffd…"`);
});
