/** What the hub promises: one encoding a format, nobody twice, nobody who does not follow. */

import assert from "node:assert/strict";
import type { Flushable } from "../../../lib/server/delivery/flush_scheduler.ts";
import { type Follower, Hub } from "../../../lib/server/delivery/hub.ts";
import type { GapEvent, MessageEvent, PresenceEvent } from "../../../lib/wire/event.ts";
import type { Encoding } from "../../../lib/wire/format.ts";
import type { Topic } from "../../../lib/wire/names.ts";
import { test } from "../../support/declare.ts";

const lobby = "room:lobby";

/** A hub whose turns are over when a test says so. */
function makeHub(): { hub: Hub; flush: () => void } {
  const waiting: Flushable[] = [];
  const hub = new Hub({ schedule: (flushable) => void waiting.push(flushable) });
  return { hub, flush: () => waiting.splice(0).forEach((flushable) => flushable.flush()) };
}

/** A follower that keeps what it was pushed. */
class Reader implements Follower {
  readonly got: Uint8Array[] = [];
  readonly marks: [Topic | undefined, number | undefined][] = [];

  readonly connection = "c";

  constructor(readonly encoding: Encoding = "text", readonly user = "b", readonly room = "lobby") {}

  isIn(room: string): boolean {
    return room === this.room;
  }

  push(bytes: Uint8Array, topic?: Topic, seq?: number): void {
    this.got.push(bytes);
    this.marks.push([topic, seq]);
  }

  get lines(): string[] {
    const text = this.got.map((bytes) => new TextDecoder().decode(bytes)).join("");
    return text === "" ? [] : text.trimEnd().split("\n");
  }
}

function message(seq: number): MessageEvent {
  const time = "2026-11-21T09:00:00.123Z";
  return { type: "message", topic: lobby, seq, from: "a", text: `${seq}`, time, pos: `e.${seq}.i` };
}

const joined: PresenceEvent = { type: "presence", room: "lobby", user: "a", state: "joined" };

test("Hub.deliver() encodes an event once a format and pushes the same bytes to every follower", () => {
  const { hub, flush } = makeHub();
  const readers = (["text", "json", "text", "json"] as const).map((format) => new Reader(format));
  for (const reader of readers) hub.add(lobby, reader);
  hub.deliver(lobby, message(1), 1);
  flush();
  assert.deepEqual(readers[0].lines, ["a: 1"]);
  assert.deepEqual(JSON.parse(readers[1].lines[0]), message(1));
  assert.equal(readers[0].got[0], readers[2].got[0]);
  assert.equal(readers[1].got[0], readers[3].got[0]);
});

test("Hub.deliver() says which message the bytes are, and of presence that they are none", () => {
  const { hub, flush } = makeHub();
  const reader = new Reader();
  hub.add(lobby, reader);
  hub.deliver(lobby, message(6), 6);
  hub.deliver(lobby, message(7), 7);
  hub.deliver(lobby, joined);
  flush();
  hub.deliver(lobby, joined);
  flush();
  assert.deepEqual(reader.marks, [[lobby, 7], [lobby, undefined]]);
});

test("Hub.deliver() reaches followers of that topic only, and those that were removed no more", () => {
  const { hub, flush } = makeHub();
  const [here, there] = [new Reader(), new Reader()];
  hub.add(lobby, here);
  hub.add("room:general", there);
  hub.deliver(lobby, message(1), 1);
  hub.remove(lobby, here);
  hub.remove(lobby, there);
  hub.remove("room:nowhere", here);
  hub.deliver(lobby, message(2), 2);
  hub.deliver("room:general", message(9), 9);
  flush();
  assert.deepEqual([here.lines, there.lines], [["a: 1"], ["a: 9"]]);
});

test("Hub.add() twice delivers once", () => {
  const { hub, flush } = makeHub();
  const reader = new Reader();
  hub.add(lobby, reader);
  hub.add(lobby, reader);
  hub.deliver(lobby, message(1), 1);
  flush();
  assert.deepEqual(reader.lines, ["a: 1"]);
});

test("Hub.deliver() skips whom it is told to", () => {
  const { hub, flush } = makeHub();
  const [subject, other] = [new Reader("text", "a"), new Reader("text", "b")];
  for (const reader of [subject, other]) hub.add(lobby, reader);
  hub.deliver(lobby, joined, undefined, ({ user }) => user === "a");
  flush();
  assert.deepEqual([subject.lines, other.lines], [[], ["a joined lobby"]]);
});

test("Hub.deliver() passes over a follower that is ahead until the stream has caught up", () => {
  const { hub, flush } = makeHub();
  const [ahead, live] = [new Reader(), new Reader()];
  hub.add(lobby, live);
  hub.add(lobby, ahead, { seq: 3, pos: "" });
  for (const seq of [1, 2, 3, 4, 5]) hub.deliver(lobby, message(seq), seq);
  flush();
  assert.deepEqual(live.lines, ["a: 1", "a: 2", "a: 3", "a: 4", "a: 5"]);
  assert.deepEqual(ahead.lines, ["a: 4", "a: 5"]);
});

test("Hub.deliver() tells a follower that is ahead of presence", () => {
  const { hub, flush } = makeHub();
  const ahead = new Reader();
  hub.add(lobby, ahead, { seq: 3, pos: "" });
  hub.deliver(lobby, joined);
  hub.deliver(lobby, joined, undefined, ({ user }) => user === "b");
  flush();
  assert.deepEqual(ahead.lines, ["a joined lobby"]);
});

test("Hub.remove() takes a follower away that is ahead", () => {
  const { hub, flush } = makeHub();
  const ahead = new Reader();
  hub.add(lobby, ahead, { seq: 3, pos: "" });
  hub.remove(lobby, ahead);
  hub.deliver(lobby, message(4), 4);
  flush();
  assert.deepEqual(ahead.lines, []);
});

test("Hub.deliver() passes over nobody after the stream began anew", () => {
  const { hub, flush } = makeHub();
  const ahead = new Reader();
  hub.add(lobby, ahead, { seq: 30, pos: "" });
  const gap: GapEvent = { type: "gap", topic: lobby, from: 21, to: null, pos: "f.0." };
  hub.deliver(lobby, gap);
  hub.deliver(lobby, message(1), 1);
  flush();
  assert.equal(ahead.lines.length, 2);
  assert.match(ahead.lines[0], /^\[SYSTEM\] .* lost/);
  assert.equal(ahead.lines[1], "a: 1");
});

test("Hub.deliver() of an event that has no text pushes no line to a person", () => {
  const { hub, flush } = makeHub();
  const [person, program] = [new Reader("text"), new Reader("json")];
  for (const reader of [person, program]) hub.add(lobby, reader);
  hub.deliver(lobby, { type: "ping" });
  flush();
  assert.deepEqual([person.lines.join(""), program.lines], ["", ['{"type":"ping"}']]);
});

test("Hub joins what a turn delivers, and pushes the same bytes to all who get the whole", () => {
  const { hub, flush } = makeHub();
  const readers = [new Reader(), new Reader()];
  for (const reader of readers) hub.add(lobby, reader);
  for (const seq of [1, 2, 3]) hub.deliver(lobby, message(seq), seq);
  assert.deepEqual(readers[0].got, [], "the turn is not over");
  flush();
  assert.equal(readers[0].got.length, 1);
  assert.equal(readers[0].got[0], readers[1].got[0]);
  assert.deepEqual(readers[0].lines, ["a: 1", "a: 2", "a: 3"]);
  hub.deliver(lobby, message(4), 4);
  flush();
  assert.deepEqual(readers[1].lines, ["a: 1", "a: 2", "a: 3", "a: 4"]);
});

test("Hub keeps the order of a follower's topics among each other", () => {
  const { hub, flush } = makeHub();
  const [both, one] = [new Reader(), new Reader()];
  for (const reader of [both, one]) hub.add(lobby, reader);
  hub.add("inbox:b", both);
  hub.deliver(lobby, message(1), 1);
  hub.deliver("inbox:b", message(11), 11);
  hub.deliver(lobby, message(2), 2);
  flush();
  assert.deepEqual(both.lines, ["a: 1", "a: 11", "a: 2"]);
  assert.deepEqual(both.marks, [[lobby, 1], ["inbox:b", 11], [lobby, 2]]);
  assert.deepEqual(one.lines, ["a: 1", "a: 2"]);
});

for (const topics of [undefined, new Map<Topic, unknown>([[lobby, true]])]) {
  test(`Hub.catchUp() pushes what was delivered, once, ${topics ? "where it is to be looked for" : "wherever it is"}`, () => {
    const { hub, flush } = makeHub();
    const [asking, other] = [new Reader(), new Reader()];
    for (const reader of [asking, other]) hub.add(lobby, reader);
    hub.add("room:general", other);
    hub.deliver(lobby, message(1), 1);
    hub.deliver("room:general", message(9), 9);
    hub.deliver(lobby, message(2), 2);
    hub.catchUp(asking, topics);
    assert.deepEqual([asking.lines, other.lines], [["a: 1", "a: 2"], []]);
    hub.deliver(lobby, message(3), 3);
    hub.catchUp(asking, topics);
    hub.catchUp(asking, topics);
    assert.deepEqual(asking.lines, ["a: 1", "a: 2", "a: 3"]);
    hub.deliver(lobby, message(4), 4);
    flush();
    assert.deepEqual(asking.lines, ["a: 1", "a: 2", "a: 3", "a: 4"]);
    assert.deepEqual(other.lines, ["a: 1", "a: 9", "a: 2", "a: 3", "a: 4"]);
  });
}

test("Hub.add() and Hub.remove() within a turn: who comes gets what follows, who goes got what was before", () => {
  const { hub, flush } = makeHub();
  const [stays, comes, goes] = [new Reader(), new Reader(), new Reader()];
  for (const reader of [stays, goes]) hub.add(lobby, reader);
  hub.deliver(lobby, message(1), 1);
  hub.add(lobby, comes);
  hub.remove(lobby, goes);
  assert.deepEqual(goes.lines, ["a: 1"]);
  hub.deliver(lobby, message(2), 2);
  flush();
  assert.deepEqual([stays.lines, comes.lines, goes.lines], [["a: 1", "a: 2"], ["a: 2"], ["a: 1"]]);
});

test("Hub.deliver() leaves out one event for whom it skips, and nothing else", () => {
  const { hub, flush } = makeHub();
  const [subject, other] = [new Reader("text", "a"), new Reader("text", "b")];
  for (const reader of [subject, other]) hub.add(lobby, reader);
  hub.deliver(lobby, message(1), 1);
  hub.deliver(lobby, joined, undefined, ({ user }) => user === "a");
  hub.deliver(lobby, message(2), 2);
  flush();
  assert.deepEqual(subject.lines, ["a: 1", "a: 2"]);
  assert.deepEqual(other.lines, ["a: 1", "a joined lobby", "a: 2"]);
});

test("Hub.flush() goes on where a push has a follower leave", () => {
  const { hub, flush } = makeHub();
  const [first, second, third] = [new Reader(), new Reader(), new Reader()];
  first.push = () => {
    hub.remove(lobby, first);
    hub.remove(lobby, second);
  };
  for (const reader of [first, second, third]) hub.add(lobby, reader);
  hub.deliver(lobby, message(1), 1);
  flush();
  assert.deepEqual(third.lines, ["a: 1"]);
});
