import assert from "node:assert/strict";
import { pauseBefore } from "../../../lib/client/net/backoff.ts";
import { Route } from "../../../lib/client/net/route.ts";
import { FakeClock, test } from "../fakes.ts";

test("pauseBefore() tries every server at once, then waits half a second, doubling to 15 seconds", () => {
  const pauses = Array.from({ length: 16 }, (_, attempt) => pauseBefore(attempt, 2, () => 1));
  assert.deepEqual(pauses, [0, 0, 500, 0, 1000, 0, 2000, 0, 4000, 0, 8000, 0, 15_000, 0, 15_000, 0]);
  assert.equal(pauseBefore(1_000_000, 1, () => 1), 15_000);
});

test("pauseBefore() leaves the upper half of a pause to chance", () => {
  assert.equal(pauseBefore(1, 1, () => 0), 250);
  assert.equal(pauseBefore(1, 1, () => 0.5), 375);
  assert.equal(pauseBefore(1, 1, () => 0, { firstMs: 100, maxMs: 200 }), 50, "with pauses of one's own as well");
});

const servers = [{ host: "one", port: 1 }, { host: "two", port: 2 }];

test("Route waits longer for a session that is lost again as soon as it is back", async () => {
  const clock = new FakeClock();
  const route = new Route({ servers: [servers[0]], clock, random: () => 1 });
  route.reached();
  route.reset();
  const pauses = [];
  for (let i = 0; i < 3; i++) {
    route.lost(false);
    pauses.push(route.pause());
    route.reached();
    await clock.advance(100);
  }
  await clock.advance(5_000);
  route.lost(false);
  pauses.push(route.pause());
  assert.deepEqual(pauses, [0, 500, 1000, 0]);
});

test("Route takes a server's word on when to come back, once", () => {
  const route = new Route({ servers, clock: new FakeClock(), random: () => 1 });
  for (const ms of [undefined, "5", -1, null]) {
    route.retryAfter(ms);
    assert.equal(route.pause(), 0);
  }
  route.retryAfter(1_234);
  assert.equal(route.pause(), 1_234);
  assert.equal(route.pause(), 0);
});

test("Route goes to the next server after a failure, and first elsewhere when a server leaves", () => {
  const route = new Route({ servers, clock: new FakeClock() });
  assert.equal(route.server, servers[0]);
  route.failed();
  assert.equal(route.server, servers[1]);
  assert.equal(route.exhausted, false);
  route.failed();
  assert.equal(route.server, servers[0]);
  assert.equal(route.exhausted, true);
  route.lost(true);
  assert.equal(route.server, servers[1]);
});
