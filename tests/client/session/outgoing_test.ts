import assert from "node:assert/strict";
import { CommandTable } from "../../../lib/client/net/commands.ts";
import { Outgoing } from "../../../lib/client/session/outgoing.ts";
import { fakeCommands, test } from "../fakes.ts";

const commands = new CommandTable(fakeCommands);

function filled(...requests: { cmd: string; [field: string]: unknown }[]): Outgoing {
  const outgoing = new Outgoing(3);
  for (const request of requests) outgoing.add(request, commands);
  return outgoing;
}

/** What can be sent now, by text or command. */
function next(outgoing: Outgoing, room = "lobby"): unknown[] {
  return outgoing.next(room, commands).map(({ cmd, text }) => text ?? cmd);
}

const say = (text: string) => ({ cmd: "say", text });

test("Outgoing.next() lets messages follow each other up to the window, and sends none twice", () => {
  const outgoing = filled(...["1", "2", "3", "4"].map(say));
  assert.deepEqual(next(outgoing), ["1", "2", "3"]);
  assert.deepEqual(next(outgoing), []);
});

test("Outgoing.next() sends any other command alone", () => {
  const outgoing = filled(say("1"), { cmd: "join", room: "x" }, say("2"));
  const [first] = outgoing.next("lobby", commands);
  assert.deepEqual(next(outgoing), []);
  outgoing.remove(outgoing.find(first)!);
  assert.deepEqual(next(outgoing), ["join"]);
  assert.deepEqual(next(outgoing), []);
});

test("Outgoing.next() gives a message a cid and its room once, and leaves a room that was named", () => {
  const outgoing = filled(say("1"), { ...say("2"), room: "other" }, { cmd: "publish", text: "3" });
  const [first, second, third] = outgoing.next("lobby", commands);
  assert.equal(first.room, "lobby");
  assert.equal(second.room, "other");
  assert.equal(third.room, undefined);
  assert.match(String(first.cid), /^[0-9a-f-]{36}$/);
  outgoing.interrupt();
  assert.deepEqual(outgoing.next("elsewhere", commands), [first, second, third]);
});

test("Outgoing.interrupt() gives up what was sent and must not be done twice, and keeps what was not sent", () => {
  const outgoing = filled({ cmd: "passwd", old: "1", new: "2" }, { cmd: "logout" }, say("1"));
  next(outgoing);
  assert.deepEqual(outgoing.interrupt().map(({ request }) => request.cmd), ["passwd"]);
  assert.deepEqual(next(outgoing), ["logout"]);
});

test("Outgoing.abandon() tells requests as they were typed, without secrets and what nobody types", () => {
  const msg = { cmd: "msg", to: "bob", text: "on my way", cid: "x" };
  const history = { cmd: "history", user: "bob", n: 5, before: 7 };
  const passwd = { cmd: "passwd", old: "1", new: "2" };
  const given = filled(msg, { cmd: "join", room: "ops" }, history, passwd, say("/slash"), { cmd: "new", text: "x" });
  assert.deepEqual(given.abandon().map(({ error }) => error.message), [
    "Not sent: /msg bob on my way",
    "Not sent: /join ops",
    "Not sent: /history @bob 5",
    "Not sent: /passwd",
    'Not sent: "/slash"',
    "Not sent: /new x",
  ]);
});

test("Outgoing.abandon() tells what was never sent from what may have arrived", () => {
  const outgoing = filled(say("sent"), { cmd: "rooms" });
  next(outgoing);
  assert.deepEqual(outgoing.abandon().map(({ error }) => error.message), [
    'It is not known whether this was done: "sent"',
    "Not sent: /rooms",
  ]);
  assert.equal(outgoing.size, 0);
});
