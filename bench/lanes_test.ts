/** The counting that all figures rest on. */

import assert from "node:assert/strict";
import { Histogram } from "./histogram.ts";
import { Lanes, Ledger } from "./lanes.ts";

Deno.test("Histogram.quantile() is within one per cent of the exact one, and max is exact", () => {
  const histogram = new Histogram();
  for (let ms = 1; ms <= 10_000; ms++) histogram.record(ms / 10);
  for (const share of [0.5, 0.9, 0.99]) assert.ok(Math.abs(histogram.quantile(share) / (share * 1000) - 1) < 0.01);
  assert.equal(histogram.max, 1000);
  histogram.clear();
  assert.equal(histogram.quantile(0.5), 0);
});

Deno.test("Lanes.arrived() completes a message when all who are to have it do", () => {
  const lanes = new Lanes(2, 2);
  const completed: number[] = [];
  lanes.onComplete = (lane) => completed.push(lane);
  const ledgers = [new Ledger(lanes, 0, 2), new Ledger(lanes, 0, 2)];
  for (const lane of [0, 1, 1]) lanes.next(lane, 0);
  ledgers[0].take(1, 1);
  ledgers[0].take(1, 2);
  assert.deepEqual(completed, []);
  ledgers[1].take(1, 1);
  assert.deepEqual(completed, [1]);
  assert.deepEqual(ledgers[0].faults(), { lost: 1, doubled: 0, disordered: 0 });
  assert.deepEqual(ledgers[1].faults(), { lost: 2, doubled: 0, disordered: 0 });
});

Deno.test("Ledger.take() tells a lost number from a doubled and from a late one", () => {
  const lanes = new Lanes(1, 1);
  const ledger = new Ledger(lanes, 0, 1);
  for (let i = 0; i < 5; i++) lanes.next(0, 0);
  assert.deepEqual([1, 3, 3, 2, 5].map((seq) => ledger.take(0, seq)), [true, true, false, true, true]);
  assert.deepEqual(ledger.faults(), { lost: 1, doubled: 1, disordered: 1 });
  assert.equal(lanes.completed, 4);
});

Deno.test("Lanes.next() refuses to lag behind without end", () => {
  const lanes = new Lanes(1, 2);
  const ledger = new Ledger(lanes, 0, 1);
  assert.throws(() => {
    for (let seq = 1; seq < 3000; seq++) ledger.take(0, lanes.next(0, 0));
  }, RangeError);
});
