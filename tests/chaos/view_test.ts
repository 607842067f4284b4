import assert from "node:assert/strict";
import { test } from "../support/declare.ts";
import { Account } from "./account.ts";
import type { Stretch } from "./record.ts";
import type { Timeline } from "./timeline.ts";
import { ghostMs, type Sink, View } from "./view.ts";

/** A view that follows nobody, what it noticed and wrote down, and its clock. */
function scene() {
  const clock = { now: 0 };
  const found: string[] = [];
  const stretches: Stretch[] = [];
  const sink: Sink = {
    timeline: clock as Timeline,
    stretches,
    marks: [],
    notice: (_, text) => void found.push(text),
  };
  const view = new View("ann", sink, new Account("ann"));
  view.loggedIn(own, "server1");
  return { view, clock, found, stretches };
}

const own = { "inbox:ann": "epochxyz.0." };
const [topic, positions] = ["feed:bob", { ...own, "feed:bob": "epochxyz.3.abcdef" }] as const;

test("a view finds a place that a resume gives where nobody asked to follow", () => {
  const { view, found } = scene();
  view.resumed(positions, "server2");
  assert.deepEqual(found, ["ann resumed on server2 and was given a place in feed:bob, where it never was"]);
});

test("a request to follow that was done late shows at the next resume, however late, and once", () => {
  const { view, clock, found } = scene();
  view.doubt(topic);
  view.resumed(own, "server1");
  clock.now = 2 * ghostMs;
  view.resumed(positions, "server1");
  assert.deepEqual(found, []);
  view.close(topic, "unsubscribe");
  clock.now += 1_000;
  view.resumed(positions, "server1");
  assert.deepEqual(found, [
    "ann resumed on server1 and was given a place in feed:bob, which it left at 60.000 s (unsubscribe)",
  ]);
});

const [tea, atTea] = ["room:tea", { "room:tea": "epochxyz.5.abcdef" }] as const;

test("a view follows a room from where it is told that it has joined it, until it is told that it has left", () => {
  const { view, found, stretches } = scene();
  const said = (seq: number) => ({
    type: "message",
    topic: tea,
    seq,
    pos: `epochxyz.${seq}.abcdef`,
    from: "bob",
    text: "u-1",
  });
  view.membership({ room: "tea", state: "joined", positions: atTea }, "server1");
  view.take(said(6));
  view.membership({ room: "tea", state: "left", positions: {} }, "server1");
  assert.deepEqual(found, []);
  const [, { opened, items, closed }] = stretches;
  assert.deepEqual([opened.by, opened.place.seq, items.length, closed?.by], ["membership", 5, 1, "membership"]);
  view.take(said(7));
  assert.match(found.join(), /^ann got .* and does not follow that$/);
});

test("a view finds a change of rooms that is told twice, and one without a position", () => {
  const { view, found } = scene();
  view.membership({ room: "tea", state: "left", positions: {} }, "server1");
  view.membership({ room: "tea", state: "joined", positions: {} }, "server1");
  view.membership({ room: "tea", state: "joined", positions: atTea }, "server1");
  view.membership({ room: "tea", state: "joined", positions: atTea }, "server1");
  assert.deepEqual(found, [
    "ann was told again that it has left tea",
    "ann was given undefined in room:tea",
    "ann was told again that it has joined tea",
  ]);
});
