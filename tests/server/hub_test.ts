/** What the hub promises: one encoding a format, nobody twice, nobody who does not follow. */

import assert from "node:assert/strict";
import { type Follower, Hub } from "../../lib/server/hub.ts";
import type { Format, GapEvent, MessageEvent, PresenceEvent } from "../../lib/wire/event.ts";
import type { Topic } from "../../lib/wire/names.ts";

function test(name: string, fn: () => void): void {
  Deno.test({ name, sanitizeOps: true, sanitizeResources: true, fn });
}

const lobby = "room:lobby";

/** A follower that keeps what it was pushed. */
class Reader implements Follower {
  readonly got: Uint8Array[] = [];
  readonly marks: [Topic | undefined, number | undefined][] = [];

  constructor(readonly format: Format = "text", readonly user = "b", readonly room: string | undefined = "lobby") {}

  push(bytes: Uint8Array, topic?: Topic, seq?: number): void {
    this.got.push(bytes);
    this.marks.push([topic, seq]);
  }

  get lines(): string[] {
    return this.got.map((bytes) => new TextDecoder().decode(bytes).trimEnd());
  }
}

function message(seq: number): MessageEvent {
  const time = "2026-11-21T09:00:00.123Z";
  return { type: "message", topic: lobby, seq, from: "a", text: `${seq}`, time, pos: `e.${seq}.i` };
}

const joined: PresenceEvent = { type: "presence", room: "lobby", user: "a", state: "joined" };

test("Hub.deliver() encodes an event once a format and pushes the same bytes to every follower", () => {
  const hub = new Hub();
  const readers = (["text", "json", "text", "json"] as const).map((format) => new Reader(format));
  for (const reader of readers) hub.add(lobby, reader);
  hub.deliver(lobby, message(1), 1);
  assert.deepEqual(readers[0].lines, ["a: 1"]);
  assert.deepEqual(JSON.parse(readers[1].lines[0]), message(1));
  assert.equal(readers[0].got[0], readers[2].got[0]);
  assert.equal(readers[1].got[0], readers[3].got[0]);
});

test("Hub.deliver() says which message the bytes are, and of presence that they are none", () => {
  const hub = new Hub();
  const reader = new Reader();
  hub.add(lobby, reader);
  hub.deliver(lobby, message(7), 7);
  hub.deliver(lobby, joined);
  assert.deepEqual(reader.marks, [[lobby, 7], [undefined, undefined]]);
});

test("Hub.deliver() reaches followers of that topic only, and those that were removed no more", () => {
  const hub = new Hub();
  const [here, there] = [new Reader(), new Reader()];
  hub.add(lobby, here);
  hub.add("room:general", there);
  hub.deliver(lobby, message(1), 1);
  hub.remove(lobby, here);
  hub.remove(lobby, there);
  hub.remove("room:nowhere", here);
  hub.deliver(lobby, message(2), 2);
  hub.deliver("room:general", message(9), 9);
  assert.deepEqual([here.lines, there.lines], [["a: 1"], ["a: 9"]]);
});

test("Hub.add() twice delivers once", () => {
  const hub = new Hub();
  const reader = new Reader();
  hub.add(lobby, reader);
  hub.add(lobby, reader);
  hub.deliver(lobby, message(1), 1);
  assert.deepEqual(reader.lines, ["a: 1"]);
});

test("Hub.deliver() skips whom it is told to", () => {
  const hub = new Hub();
  const [subject, other] = [new Reader("text", "a"), new Reader("text", "b")];
  for (const reader of [subject, other]) hub.add(lobby, reader);
  hub.deliver(lobby, joined, undefined, ({ user }) => user === "a");
  assert.deepEqual([subject.lines, other.lines], [[], ["a joined lobby"]]);
});

test("Hub.deliver() passes over a follower that is ahead until the stream has caught up", () => {
  const hub = new Hub();
  const [ahead, live] = [new Reader(), new Reader()];
  hub.add(lobby, live);
  hub.add(lobby, ahead, 3);
  for (const seq of [1, 2, 3, 4, 5]) hub.deliver(lobby, message(seq), seq);
  assert.deepEqual(live.lines, ["a: 1", "a: 2", "a: 3", "a: 4", "a: 5"]);
  assert.deepEqual(ahead.lines, ["a: 4", "a: 5"]);
});

test("Hub.deliver() tells a follower that is ahead of presence", () => {
  const hub = new Hub();
  const ahead = new Reader();
  hub.add(lobby, ahead, 3);
  hub.deliver(lobby, joined);
  hub.deliver(lobby, joined, undefined, ({ user }) => user === "b");
  assert.deepEqual(ahead.lines, ["a joined lobby"]);
});

test("Hub.remove() takes a follower away that is ahead", () => {
  const hub = new Hub();
  const ahead = new Reader();
  hub.add(lobby, ahead, 3);
  hub.remove(lobby, ahead);
  hub.deliver(lobby, message(4), 4);
  assert.deepEqual(ahead.lines, []);
});

test("Hub.deliver() passes over nobody after the stream began anew", () => {
  const hub = new Hub();
  const ahead = new Reader();
  hub.add(lobby, ahead, 30);
  const gap: GapEvent = { type: "gap", topic: lobby, from: 21, to: null, pos: "f.0." };
  hub.deliver(lobby, gap);
  hub.deliver(lobby, message(1), 1);
  assert.equal(ahead.lines.length, 2);
  assert.match(ahead.lines[0], /^\[SYSTEM\] .* lost/);
  assert.equal(ahead.lines[1], "a: 1");
});

test("Hub.deliver() of an event that has no text pushes no line to a person", () => {
  const hub = new Hub();
  const [person, program] = [new Reader("text"), new Reader("json")];
  for (const reader of [person, program]) hub.add(lobby, reader);
  hub.deliver(lobby, { type: "ping" });
  assert.deepEqual([person.lines.join(""), program.lines], ["", ['{"type":"ping"}']]);
});
