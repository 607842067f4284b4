import assert from "node:assert/strict";
import { Metrics } from "../../../lib/observability/metrics.ts";
import type { Condition, Thread } from "../../../lib/server/workers/thread.ts";
import { WorkerWatch } from "../../../lib/server/workers/worker_watch.ts";

const test = (name: string, fn: () => void | Promise<void>) =>
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });

/** A thread that answers, or does not. */
function thread(worker: number, connections: number, hangs = false): Thread & { asked: number; silence(): void } {
  const metrics = new Metrics("server", worker);
  metrics.counter("chat_connections_total").value = connections;
  metrics.gauge("chat_worker_up", { worker: `${worker}` }).value = 1;
  const silent = Promise.withResolvers<undefined>();
  const fake = {
    asked: 0,
    silence: () => silent.resolve(undefined),
    ask(): Promise<Condition | undefined> {
      fake.asked++;
      return hangs ? silent.promise : Promise.resolve({ problems: [], metrics: metrics.snapshot() });
    },
  };
  return fake as Partial<Thread> as Thread & { asked: number; silence(): void };
}

const connections = async (watch: WorkerWatch) =>
  (await watch.snapshots()).flat().filter(({ name }) => name === "chat_connections_total")
    .reduce((sum, { values }) => sum + values.reduce((sum, { value }) => sum + value, 0), 0);

const up = async (watch: WorkerWatch) =>
  (await watch.snapshots()).flat().filter(({ name }) => name === "chat_worker_up")
    .flatMap(({ values }) => values.map(({ labels, value }) => `${labels.worker}: ${value}`)).sort();

test("WorkerWatch.health() names workers that are not up", async () => {
  const watch = new WorkerWatch(2);
  watch.up(1, thread(1, 0));
  assert.deepEqual(await watch.health(), [{ check: "worker", reason: "it is not up", worker: 2 }]);
  watch.up(2, thread(2, 0));
  assert.deepEqual(await watch.health(), []);
});

test("WorkerWatch.snapshots() keeps what an ended worker counted, and adds what its successor counts", async () => {
  const watch = new WorkerWatch(2);
  watch.up(1, thread(1, 10));
  watch.up(2, thread(2, 5));
  assert.equal(await connections(watch), 15);
  assert.deepEqual(await up(watch), ["1: 1", "2: 1"]);
  watch.down(2);
  assert.equal(await connections(watch), 15);
  assert.deepEqual(await up(watch), ["1: 1", "2: 0"]);
  watch.up(2, thread(2, 3));
  assert.equal(await connections(watch), 18);
  watch.down(2);
  watch.up(2, thread(2, 1));
  assert.equal(await connections(watch), 19);
});

test("WorkerWatch waits a second for a worker that hangs, does not ask it again, and finds it stuck in the end", async () => {
  let now = 0;
  const watch = new WorkerWatch(1, () => now);
  const hanging = thread(1, 0, true);
  watch.up(1, hanging);
  assert.equal(watch.stuck(), undefined);
  assert.deepEqual(await watch.health(), [{ check: "worker", reason: "it does not answer", worker: 1 }]);
  assert.equal(hanging.asked, 1);
  now = 31_000;
  assert.match(watch.stuck()!, /^worker 1 has not answered for 30 s$/);
  assert.equal(hanging.asked, 1);
  hanging.silence();
  await watch.health();
});
