import assert from "node:assert/strict";
import { RoomListener } from "../../../lib/client/session/room_listener.ts";
import { type Json, said, test } from "../fakes.ts";

const message = (seq: number, fields = {}): Json => said(seq, `${seq}`, fields);

/** A listener that was told the messages up to this one, and is on a new connection. */
function returned(last: number): RoomListener {
  const listener = new RoomListener("lobby", 1);
  listener.joined();
  listener.answered([message(last)]);
  listener.joined();
  return listener;
}

test("RoomListener.answered() counts what was said while it was away, and not what is live since", () => {
  const listener = returned(4);
  listener.live(message(7));
  const { events, missed } = listener.answered([message(4), message(5), message(6)]);
  assert.deepEqual(events.map((event) => (event as Json).seq), [5, 6, 7]);
  assert.equal(missed, 2);
  listener.joined();
  assert.equal(listener.answered([message(7)]).missed, 0);
});

test("RoomListener.answered() does not say how much was missed behind a gap", () => {
  const older = returned(4);
  assert.ok(older.answered([message(9)]).ask, "an older page may hold more");
  const { events, missed } = older.answered([]);
  assert.deepEqual(events.map(({ type }) => type), ["gap", "message"]);
  assert.equal(missed, null);
  const other = returned(4).answered([message(4, { pos: "f.4.y" })]);
  assert.deepEqual([other.events.map(({ type }) => type), other.missed], [["gap"], null]);
});

test("RoomListener.answered() does not say how much was missed where it was cut off before its first history", () => {
  const listener = new RoomListener("lobby");
  listener.joined();
  listener.joined();
  const { events, missed } = listener.answered([message(4)]);
  assert.deepEqual([events, missed], [[], null]);
});

test("RoomListener.answered() tells what was said between the join and its first history, once", () => {
  const listener = new RoomListener("lobby");
  listener.joined("e.3.x");
  listener.live(message(4));
  const { events } = listener.answered([message(4)]);
  assert.deepEqual(events.map((event) => (event as Json).seq), [4]);
  assert.deepEqual(listener.live(message(5)).length, 1);
});

test("RoomListener.joined() goes on from its first join where it was cut off before the first history", () => {
  const listener = new RoomListener("lobby", 2);
  listener.joined("e.3.x");
  listener.joined("e.5.y");
  assert.ok(listener.answered([message(5)]).ask, "4 is missing, and two of before");
  const { events, missed } = listener.answered([message(2), message(3, { pos: "e.3.x" }), message(4)]);
  assert.deepEqual(events.map((event) => (event as Json).seq), [2, 3, 4, 5]);
  assert.equal(missed, 2);
});
