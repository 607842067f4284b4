import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { withoutPassword } from "../../lib/common/shown.ts";

test("withoutPassword() keeps what tells the addresses apart", () => {
  assert.equal(withoutPassword("rediss://u:p@[::1]:6379/3"), "rediss://***@[::1]:6379/3");
  assert.equal(withoutPassword("redis://host"), "redis://host");
  assert.equal(withoutPassword("redis://u:p@ss@host"), "redis://***@host");
  assert.equal(withoutPassword("redis://:secret"), undefined);
});

test("withoutPassword() hides whatever stands before the last @", () => {
  const character = fc.constantFrom(..."@:/?#%[]ab1 ");
  fc.assert(fc.property(fc.string({ unit: character, minLength: 1 }), (password) => {
    const marked = `<${password}>`;
    assert(!withoutPassword(`redis://user:${marked}@host:6379/0`)?.includes(marked));
  }));
});
