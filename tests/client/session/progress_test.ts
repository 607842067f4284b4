import assert from "node:assert/strict";
import { Progress } from "../../../lib/client/session/progress.ts";
import type { MessageEvent } from "../../../lib/wire/event.ts";
import { test } from "../fakes.ts";

const message = (topic: string, seq: number): MessageEvent => ({
  type: "message",
  topic,
  seq,
  from: "b",
  text: "x",
  time: "2026-11-21T09:00:00.000Z",
  pos: `e.${seq}.x`,
});
const lobby = new Set(["lobby"]);
const places = (entries: Record<string, string>) => new Map(Object.entries(entries));

test("Progress.follow() takes the places that a reply tells, and take() goes on from them", () => {
  const progress = new Progress();
  progress.follow(places({ "room:lobby": "e.3.x", "feed:b": "e.1.x", "inbox:a": "e.9.x" }));
  progress.take(message("room:lobby", 4), lobby);
  assert.deepEqual(progress.positions(), { "room:lobby": "e.4.x", "feed:b": "e.1.x", "inbox:a": "e.9.x" });
});

test("Progress.take() moves no position of a room that the client is not in", () => {
  const progress = new Progress();
  assert.equal(progress.take(message("room:other", 4), lobby), true);
  assert.deepEqual(progress.positions(), {});
});

test("Progress.enter() forgets the rooms that were left, and only those", () => {
  const progress = new Progress();
  progress.enter(lobby);
  progress.follow(places({ "room:lobby": "e.1.x", "feed:b": "e.1.x" }));
  progress.take(message("room:lobby", 7), lobby);
  progress.enter(new Set(["general"]));
  assert.deepEqual(progress.positions(), { "feed:b": "e.1.x" });
  progress.enter(lobby);
  assert.equal(progress.take(message("room:lobby", 2), lobby), true, "the room's log may have been made anew");
});

test("Progress.skip() goes on behind a gap, or begins anew where its end is not known", () => {
  const progress = new Progress();
  progress.take(message("room:lobby", 7), lobby);
  progress.skip({ type: "gap", topic: "room:lobby", from: 8, to: 20, pos: "e.20." }, lobby);
  assert.deepEqual(progress.positions(), { "room:lobby": "e.20." });
  assert.equal(progress.take(message("room:lobby", 20), lobby), false);
  assert.equal(progress.take(message("room:lobby", 21), lobby), true);
  progress.skip({ type: "gap", topic: "room:lobby", from: 22, to: null, pos: "f.0." }, lobby);
  assert.equal(progress.take(message("room:lobby", 1), lobby), true);
});

test("Progress keeps a bounded number of topics", () => {
  const progress = new Progress();
  for (let i = 0; i < 12_000; i++) progress.take(message(`feed:u${i}`, 1), lobby);
  const names = Object.keys(progress.positions());
  assert.equal(names.length, 10_000);
  assert.equal(names.at(-1), "feed:u11999");
});
