/** The contract of {@linkcode Reports}. */

import assert from "node:assert/strict";
import type { Declare } from "./suite.ts";

const draft = {
  ...{ room: "general", by: "a", user: "b", reason: "rude", time: 1_700_000_000_000 },
  messages: [{ seq: 3, time: 1_699_999_999_000, from: "b", text: "grr \u00e9" }],
};

/** Declares the tests. */
export function reportsContract(test: Declare): void {
  test("Reports keep what was reported until it is closed, and give no number twice", async ({ store: { reports } }) => {
    assert.deepEqual(await reports.list(), []);
    for (const id of [1, 2]) assert.equal(await reports.add({ ...draft, reason: `reason ${id}` }, 10), id);
    assert.deepEqual(await reports.list(), [1, 2].map((id) => ({ ...draft, id, reason: `reason ${id}` })));
    assert.equal(await reports.close(2), true);
    assert.equal(await reports.close(2), false);
    assert.equal(await reports.add(draft, 10), 3);
    assert.deepEqual((await reports.list()).map(({ id }) => id), [1, 3]);
  });

  test("Reports.add() refuses one more where as many are open as may be", async ({ store: { reports } }) => {
    for (const id of [1, 2]) assert.equal(await reports.add(draft, 2), id);
    assert.equal(await reports.add(draft, 2), undefined);
    assert.equal(await reports.close(1), true);
    assert.equal(await reports.add(draft, 2), 3);
    const added = await Promise.all(Array.from({ length: 5 }, () => reports.add(draft, 4)));
    assert.deepEqual(added.filter((id) => id !== undefined).sort(), [4, 5]);
  });
}
