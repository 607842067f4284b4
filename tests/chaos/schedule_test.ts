import assert from "node:assert/strict";
import { healthyMs, Outages } from "./outages.ts";
import { Prng } from "./prng.ts";
import { makeSchedule } from "./schedule.ts";
import { stores } from "./stores.ts";

const all = { ...stores.redis.faults, ...stores.sqlite.faults };

function schedule(seed: number, seconds = 300) {
  return makeSchedule(new Prng(seed), { ms: seconds * 1000, servers: 2, kinds: all })
    .map(({ at, name, lasts, server, prng }) => [at, name, lasts, server, prng.next()]);
}

Deno.test("makeSchedule() makes the same faults from the same seed, and others from another", () => {
  assert.deepEqual(schedule(7), schedule(7));
  assert.notDeepEqual(schedule(7), schedule(8));
});

Deno.test("makeSchedule() makes at least 30 faults in 300 s, of every kind", () => {
  for (let seed = 0; seed < 50; seed++) {
    const faults = schedule(seed);
    assert(faults.length >= 30, `${faults.length} faults`);
    assert.deepEqual(new Set(faults.map(([, name]) => name)), new Set(Object.keys(all)));
  }
});

Deno.test("makeSchedule() ends every fault within the time", () => {
  const faults = makeSchedule(new Prng(1), { ms: 20_000, servers: 2, kinds: all });
  for (const { at, lasts } of faults) assert(at + lasts <= 20_000);
});

Deno.test("makeSchedule() makes only the faults that are allowed", () => {
  const kinds = { "clients cut": all["clients cut"], "server killed": all["server killed"] };
  const faults = makeSchedule(new Prng(1), { ms: 60_000, servers: 2, kinds });
  assert.deepEqual([...new Set(faults.map(({ name }) => name))].sort(), ["clients cut", "server killed"]);
});

Deno.test("Prng.fork() depends on the name and not on what was drawn before", () => {
  const [a, b] = [new Prng(3), new Prng(3)];
  a.next();
  assert.equal(a.fork("x").next(), b.fork("x").next());
  assert.notEqual(b.fork("x").next(), b.fork("y").next());
});

Deno.test("Prng.shuffled() keeps every item, and the list that it was given", () => {
  const list = [1, 2, 3, 4, 5, 6];
  assert.deepEqual(new Prng(9).shuffled(list).sort(), list);
  assert.deepEqual(list, [1, 2, 3, 4, 5, 6]);
});

Deno.test("healthyMs() counts overlapping outages once, and those that last to the end", () => {
  const [one, other] = [new Outages(), new Outages()];
  one.begin(10)(30);
  other.begin(20)(40);
  other.begin(90);
  assert.equal(healthyMs(0, 100, one, other), 60);
  assert.equal(healthyMs(25, 35, one, other), 0);
  assert.equal(healthyMs(40, 90, one, other), 50);
});
