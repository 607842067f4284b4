/** When a store counts as failing, and what is told of it. */

import assert from "node:assert/strict";
import { ChatError } from "../../lib/common/errors.ts";
import { StoreHealth } from "../../lib/store/health.ts";
import { test } from "../support/declare.ts";

const away = (words: string) => new ChatError("store_unavailable", "try again", {}, { cause: new Error(words) });
const full = away("database or disk is full");

function scene() {
  const told: [event: string, properties: Record<string, unknown>][] = [];
  const note = (event: string, properties = {}) => void told.push([event, properties]);
  let time = 0;
  const health = new StoreHealth({ log: { info: note, error: note }, now: () => time });
  return {
    health,
    told,
    events: () => told.map(([event]) => event),
    pass: (ms: number) => time += ms,
    probe: () => {
      const since = time++;
      health.wrote(since);
    },
  };
}

test("StoreHealth tells an outage once, and once that it is over, with its cause, its length and how many calls failed", () => {
  const { health, told, pass, probe } = scene();
  probe();
  assert.deepEqual([health.failure], [undefined]);
  for (let i = 0; i < 30; i++) {
    health.failed("publish", full);
    health.failed("claim", full);
    pass(1_000);
  }
  assert.equal(health.failure?.cause, "disk_full");
  assert.equal(told.length, 1);
  const [event, { cause, reason, advice, operation }] = told[0]!;
  assert.deepEqual([event, cause, operation], ["store_failed", "disk_full", "publish"]);
  assert.match(String(reason), /^the disk is full: /);
  assert.match(String(advice), /make room/);
  probe();
  assert.equal(health.failure, undefined);
  assert.deepEqual(told[1], ["store_back", { cause: "disk_full", seconds: 30, failed_calls: 60 }]);
});

test("StoreHealth does not take a refusal or a fault of our own for an outage", () => {
  const { health, told } = scene();
  health.failed("publish", new ChatError("inbox_full", "it is full"));
  health.failed("publish", new TypeError("undefined is not a function"));
  health.failed("publish", away("it is just back"));
  assert.deepEqual([told, health.failure], [[], undefined]);
});

test("StoreHealth is not well as long as anything failed since the probe began", () => {
  const { health, probe, pass } = scene();
  health.failed("publish", full);
  health.wrote(-1); // it had begun before
  assert.ok(health.failure);
  pass(1);
  probe();
  assert.equal(health.failure, undefined);
});

test("StoreHealth tells another cause once, and what says more than that it cannot be reached", () => {
  const { health, events, told } = scene();
  health.fault(new Error("connect ECONNREFUSED 127.0.0.1:6379"));
  health.failed("publish", away("it is not connected"));
  health.fault(new Error("WRONGPASS invalid username-password pair or user is disabled."));
  health.fault(new Error("connect ECONNREFUSED 127.0.0.1:6379"));
  health.fault(new Error("WRONGPASS invalid username-password pair or user is disabled."));
  assert.deepEqual(events(), ["store_failed", "store_cause_found"]);
  assert.equal(told[1]![1].cause, "redis_password");
  assert.equal(health.failure?.cause, "redis_password");
});

test("StoreHealth asks for more and more probes where an outage comes again and again", () => {
  const { health, events, pass, probe } = scene();
  for (let i = 0; i < 1_000; i++) { // what is stored fails, and the probe does not
    health.failed("publish", full);
    pass(1);
    probe();
    pass(999);
  }
  assert.ok(events().length <= 12, `${events().length} lines`);
});

test("StoreHealth keeps a damaged file until the end", () => {
  const { health, events, probe } = scene();
  health.failed("read", away("database disk image is malformed"));
  for (let i = 0; i < 100; i++) probe();
  health.failed("publish", full);
  assert.equal(health.failure?.cause, "file_damaged");
  assert.deepEqual(events(), ["store_failed"]);
});
