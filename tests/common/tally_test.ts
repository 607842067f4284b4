import assert from "node:assert/strict";
import { Tally } from "../../lib/common/tally.ts";
import { test } from "../support/declare.ts";

test("Tally counts each key, tells of which there are most, and forgets those of which none is left", () => {
  const tally = new Tally();
  assert.equal(tally.largest(), undefined);
  for (const key of ["a", "b", "b"]) tally.add(key);
  assert.deepEqual([tally.of("a"), tally.of("b"), tally.of("c"), tally.largest()], [1, 2, 0, "b"]);
  for (const key of ["b", "b", "b", "c"]) tally.delete(key);
  assert.deepEqual([tally.of("b"), tally.largest()], [0, "a"]);
});
