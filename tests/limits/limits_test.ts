/** Limits on pace: what each counts, what operators see of it, and how it is cleared. */

import assert from "node:assert/strict";
import { ChatError } from "../../lib/common/errors.ts";
import { keyOf } from "../../lib/limits/limits.ts";
import { test } from "../support/declare.ts";
import { makeLimits } from "../support/limits.ts";

test("PaceLimit.spend() refuses with the time to wait, and the refusal is counted by its limit", () => {
  const { limits, refusals, clock } = makeLimits({ JOINS_PER_MINUTE: "2" });
  const { joins } = limits.pace;
  for (let i = 0; i < 2; i++) joins.spend("eve", "changes of room", "rate_limited");
  assert.throws(() => joins.spend("eve", "changes of room", "rate_limited"), (error) => {
    assert.ok(error instanceof ChatError);
    assert.equal(error.code, "rate_limited");
    assert.equal(error.message, "Too many changes of room; try again in 30 s");
    assert.deepEqual(error.extra, { retry_after_ms: 30_000 });
    return true;
  });
  assert.equal(refusals.joins.value, 1);
  joins.spend("bob", "changes of room", "rate_limited");
  clock.time += 30_000;
  joins.spend("eve", "changes of room", "rate_limited");
});

test("PaceLimit goes by the configuration as it is now", () => {
  const { limits, config } = makeLimits({ JOINS_PER_MINUTE: "1" });
  const { joins } = limits.pace;
  assert.deepEqual([joins.take("eve"), joins.take("eve")], [true, false]);
  Object.assign(config, { joinsPerMinute: 3 });
  assert.deepEqual([joins.take("eve"), joins.take("eve"), joins.take("eve"), joins.take("eve")], [
    ...[true, true, true],
    false,
  ]);
  Object.assign(config, { rateLimit: false });
  for (let i = 0; i < 10; i++) assert.ok(joins.take("eve"));
  assert.deepEqual(limits.held(), []);
});

test("PaceLimit.charge() makes a key wait longer that does not stop, by one bucket more at most", () => {
  const { limits } = makeLimits({ JOINS_PER_MINUTE: "2" });
  const { joins } = limits.pace;
  for (let i = 0; i < 3; i++) joins.charge("eve");
  assert.equal(joins.waitMs("eve"), 60_000);
  for (let i = 0; i < 100; i++) joins.charge("eve");
  assert.equal(joins.waitMs("eve"), 90_000);
});

test("Limits.held() tells who has to wait for what, the longest first", () => {
  const { limits, clock } = makeLimits({ JOINS_PER_MINUTE: "1", REGISTRATIONS_PER_HOUR_PER_ADDRESS: "1" });
  limits.pace.joins.take("eve");
  limits.pace.registrations.take("192.0.2.1");
  assert.deepEqual(limits.held(), [
    { limit: "registrations", key: "192.0.2.1", retryAfterMs: 3_600_000 },
    { limit: "joins", key: "eve", retryAfterMs: 60_000 },
  ]);
  clock.time += 60_000;
  assert.deepEqual(limits.held().map(({ limit }) => limit), ["registrations"]);
});

test("Limits.clear() gives a user or a network its tokens back, and leaves the others waiting", () => {
  const { limits } = makeLimits({ LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: "1", JOINS_PER_MINUTE: "1" });
  for (const network of ["192.0.2.1", "192.0.2.2"]) limits.pace.login_failures_account.charge(keyOf("eve", network));
  limits.pace.joins.charge("eve");
  assert.equal(limits.clear("192.0.2.1"), 1);
  assert.equal(limits.held().length, 2);
  assert.equal(limits.clear("eve"), 2);
  assert.deepEqual(limits.held(), []);
  limits.pace.joins.charge("eve");
  assert.equal(limits.clear(), 1);
});
