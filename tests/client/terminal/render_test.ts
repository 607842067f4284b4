import assert from "node:assert/strict";
import fc from "fast-check";
import { cleanLine } from "../../../lib/wire/clean.ts";
import { ClientError } from "../../../lib/client/base/exit.ts";
import { errorLine, render } from "../../../lib/client/terminal/render.ts";
import { statusText } from "../../../lib/client/net/status.ts";
import type { Update } from "../../../lib/client/session/update.ts";
import { ChatError } from "../../../lib/common/errors.ts";
import type { Reply, ServerEvent } from "../../../lib/wire/event.ts";
import { type Json, said, test } from "../fakes.ts";

const event = (event: Json): Update => ({ kind: "event", event: event as ServerEvent });
const reply = (reply: Json): Update => ({ kind: "reply", request: { cmd: reply.of }, reply: reply as Reply });
const lines = (update: Update) => render(update).lines;

test("render() says what the text format says", () => {
  assert.deepEqual(lines(event(said(1, "hello"))), ["b: hello"]);
  assert.deepEqual(lines(event(said(1, "hi", { type: "direct", to: "a" }))), ["DM from b: hi"]);
  assert.deepEqual(lines(event({ type: "presence", room: "lobby", user: "c", state: "joined" })), ["c joined lobby"]);
  assert.deepEqual(lines(reply({ of: "rooms", rooms: [{ room: "lobby", members: 1 }] })), [
    "Available rooms: lobby(1)",
  ]);
  assert.deepEqual(lines(reply({ of: "say", topic: "room:lobby", seq: 1, time: "" })), []);
  const help = { of: "help", commands: [{ name: "x", aliases: [], arguments: [], help: "y", typed: true }] };
  assert.deepEqual(lines(reply({ ...help, commands: [help.commands[0], help.commands[0]] })).length, 2);
});

test("render() shows what one has sent on another device as sent, with how private it was", () => {
  const copy = said(1, "hi", { type: "direct", topic: "sent:b", to: "a" });
  assert.deepEqual(lines(event(copy)), ["DM to a: hi"]);
  assert.deepEqual(lines(event({ ...copy, privacy: { state: "sealed" } })), ["DM to a (encrypted): hi"]);
});

test("render() shows nothing of what only devices tell each other, and the lists that a person asks for", () => {
  assert.deepEqual(lines(event({ type: "membership", room: "ops", state: "joined", positions: {} })), []);
  assert.deepEqual(lines(event({ type: "seen", topic: "room:ops", pos: "e.1.x" })), []);
  const device = { device: "laptop", server: "s\x1b[2J", since: "2026-11-28T09:00:00.000Z", client: "", here: true };
  assert.deepEqual(lines(reply({ of: "devices", devices: [device] })), [
    "Devices: laptop (s[2J, since 2026-11-28T09:00:00Z)",
  ]);
  assert.deepEqual(lines(reply({ of: "revoke", device: "phone" })), ["Revoked phone"]);
  assert.deepEqual(lines(reply({ of: "revoke", device: "all", revoked: [] })), ["Revoked none"]);
});

test("render() shows what somebody does in a room as an action, also when it was said before", () => {
  assert.deepEqual(lines(event(said(1, "* waves at *a*"))), ["* b waves at *a*"]);
  for (const text of ["*waves", "** waves", "*", "* ", "*  waves", " * waves"]) {
    assert.deepEqual(lines(event(said(1, text))), [`b: ${text}`]);
  }
  const direct = said(2, "* waves", { type: "direct", to: "a" });
  assert.deepEqual(lines(event(direct)), ["DM from b: * waves"]);
  const messages = [said(1, "* waves", { time: "2026-11-21T09:00:00.123Z" }), {
    ...direct,
    time: "2026-11-21T09:00:00Z",
  }];
  assert.deepEqual(lines(reply({ of: "history", messages })), [
    "[2026-11-21T09:00:00Z] * b waves",
    "[2026-11-21T09:00:00Z] b: * waves",
  ]);
});

test("render() tells that who was written to is away, without the mark of how private it was", () => {
  const answer = { of: "msg", to: "bob", text: "hi", topic: "inbox:bob", seq: 1, time: "" };
  assert.deepEqual(lines(reply(answer)), ["DM to bob: hi"]);
  assert.deepEqual(lines(reply({ ...answer, away: "lunch" })), ["DM to bob: hi", "[SYSTEM] bob is away: lunch"]);
  const sealed = { ...answer, away: "lunch\r\n\x1b[2J", privacy: { state: "sealed" } };
  assert.deepEqual(lines(reply(sealed)), ["DM to bob (encrypted): hi", "[SYSTEM] bob is away: lunch[2J"]);
  assert.deepEqual(lines(reply({ ...answer, away: 7 })), ["DM to bob: hi"]);
  assert.deepEqual(lines(reply({ of: "away", away: "lunch" })), ["You are away: lunch"]);
  assert.deepEqual(lines(reply({ of: "away" })), ["You are back"]);
  assert.deepEqual(lines(reply({ of: "me", topic: "room:lobby", seq: 1, time: "" })), []);
});

test("render() tells text, errors and notes apart", () => {
  assert.equal(render(event(said(1, "x"))).kind, "text");
  assert.equal(render(event({ type: "error", code: "slow_consumer", message: "Bye" })).kind, "error");
  const refused = render({ kind: "refused", request: { cmd: "join" }, error: new ChatError("invalid_room", "No") });
  assert.deepEqual(refused, { kind: "error", lines: ["[ERROR] invalid_room: No"] });
  assert.equal(render({ kind: "status", status: { state: "lost", reason: "x", planned: false } }).kind, "note");
});

const hostile = "\x1b[2J\x07\x9b31m\u202edrow\u2066\r\nfake: line\x00\ud800";

test("render() lets no server move the cursor, turn text around or forge a second line", () => {
  const updates = [
    event(said(1, hostile, { from: hostile })),
    event({ type: "system", code: "notice", message: hostile }),
    event({ type: "gap", topic: hostile, from: 1, to: null, pos: "x" }),
    reply({ of: "users", users: [hostile] }),
    reply({ of: hostile, [hostile]: hostile }),
    { kind: "refused", request: { cmd: "x" }, error: new ChatError(hostile as "usage", hostile) } as const,
  ];
  for (const update of updates) {
    const shown = lines(update);
    assert.equal(shown.length, 1);
    assert.equal(shown[0], cleanLine(shown[0]));
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(shown[0], /[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
  }
});

test("render() shows something for whatever a server answers", () => {
  const anything = fc.dictionary(fc.string(), fc.jsonValue());
  const commands = [
    "rooms",
    "users",
    "who",
    "history",
    "help",
    "join",
    "msg",
    "whoami",
    "nothing known",
    "login",
    "subs",
  ];
  fc.assert(fc.property(fc.constantFrom(...commands), anything, (of, fields) => {
    for (const line of lines(reply({ ...fields, of }))) assert.equal(line, cleanLine(line));
  }));
});

test("render() shows the answer to a command that it does not know", () => {
  assert.deepEqual(lines(reply({ of: "weather", sunny: true })), ['weather: {"sunny":true}']);
  assert.deepEqual(lines(reply({ of: "poke" })), ["poke: done"]);
});

test("cleanLine() keeps letters of every script, TAB and emoji", () => {
  for (const text of ["a\tb", "日本語", "שלום", "👩‍👩‍👧", "é"]) assert.equal(cleanLine(text), text);
});

test("errorLine() names a refusal's code, and any other error's sentence", () => {
  assert.equal(errorLine(new ChatError("usage", "Usage: /x")), "[ERROR] usage: Usage: /x");
  assert.equal(errorLine(new ClientError("usage", "No file")), "[ERROR] No file");
});

test("statusText() counts what was missed", () => {
  const text = (missed: number) => statusText({ state: "resumed", server: { host: "::1", port: 1 }, missed });
  assert.equal(text(0), "Back on [::1]:1; nothing was missed");
  assert.equal(text(1), "Back on [::1]:1; 1 message was missed");
  assert.equal(text(3), "Back on [::1]:1; 3 messages were missed");
});
