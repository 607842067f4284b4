import assert from "node:assert/strict";
import { test } from "../support/declare.ts";
import type { Timeline } from "./timeline.ts";
import { ghostMs, type Sink, View } from "./view.ts";

/** A view that follows nobody, what it noticed, and its clock. */
function scene() {
  const clock = { now: 0 };
  const found: string[] = [];
  const sink: Sink = {
    timeline: clock as Timeline,
    stretches: [],
    marks: [],
    notice: (_, text) => void found.push(text),
  };
  const view = new View("ann", sink);
  view.loggedIn({}, "server1");
  return { view, clock, found };
}

const [topic, positions] = ["feed:bob", { "feed:bob": "epochxyz.3.abcdef" }] as const;

test("a view finds a place that a resume gives where nobody asked to follow", () => {
  const { view, found } = scene();
  view.resumed(positions, "server2");
  assert.deepEqual(found, ["ann resumed on server2 and was given a place in feed:bob, where it never was"]);
});

test("a request to follow that was done late shows at the next resume, however late, and once", () => {
  const { view, clock, found } = scene();
  view.doubt(topic);
  view.resumed({}, "server1");
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
