/** Work that is begun a few at a time. */

import assert from "node:assert/strict";
import { inSlices, inTurns } from "../../lib/common/slices.ts";
import { test } from "../support/declare.ts";

/** @returns how many items were begun in each turn of the event loop in which there were any, and the results */
async function begunByTurn(work: (map: (item: number) => Promise<number>) => Promise<number[]>) {
  let turns = 0;
  const turn = () => {
    turns++;
    if (turns < 100) timer = setImmediate(turn);
  };
  let timer = setImmediate(turn);
  const begunIn = new Map<number, number>();
  const results = await work((item) => {
    begunIn.set(turns, (begunIn.get(turns) ?? 0) + 1);
    return Promise.resolve(2 * item);
  });
  clearImmediate(timer);
  return { begun: [...begunIn.values()], results };
}

for (const [name, mapped] of Object.entries({ inSlices, inTurns })) {
  test(`${name}() begins no more than a slice in one turn, and keeps the order`, async () => {
    const items = [...Array(70).keys()];
    const { begun, results } = await begunByTurn((map) => mapped(items, 32, map));
    assert.deepEqual(results, items.map((item) => 2 * item));
    assert.deepEqual(begun, [32, 32, 6]);
  });
}

test("inTurns() does not wait for those that it has begun", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const results = inTurns([1, 2, 3], 1, (item) => {
    if (item === 3) resolve(item);
    return promise;
  });
  assert.deepEqual(await results, [3, 3, 3]);
});

for (const [name, mapped] of Object.entries({ inSlices, inTurns })) {
  test(`${name}() begins nothing more where one fails`, async () => {
    let begun = 0;
    const failing = mapped([1, 2, 3, 4, 5], 2, () => (begun++, Promise.reject(new Error("away"))));
    await assert.rejects(failing, /away/);
    assert.equal(begun, 2);
    assert.deepEqual(await mapped([], 2, () => Promise.reject(new Error("nothing to do"))), []);
  });
}
