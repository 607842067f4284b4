import assert from "node:assert/strict";
import { drain, planDrain } from "../../../lib/server/service/drain.ts";

const test = (name: string, fn: () => void | Promise<void>) =>
  Deno.test({ name, fn, sanitizeOps: true, sanitizeResources: true });

test("planDrain() lets few go at once, and many in waves that are over within the time", () => {
  assert.deepEqual(planDrain(3, 8_000), { size: 50, everyMs: 250, spreadMs: 15 });
  for (const clients of [50, 1_000, 10_000, 100_000]) {
    for (const withinMs of [1_000, 8_000, 60_000]) {
      const { size, everyMs, spreadMs } = planDrain(clients, withinMs);
      assert.ok((Math.ceil(clients / size) - 1) * everyMs < withinMs * 0.6, `${clients} in ${withinMs}`);
      assert.ok(size >= 50 && spreadMs <= 1_000);
    }
  }
  assert.ok(planDrain(10_000, 0).size >= 10_000);
});

test("drain() sends everybody away once, each with a time of its own, and ends with the last", async () => {
  const clients = Array.from({ length: 7 }, (_, index) => index);
  const sent: [number, number][] = [];
  let random = 0;
  await drain(
    { size: 3, everyMs: 1, spreadMs: 1_000 },
    (size) => clients.splice(0, size),
    (client, retryAfterMs) => sent.push([client, retryAfterMs]),
    new AbortController().signal,
    () => random += 0.1,
  );
  assert.deepEqual(sent, [[0, 100], [1, 200], [2, 300], [3, 400], [4, 500], [5, 600], [6, 700]]);
});

test("drain() stops between two waves when its time is over", async () => {
  const late = new AbortController();
  const clients = Array.from({ length: 100 }, (_, index) => index);
  await drain({ size: 10, everyMs: 60_000, spreadMs: 0 }, (size) => clients.splice(0, size), () => {
    if (clients.length === 90) queueMicrotask(() => late.abort());
  }, late.signal);
  assert.equal(clients.length, 90);
});
