/** Slots of a Redis Cluster, as `CLUSTER KEYSLOT` has them. */

import assert from "node:assert/strict";
import { slotOf } from "../../lib/store/redis/transport/slot.ts";

/** Told by Redis 7.0. */
const slots: Record<string, number> = {
  "123456789": 12739,
  "a": 15495,
  "{room:x}:y": 13118,
  "a{}b": 13694,
  "a{b": 13340,
  "é😀": 14663,
  "{}{x}": 3257,
  "x{y}z{w}": 12222,
};

Deno.test("slotOf() is the slot that Redis has a name in: of its first braces, unless they are empty", () => {
  for (const [name, slot] of Object.entries(slots)) assert.equal(slotOf(name), slot, name);
});
