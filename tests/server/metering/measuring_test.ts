import assert from "node:assert/strict";
import { Arrivals } from "../../../lib/server/metering/arrivals.ts";
import { CommandMeter } from "../../../lib/server/metering/command_meter.ts";
import { watchEventLoop } from "../../../lib/server/metering/event_loop.ts";
import type { Flushable } from "../../../lib/server/delivery/flush_scheduler.ts";
import { problemsOf } from "../../../lib/server/metering/health.ts";
import { Distribution, Metrics } from "../../../lib/observability/metrics.ts";
import { until } from "../../support/turns.ts";

const test = (name: string, fn: () => void | Promise<void>) =>
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });

test("CommandMeter.answered() counts by outcome, times the command, and counts logins by how", () => {
  const metrics = new Metrics();
  const meter = new CommandMeter(metrics, ["say", "login"]);
  meter.answered("say", 0.02, "ok");
  meter.answered("say", 0.04, "ok");
  meter.answered("login", 0.3, "ok", true);
  meter.answered("login", 0.3, "invalid_credentials");
  meter.refused("none", "invalid_utf8");
  const count = (command: string, outcome: string) =>
    metrics.counter("chat_commands_total", { command, outcome }).value;
  assert.deepEqual([count("say", "ok"), count("login", "invalid_credentials"), count("none", "invalid_utf8")], [
    2,
    1,
    1,
  ]);
  const { sum } = metrics.histogram("chat_command_duration_seconds", { command: "say" });
  assert.ok(Math.abs(sum - 0.06) < 1e-9);
  const login = (method: string, outcome: string) => metrics.counter("chat_logins_total", { method, outcome }).value;
  assert.deepEqual([login("side", "ok"), login("login", "ok"), login("login", "invalid_credentials")], [1, 0, 1]);
});

test("Arrivals measures what a turn passed on when the queues that it filled are written", () => {
  const order: string[] = [];
  const turns: Flushable[] = [];
  const latency = new Distribution([0.1, 1]);
  let now = 1_000;
  const arrivals = new Arrivals({ schedule: (flushable) => void turns.push(flushable) }, latency, () => now);
  const outbox = { flush: () => void order.push(`outbox, ${latency.counts[0]} measured`) };
  turns.push({ flush: () => void turns.push(outbox) }); // the hub, which fills an outbox
  const entry = { seq: 1, id: "i", from: "a", text: "t" };
  arrivals.passed("room:lobby", { ...entry, time: 990 });
  arrivals.passed("room:lobby", { ...entry, time: 400 });
  now = 1_050;
  for (let index = 0; index < turns.length; index++) turns[index].flush(); // it grows meanwhile
  assert.deepEqual(order, ["outbox, 0 measured"]);
  assert.deepEqual([latency.counts, latency.sum], [[1, 1, 0], 0.71]);
  assert.equal(turns.filter((flushable) => flushable === arrivals).length, 2);
  arrivals.passed("room:lobby", { ...entry, time: 990 });
  assert.equal(turns.at(-1), arrivals, "the next turn is measured as the first");
});

test("watchEventLoop() tells how late the loop is, once for one blockade", async () => {
  const delay = new Distribution([0.05, 60]);
  let now = 0;
  using _watch = watchEventLoop(delay, () => now += 100);
  await until("it has looked once", () => delay.counts[0] > 0);
  now += 5_000;
  await until("it has looked again", () => delay.counts[1] > 0);
  const looked = delay.counts[0];
  await until("it has gone on", () => delay.counts[0] > looked);
  assert.equal(delay.counts[1], 1);
});

test("problemsOf() names each check that does not hold", () => {
  assert.deepEqual(problemsOf({ outage: undefined, leased: true, draining: false }), []);
  const checks = (vitals: Parameters<typeof problemsOf>[0]) => problemsOf(vitals).map(({ check }) => check);
  assert.deepEqual(checks({ outage: "unreachable", leased: false, draining: true }), ["drain", "store", "lease"]);
  assert.deepEqual(checks({ outage: undefined, leased: true, draining: false, port: "it does not answer" }), ["port"]);
  assert.deepEqual(checks({ outage: "unsubscribed", leased: true, draining: false }), ["subscription"]);
});
