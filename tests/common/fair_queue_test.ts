import assert from "node:assert/strict";
import fc from "fast-check";
import { FairQueue } from "../../lib/common/fair_queue.ts";
import { test } from "../support/declare.ts";

function drain<T>(queue: FairQueue<T>): T[] {
  const items: T[] = [];
  for (let item; (item = queue.shift()) !== undefined;) items.push(item);
  return items;
}

test("FairQueue.shift() takes turns at each step of the path", () => {
  const queue = new FairQueue<string>();
  for (const item of ["a1", "a2", "a3"]) queue.push(["x", "a"], item);
  queue.push(["x", "b"], "b1");
  queue.push(["y", "c"], "c1");
  assert.deepEqual([queue.size, queue.sizeOf(["x"]), queue.sizeOf(["x", "a"]), queue.sizeOf(["z"])], [5, 4, 3, 0]);
  assert.deepEqual(drain(queue), ["c1", "b1", "a1", "a2", "a3"]);
  assert.deepEqual([queue.size, queue.sizeOf(["x"])], [0, 0]);
});

test("FairQueue loses nothing, and keeps the order of each path", () => {
  const pushes = fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { maxLength: 50 });
  fc.assert(fc.property(pushes, (paths) => {
    const queue = new FairQueue<{ at: number; path: string }>();
    for (const [at, path] of paths.entries()) queue.push(path.map(String), { at, path: path.join() });
    const items = drain(queue);
    assert.equal(items.length, paths.length);
    for (const path of new Set(items.map((item) => item.path))) {
      const order = items.filter((item) => item.path === path).map(({ at }) => at);
      assert.deepEqual(order, order.toSorted((a, b) => a - b));
    }
  }));
});

test("FairQueue lets nobody wait for more than one item of each of the others", () => {
  const queue = new FairQueue<string>();
  for (let i = 0; i < 1_000; i++) for (const crowd of ["a", "b", "c"]) queue.push([crowd], crowd);
  queue.push(["eve"], "eve");
  assert.ok(drain(queue).indexOf("eve") <= 3);
});

test("FairQueue serves who comes with one item before a crowd, and the crowd no less often than others", () => {
  const queue = new FairQueue<string>();
  for (let i = 0; i < 10; i++) queue.push(["crowd"], "crowd");
  for (let i = 0; i < 3; i++) queue.shift();
  queue.push(["eve"], "eve");
  assert.equal(queue.shift(), "eve");
  const order: string[] = [];
  for (let i = 0; i < 8; i++) {
    queue.push(["eve"], "eve"); // a second crowd
    order.push(queue.shift()!);
  }
  assert.equal(order.filter((who) => who === "crowd").length, 4);
});
