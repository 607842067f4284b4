/** Work that is begun a few at a time. */

import assert from "node:assert/strict";
import { inSlices } from "../../lib/common/slices.ts";
import { test } from "../support/declare.ts";

test("inSlices() begins no more than a slice in one turn, and keeps the order", async () => {
  let turns = 0;
  const turn = () => {
    turns++;
    if (turns < 100) timer = setImmediate(turn);
  };
  let timer = setImmediate(turn);
  const begunIn = new Map<number, number>();
  const results = await inSlices([...Array(70).keys()], 32, (item) => {
    begunIn.set(turns, (begunIn.get(turns) ?? 0) + 1);
    return Promise.resolve(2 * item);
  });
  clearImmediate(timer);
  assert.deepEqual(results, [...Array(70).keys()].map((item) => 2 * item));
  assert.deepEqual([...begunIn.values()], [32, 32, 6]);
});

test("inSlices() begins nothing more where one fails", async () => {
  let begun = 0;
  const failing = inSlices([1, 2, 3, 4, 5], 2, () => (begun++, Promise.reject(new Error("away"))));
  await assert.rejects(failing, /away/);
  assert.equal(begun, 2);
  assert.deepEqual(await inSlices([], 2, () => Promise.reject(new Error("nothing to do"))), []);
});
