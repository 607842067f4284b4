/** What is read on a connection: the text format word for word, the JSON lines field for field, and clean lines only. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ChatError, errorCodes } from "../../lib/common/errors.ts";
import { allCommands } from "../../lib/server/commands/all.ts";
import { PositionSigner } from "../../lib/store/position_signer.ts";
import { topicEvent } from "../../lib/server/delivery/events.ts";
import { forcedLogout } from "../../lib/server/sessions/local_sessions.ts";
import { describe } from "../../lib/server/registry/registry.ts";
import { bindFields } from "../../lib/wire/command.ts";
import { parseRequest } from "../../lib/wire/request.ts";
import type { ErrorEvent, Reply, ServerEvent } from "../../lib/wire/event.ts";
import { encodeError, encodeEvent, encodeReply, eventText, replyText } from "../../lib/wire/format.ts";
import { ownChangeText } from "../../lib/wire/room_text.ts";
import { LineFramer } from "../../lib/wire/lines.ts";
import { test } from "../support/declare.ts";

const accepted = { topic: "room:lobby", seq: 7, time: "2026-11-21T09:00:00.123Z" };
const logged = { ...accepted, from: "a", text: "hello everyone", pos: "e.7.i" };
const positions = { "room:lobby": "e.7.i" };
const login = { user: "a", room: "lobby", resume: "a.token", positions };

const room = "general";
const laptop = { client: "test/1", here: true, side: false };

/** What is said → what a person reads. */
const replies: Record<string, [Reply, string]> = {
  "LOGIN a 1": [{ of: "login", ...login }, "Login successful. Room: lobby"],
  "LOGIN on a side connection": [
    { of: "login", user: "a", room: null, positions: {} },
    "Login successful. Side connection",
  ],
  "REGISTER eve pw": [{ of: "register", ...login, user: "eve" }, "Registered eve\nLogin successful. Room: lobby"],
  "a resume": [{ of: "resume", ...login, room: "general" }, "Login successful. Room: general"],
  "hello everyone": [{ of: "say", ...accepted }, ""],
  "/join general": [{ of: "join", room: "general", positions }, "Joined room general"],
  "/leave": [{ of: "leave", room: "lobby", positions }, "Returned to lobby"],
  "/rooms": [
    { of: "rooms", rooms: [{ room: "general", members: 2 }, { room: "lobby", members: 1 }] },
    "Available rooms: general(2), lobby(1)",
  ],
  "/users": [{ of: "users", users: ["a", "b"] }, "Users online: a, b"],
  "/users with who is away": [
    { of: "users", users: [{ user: "a", away: "lunch" }, { user: "b" }] },
    "Users online: a, b",
  ],
  "/away lunch": [{ of: "away", away: "lunch" }, "You are away: lunch"],
  "/away": [{ of: "away" }, "You are back"],
  "/me waves": [{ of: "me", ...accepted }, ""],
  "/msg b hi, who is away": [
    { of: "msg", ...accepted, topic: "inbox:b", to: "b", text: "hi", away: "lunch" },
    "DM to b: hi\n[SYSTEM] b is away: lunch",
  ],
  "/who general": [{ of: "who", room: "general", members: ["a", "b"] }, "Members of general: a, b"],
  "/who of an empty room": [{ of: "who", room: "general", members: [] }, "Members of general: none"],
  "/subscribe b": [{ of: "subscribe", user: "b", positions }, "Subscribed to b"],
  "/unsubscribe b": [{ of: "unsubscribe", user: "b" }, "Unsubscribed from b"],
  "/subs": [{ of: "subs", subscriptions: ["b", "c"] }, "Subscriptions: b, c"],
  "/subs of nobody": [{ of: "subs", subscriptions: [] }, "Subscriptions: none"],
  "/publish hi": [{ of: "publish", ...accepted, topic: "feed:a", subscribers: 2 }, "Published to 2 subscribers"],
  "/msg b hi": [{ of: "msg", ...accepted, topic: "inbox:b", to: "b", text: "hi" }, "DM to b: hi"],
  "/history": [
    {
      of: "history",
      messages: [
        { type: "message", ...logged, time: "2026-11-21T09:00:00.999Z", text: "hello" },
        { type: "direct", ...logged, from: "b", to: "a", time: "2026-11-21T09:00:01Z", text: "hi" },
      ],
    },
    "[2026-11-21T09:00:00Z] a: hello\n[2026-11-21T09:00:01Z] b: hi",
  ],
  "/history of nothing": [{ of: "history", messages: [] }, "[SYSTEM] No messages"],
  "/whoami": [{ of: "whoami", user: "a", room: "lobby", server: "server1" }, "a in lobby on server1"],
  "/whoami on a side connection": [
    { of: "whoami", user: "a", room: null, server: "server1" },
    "a (side connection) on server1",
  ],
  "/devices": [
    {
      of: "devices",
      devices: [
        { ...laptop, device: "laptop", server: "server1", since: "2026-11-28T09:00:00.123Z" },
        { ...laptop, device: "phone", server: "server2", since: "2026-11-28T10:30:59.999Z" },
      ],
    },
    "Devices: laptop (server1, since 2026-11-28T09:00:00Z), phone (server2, since 2026-11-28T10:30:59Z)",
  ],
  "/devices of nobody": [{ of: "devices", devices: [] }, "Devices: none"],
  "/revoke phone": [{ of: "revoke", device: "phone" }, "Revoked phone"],
  "/revoke all": [{ of: "revoke", device: "all", revoked: ["phone", "tablet"] }, "Revoked phone, tablet"],
  "/revoke all without others": [{ of: "revoke", device: "all", revoked: [] }, "Revoked none"],
  "/passwd": [{ of: "passwd" }, "Password changed"],
  "/logout": [{ of: "logout" }, "Logged out"],
  "/quit": [{ of: "quit" }, "Goodbye"],
  "HELLO": [
    { of: "hello", version: 1, server: "server1", formats: ["text", "json"], limits: {} },
    "[SERVER] server1 speaks version 1, formats text, json",
  ],
  "/topic plans for May": [{ of: "topic", room, topic: "plans for May" }, "Topic of general: plans for May"],
  "/topic of a room that has none": [{ of: "topic", room, topic: "" }, "Topic of general: none"],
  "/private on": [{ of: "private", room, private: true }, "general is private"],
  "/private off": [{ of: "private", room, private: false }, "general is public"],
  "/invite c": [{ of: "invite", room, user: "c" }, "Invited c to general"],
  "/kick b": [{ of: "kick", room, user: "b" }, "Removed b from general"],
  "/ban b": [{ of: "ban", room, user: "b" }, "Banned b from general"],
  "/unban b": [{ of: "unban", room, user: "b" }, "Unbanned b from general"],
  "/mute b 10m": [{ of: "mute", room, user: "b", for: 600 }, "Muted b in general for 10m"],
  "/mute b": [{ of: "mute", room, user: "b" }, "Muted b in general"],
  "/unmute b": [{ of: "unmute", room, user: "b" }, "Unmuted b in general"],
  "/owner b": [{ of: "owner", room, user: "b" }, "b owns general"],
  "/slow 10s": [{ of: "slow", room, slow: 10 }, "Slow mode of general: 10s"],
  "/slow off": [{ of: "slow", room, slow: 0 }, "Slow mode of general: off"],
  "/op b": [{ of: "op", room, user: "b" }, "b is a moderator of general"],
  "/deop b": [{ of: "deop", room, user: "b" }, "b is no moderator of general"],
  "/room": [
    {
      of: "room",
      room,
      ...{ owner: "a", moderators: ["b"], private: true, topic: "plans for May", banned: ["c"], muted: ["d"] },
    },
    "Room general: owner a; moderators b; private; topic plans for May; banned c; muted d",
  ],
  "/room of one in which everything is empty": [
    { of: "room", room, owner: null, moderators: [], private: false, topic: "", banned: [], muted: [] },
    "Room general",
  ],
  "/report b rude": [{ of: "report", room, user: "b" }, "Reported b"],
  "/announce hi": [{ of: "announce" }, "Announced"],
  "seen": [{ of: "seen" }, ""],
  "pong": [{ of: "pong" }, ""],
};

const events: Record<string, [ServerEvent, string]> = {
  "a message": [{ type: "message", ...logged }, "a: hello everyone"],
  "a notification": [{ type: "notification", ...logged, topic: "feed:a", text: "hi" }, "Notification from a: hi"],
  "a direct message": [{ type: "direct", ...logged, topic: "inbox:b", to: "b", text: "hi" }, "DM from a: hi"],
  "what one has sent on another device": [
    { type: "direct", ...logged, topic: "sent:a", to: "b", text: "hi" },
    "DM to b: hi",
  ],
  "another device joins": [{ type: "membership", room: "general", state: "joined", positions }, ""],
  "another device leaves": [{ type: "membership", room: "general", state: "left", positions: {} }, ""],
  "another device reads": [{ type: "seen", topic: "room:general", pos: "e.7.i" }, ""],
  "somebody comes": [{ type: "presence", room: "general", user: "a", state: "joined" }, "a joined general"],
  "somebody goes": [{ type: "presence", room: "lobby", user: "a", state: "left" }, "a left lobby"],
  "somebody is removed": [
    { type: "presence", room, user: "b", state: "left", by: "a", reason: "spam" },
    "b left general",
  ],
  "one is removed": [
    { type: "removed", room, by: "a", reason: "spam", banned: false, now: "lobby", positions },
    "[SYSTEM] a removed you from general: spam",
  ],
  "one is banned for no reason that was given": [
    { type: "removed", room, by: "a", reason: "", banned: true },
    "[SYSTEM] a removed you from general",
  ],
  "an invitation": [{ type: "invited", room, by: "a" }, "[SYSTEM] a invites you to general"],
  "a topic": [
    { type: "room_changed", room, by: "a", change: "topic", value: "plans for May" },
    "[SYSTEM] a set the topic of general: plans for May",
  ],
  "a topic is taken away": [
    { type: "room_changed", room, by: "a", change: "topic", value: "" },
    "[SYSTEM] a cleared the topic of general",
  ],
  "a room becomes private": [
    { type: "room_changed", room, by: "a", change: "private", value: true },
    "[SYSTEM] a made general private",
  ],
  "a room has another owner": [
    { type: "room_changed", room, by: "a", change: "owner", user: "b" },
    "[SYSTEM] a made b the owner of general",
  ],
  "slow mode": [
    { type: "room_changed", room, by: "a", change: "slow", value: 10 },
    "[SYSTEM] a set the slow mode of general: 10s",
  ],
  "somebody is muted": [{ type: "room_changed", room, by: "a", change: "mute", user: "b", value: 600 }, ""],
  "an announcement": [{ type: "system", code: "announcement", message: "Soon." }, "[SYSTEM] Soon."],
  "a report": [
    {
      ...{ type: "system", code: "report", message: "a reported b in general: rude", report: 3, room },
      ...{
        by: "a",
        user: "b",
        reason: "rude",
        messages: [{ type: "message", ...logged, from: "b", topic: "room:general" }],
      },
    },
    "[SYSTEM] a reported b in general: rude\n[2026-11-21T09:00:00Z] b: hello everyone",
  ],
  "a forced logout": [forcedLogout, "[SYSTEM] FORCED_LOGOUT: Logged in from another location."],
  "a notice": [{ type: "system", code: "notice", message: "Soon." }, "[SYSTEM] Soon."],
  "the server stops": [{ type: "system", code: "server_draining", message: "Bye" }, "[SYSTEM] Bye"],
  "an error": [
    { type: "error", code: "invalid_room", message: "Room is no name" },
    "[ERROR] invalid_room: Room is no name",
  ],
  "a gap": [
    { type: "gap", topic: "room:lobby", from: 3, to: 9, pos: "e.9." },
    "[SYSTEM] Some messages of room lobby are lost: 3 to 9",
  ],
  "a gap without an end": [
    { type: "gap", topic: "inbox:a", from: 3, to: null, pos: "e.9." },
    "[SYSTEM] Some messages of inbox a may be lost: from number 3 on",
  ],
  "a ping": [{ type: "ping" }, ""],
};

test("replyText() says the protocol's words for every reply", () => {
  for (const [what, [reply, text]] of Object.entries(replies)) assert.equal(replyText(reply), text, what);
});

test("eventText() says the protocol's words for every event", () => {
  for (const [what, [event, text]] of Object.entries(events)) assert.equal(eventText(event), text, what);
});

test("ownChangeText() says to the one whom a change is about what the others are not told", () => {
  const change = { type: "room_changed", room, by: "a", user: "b" } as const;
  const texts = [
    ownChangeText({ ...change, change: "mute", value: 600 }),
    ownChangeText({ ...change, change: "mute", value: null }),
    ownChangeText({ ...change, change: "unmute" }),
    ownChangeText({ ...change, change: "op" }),
    ownChangeText({ ...change, change: "owner" }),
  ];
  assert.deepEqual(texts, [
    "a muted you in general for 10m",
    "a muted you in general",
    "a unmuted you in general",
    "a made you a moderator of general",
    undefined,
  ]);
});

test("eventText() greets with the line that names LOGIN", () => {
  const [first, ...others] = eventText({ type: "greeting" }).split("\n");
  assert.equal(first, "[SERVER] Login using: LOGIN <username> <password>");
  assert(others.length <= 1 && others.every((line) => line.startsWith("[SERVER] ")));
});

test("replyText() of help gives one line for each command that can be typed", () => {
  const typed = allCommands.filter((command) => command.typed);
  const lines = replyText({ of: "help", commands: typed.map(describe) }).split("\n");
  assert.equal(lines.length, typed.length);
  for (const [index, { name, help }] of typed.entries()) {
    assert(lines[index].startsWith(`/${name}`), lines[index]);
    assert(lines[index].includes(help), lines[index]);
  }
  assert(lines.includes("/join <room> — go to a room; it is made if it is new (also /j)"), lines.join("\n"));
});

/** The lines of some bytes; all of them must be whole. */
function lines(bytes: Uint8Array): string[] {
  const framed = [...new LineFramer(1e6).push(bytes)].map((line) => line.kind === "line" ? line.text : line.kind);
  assert.equal(bytes.length, framed.reduce((sum, line) => sum + new TextEncoder().encode(line).length + 1, 0));
  return framed;
}

function json(bytes: Uint8Array): unknown {
  const [line, ...more] = lines(bytes);
  assert.deepEqual(more, []);
  return JSON.parse(line);
}

test("encodeReply() and encodeEvent() write whole lines of text, and nothing where there is nothing to say", () => {
  for (const [what, [reply, text]] of Object.entries(replies)) {
    assert.deepEqual(lines(encodeReply(reply, "text", 7)), text === "" ? [] : text.split("\n"), what);
  }
  for (const [what, [event, text]] of Object.entries(events)) {
    assert.deepEqual(lines(encodeEvent(event, "text")), text === "" ? [] : text.split("\n"), what);
  }
});

test("encodeReply() writes one JSON object with the request's id and the reply's fields", () => {
  for (const [what, [reply]] of Object.entries(replies)) {
    const { of, ...fields } = reply;
    const type = of === "hello" ? "hello" : "ok";
    for (const id of [7, 0, "x", ""]) {
      assert.deepEqual(json(encodeReply(reply, "json", id)), { type, id, ...fields }, what);
    }
    assert.deepEqual(json(encodeReply(reply, "json")), { type, ...fields }, what);
  }
});

test("encodeReply() gives the fields that the protocol names", () => {
  const fields = (reply: Reply) => Object.keys(json(encodeReply(reply, "json", 7)) as object).sort().join(" ");
  assert.equal(fields(replies.HELLO[0]), "formats id limits server type version");
  for (const what of ["LOGIN a 1", "a resume"]) {
    assert.equal(fields(replies[what][0]), "id positions resume room type user");
  }
  for (const what of ["/join general", "/leave"]) assert.equal(fields(replies[what][0]), "id positions room type");
  assert.equal(fields(replies["hello everyone"][0]), "id seq time topic type");
  assert.equal(fields(replies["/publish hi"][0]), "id seq subscribers time topic type");
  assert.deepEqual((json(encodeReply(replies["/rooms"][0], "json")) as { rooms: unknown }).rooms, [
    { room: "general", members: 2 },
    { room: "lobby", members: 1 },
  ]);
});

test("encodeEvent() writes an event as it is in JSON", () => {
  for (const [what, [event]] of Object.entries(events)) assert.deepEqual(json(encodeEvent(event, "json")), event, what);
});

test("encodeError() answers with the request's id and the error's further fields", () => {
  const error: ErrorEvent = { type: "error", code: "usage", message: "No", versions: [1] };
  assert.deepEqual(json(encodeError(error, "json", 7)), { ...error, id: 7 });
  assert.deepEqual(json(encodeError(error, "json")), error);
  assert.deepEqual(lines(encodeError(error, "text", 7)), ["[ERROR] usage: No"]);
});

test("eventText() says every error's code as it stands in the table", () => {
  for (const code of Object.keys(errorCodes) as (keyof typeof errorCodes)[]) {
    assert.equal(
      eventText({ type: "error", code, message: "Sentence" }),
      code === "code_required" ? "[SYSTEM] CODE_REQUIRED: Sentence" : `[ERROR] ${code}: Sentence`,
    );
  }
});

const signer = new PositionSigner();

test("topicEvent() makes a message, a notification or a direct message of what the log holds", () => {
  const entry = { seq: 42, id: "abc", time: Date.UTC(2026, 10, 21, 9, 0, 0, 123), from: "a", text: "hi", cid: "4f" };
  const common = { seq: 42, from: "a", text: "hi", time: "2026-11-21T09:00:00.123Z", cid: "4f" };
  const at = { epoch: "ep", seq: 42, id: "abc" };
  assert.deepEqual(topicEvent(signer, "room:general", "ep", entry), {
    type: "message",
    topic: "room:general",
    ...common,
    pos: signer.encode("room:general", at),
  });
  assert.deepEqual(topicEvent(signer, "feed:a", "ep", { ...entry, room: "general" }), {
    type: "notification",
    topic: "feed:a",
    ...common,
    pos: signer.encode("feed:a", at),
    room: "general",
  });
  assert.deepEqual(topicEvent(signer, "inbox:b", "ep", { ...entry, to: "B" }), {
    type: "direct",
    topic: "inbox:b",
    ...common,
    pos: signer.encode("inbox:b", at),
    to: "B",
  });
});

// deno-lint-ignore no-control-regex
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/;

test("encodeEvent() never hands a control character or a second line from one user to another", () => {
  const text = fc.string({
    unit: fc.oneof(fc.integer({ min: 0, max: 0xff }), fc.nat({ max: 0x10ffff })).map((code) =>
      String.fromCodePoint(code)
    ),
  });
  fc.assert(
    fc.property(text, text, (text, cid) => {
      const declared = allCommands.find(({ name }) => name === "say")!.arguments;
      let said;
      try {
        const { fields } = parseRequest(JSON.stringify({ cmd: "say", text, cid }));
        said = bindFields("say", declared, fields, { maxMessageBytes: 4096 }) as { text: string; cid: string };
      } catch (error) {
        return assertOneLine(encodeError({ type: "error", ...shown(error) }, "text"));
      }
      const entry = { seq: 1, id: "i", time: 0, from: "a", ...said };
      for (const topic of ["room:lobby", "feed:a", "inbox:b"] as const) {
        const event = topicEvent(signer, topic, "e", entry);
        for (const format of ["text", "json"] as const) assertOneLine(encodeEvent(event, format));
        assertOneLine(encodeReply({ of: "history", messages: [event] }, "text"));
      }
      assertOneLine(encodeReply({ of: "msg", ...accepted, to: "b", text: said.text }, "text"));
    }),
    { numRuns: 1000 },
  );
});

function shown(error: unknown): { code: "usage" | "message_too_long"; message: string } {
  assert(error instanceof ChatError, String(error));
  assert(error.code === "usage" || error.code === "message_too_long", error.code);
  return { code: error.code, message: error.message };
}

function assertOneLine(bytes: Uint8Array): void {
  const [line, ...more] = lines(bytes);
  assert.deepEqual(more, []);
  assert.doesNotMatch(line, control);
}

/** What reorders, hides or breaks a line, none of which a person at a terminal sees come. */
const harmful = "\u202e\u2066\u2069\u200b\u2028\u2029\ufeff\u00ad\u{e0041}";

test("encodeEvent() takes format characters out of a text line, and nothing out of a JSON line", () => {
  const text = `one${harmful}two 👩‍👩‍👧 ❤️ שלום`;
  const events: ServerEvent[] = [
    { type: "message", ...logged, text },
    { type: "notification", ...logged, topic: "feed:a", text },
    { type: "direct", ...logged, topic: "inbox:b", to: "b", text },
    { type: "system", code: "notice", message: text },
  ];
  for (const event of events) {
    const line = decode(encodeEvent(event, "text"));
    assert.ok(line.endsWith("onetwo 👩‍👩‍👧 ❤️ שלום\n"), JSON.stringify(line));
    assert.deepEqual(JSON.parse(decode(encodeEvent(event, "json"))), event);
  }
});

test("encodeReply() and encodeError() take format characters out of text lines, line by line", () => {
  const messages = [`a${harmful}`, `${harmful}b`].map((text) => ({ type: "message" as const, ...logged, text }));
  const history: Reply = { of: "history", messages };
  const time = "[2026-11-21T09:00:00Z] a: ";
  assert.equal(decode(encodeReply(history, "text")), `${time}a\n${time}b\n`);
  assert.deepEqual(JSON.parse(decode(encodeReply(history, "json"))).messages, messages);
  assert.equal(decode(encodeReply({ of: "msg", ...accepted, to: "b", text: `x${harmful}` }, "text")), "DM to b: x\n");
  const error: ErrorEvent = { type: "error", code: "usage", message: `"${harmful}" is not a topic` };
  assert.equal(decode(encodeError(error, "text")), '[ERROR] usage: "" is not a topic\n');
  assert.deepEqual(JSON.parse(decode(encodeError(error, "json"))), error);
});

function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
