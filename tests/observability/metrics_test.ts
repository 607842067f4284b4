import assert from "node:assert/strict";
import { join } from "node:path";
import {
  Distribution,
  exposition,
  type Measure,
  measures,
  Metrics,
  type Snapshot,
  summed,
} from "../../lib/observability/metrics.ts";
import { version } from "../../lib/common/version.ts";
import { permitted } from "../support/needs.ts";

const readable = await permitted("read");

const valuesOf = (snapshots: readonly Snapshot[], name: string) =>
  snapshots.find((snapshot) => snapshot.name === name)!.values;

Deno.test({
  name: readable.named("version is the project's"),
  ignore: readable.ignored,
  fn: async () => {
    const project = await Deno.readTextFile(join(import.meta.dirname!, "..", "..", "deno.json"));
    assert.equal(JSON.parse(project).version, version);
  },
});

Deno.test("measures have names, units and types by Prometheus' conventions", () => {
  for (const [name, { type, help, buckets, labels }] of Object.entries<Measure>(measures)) {
    assert.match(name, /^(chat|process)_[a-z_]+$/);
    assert.equal(/_total$/.test(name), type === "counter", `${name}: _total is for counters, and only for these`);
    assert.equal(buckets !== undefined, type === "histogram", name);
    if (buckets) assert.deepEqual([...buckets].sort((a, b) => a - b), buckets, name);
    assert.match(help, /^[A-Z].*[^.]$/, name);
    assert.doesNotMatch(name, /_(ms|milliseconds|minutes|kb|mb)\b/, name);
    for (const label of Object.keys(labels)) assert.match(label, /^[a-z]+$/);
  }
});

Deno.test("Distribution.observe() counts a value in the first bucket that holds it, and what is below zero as zero", () => {
  const distribution = new Distribution([1, 2]);
  for (const value of [0.5, 1, 1.5, 2.5, -3]) distribution.observe(value);
  assert.deepEqual([distribution.counts, distribution.sum], [[3, 1, 1], 5.5]);
});

Deno.test("Metrics gives the same cell for the same labels, and has known labels from the start", () => {
  const metrics = new Metrics("server", 3);
  const one = metrics.counter("chat_gaps_total", { source: "live" });
  one.value += 2;
  assert.equal(metrics.counter("chat_gaps_total", { source: "live" }), one);
  const snapshot = metrics.snapshot();
  assert.deepEqual(valuesOf(snapshot, "chat_gaps_total"), [
    { labels: { source: "live" }, value: 2 },
    { labels: { source: "replay" }, value: 0 },
  ]);
  assert.deepEqual(valuesOf(snapshot, "chat_ready").map(({ labels }) => labels.worker), ["3", "3", "3", "3", "3"]);
  assert.ok(!snapshot.some(({ name }) => name.startsWith("process_")), "these are measured once for all workers");
  assert.throws(() => metrics.gauge("process_open_fds"), /measured elsewhere/);
});

Deno.test("Metrics.snapshot() calls the readers first, and leaves out what is not known", () => {
  const metrics = new Metrics("process");
  const open = metrics.gauge("process_open_fds");
  let now = 5;
  metrics.onRead(() => open.value = now);
  assert.deepEqual(valuesOf(metrics.snapshot(), "process_open_fds"), [{ labels: {}, value: 5 }]);
  now = NaN;
  assert.deepEqual(valuesOf(metrics.snapshot(), "process_open_fds"), []);
});

Deno.test("a histogram's snapshot has cumulative buckets, a sum and a count", () => {
  const metrics = new Metrics();
  const latency = metrics.histogram("chat_delivery_latency_seconds");
  for (const value of [0.002, 0.02, 20]) latency.observe(value);
  const values = valuesOf(metrics.snapshot(), "chat_delivery_latency_seconds");
  const bucket = (le: string | number) => values.find(({ labels }) => labels.le === le)!.value;
  assert.deepEqual([bucket(0.001), bucket(0.0025), bucket(0.025), bucket(10), bucket("+Inf")], [0, 1, 2, 2, 3]);
  assert.deepEqual(values.slice(-2).map(({ metricName, value }) => [metricName, value]), [
    ["chat_delivery_latency_seconds_sum", 20.022],
    ["chat_delivery_latency_seconds_count", 3],
  ]);
});

/** Two workers that have counted and measured. */
function workers(): Snapshot[][] {
  return [1, 2].map((worker) => {
    const metrics = new Metrics("server", worker);
    metrics.counter("chat_connections_total").value = 10 * worker;
    metrics.gauge("chat_outbox_largest_bytes").value = 100 * worker;
    metrics.gauge("chat_certificate_not_after_timestamp_seconds").value = 1000 * worker;
    metrics.gauge("chat_heap_used_bytes", { worker: `${worker}` }).value = worker;
    metrics.histogram("chat_delivery_latency_seconds").observe(worker);
    return metrics.snapshot();
  });
}

Deno.test("exposition() adds workers up, takes the largest or smallest where that is meant, and keeps apart what is apart", async () => {
  const lines = (await exposition(workers())).split("\n");
  for (
    const line of [
      "# TYPE chat_connections_total counter",
      "chat_connections_total 30",
      "chat_outbox_largest_bytes 200",
      "chat_certificate_not_after_timestamp_seconds 1000",
      'chat_heap_used_bytes{worker="1"} 1',
      'chat_heap_used_bytes{worker="2"} 2',
      'chat_delivery_latency_seconds_bucket{le="1"} 1',
      'chat_delivery_latency_seconds_bucket{le="+Inf"} 2',
      "chat_delivery_latency_seconds_sum 3",
    ]
  ) assert.ok(lines.includes(line), line);
});

Deno.test("summed() adds up what only grows, and drops the rest", () => {
  const [one, two] = workers();
  const sum = summed(one, two);
  assert.deepEqual(valuesOf(sum, "chat_connections_total"), [{ labels: {}, value: 30 }]);
  assert.equal(valuesOf(sum, "chat_delivery_latency_seconds").at(-1)!.value, 2);
  assert.ok(sum.every(({ type }) => type !== "gauge"));
  assert.deepEqual(summed(sum, []), sum);
});
