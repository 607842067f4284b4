/** What the limiters promise: no more than the rate and the burst, a wait that is long enough, and bounded memory. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { KeyedLimiter, TokenBucket } from "../../lib/common/rate_limit.ts";
import { test } from "../support/declare.ts";

/** A clock that stands until it is moved. */
function clock(): { now: () => number; pass: (ms: number) => void } {
  let time = 1_000_000;
  return { now: () => time, pass: (ms) => void (time += ms) };
}

test("TokenBucket.take() gives the burst at once and then the rate", () => {
  const { now, pass } = clock();
  const bucket = new TokenBucket({ rate: 10, burst: 3, now });
  assert.deepEqual([1, 2, 3, 4].map(() => bucket.take()), [true, true, true, false]);
  pass(99);
  assert.equal(bucket.take(), false);
  pass(1);
  assert.deepEqual([bucket.take(), bucket.take()], [true, false]);
});

test("TokenBucket.take() saves up no more than the burst, however long nothing is taken", () => {
  const { now, pass } = clock();
  const bucket = new TokenBucket({ rate: 10, burst: 3, now });
  pass(1e9);
  assert.deepEqual([1, 2, 3, 4].map(() => bucket.take()), [true, true, true, false]);
});

test("TokenBucket.take() takes all of several tokens or none", () => {
  const { now, pass } = clock();
  const bucket = new TokenBucket({ rate: 1, burst: 5, now });
  assert.equal(bucket.take(3), true);
  assert.equal(bucket.take(3), false);
  assert.equal(bucket.take(2), true);
  pass(3000);
  assert.equal(bucket.take(3), true);
  assert.equal(bucket.waitMs(6), Infinity);
  assert.equal(bucket.take(6), false);
});

test("TokenBucket.waitMs() is 0 exactly when take() succeeds, and long enough otherwise", () => {
  const step = fc.record({
    pass: fc.double({ min: 0, max: 5000, noNaN: true }),
    tokens: fc.integer({ min: 1, max: 5 }),
  });
  const rate = fc.double({ min: 0.01, max: 10_000, noNaN: true });
  fc.assert(fc.property(rate, fc.array(step), (rate, steps) => {
    const { now, pass } = clock();
    const bucket = new TokenBucket({ rate, burst: 5, now });
    for (const { pass: ms, tokens } of steps) {
      pass(ms);
      const wait = bucket.waitMs(tokens);
      if (wait > 0) {
        assert.equal(bucket.take(tokens), false);
        pass(wait);
      }
      assert.equal(bucket.waitMs(tokens), 0);
      assert.equal(bucket.take(tokens), true);
    }
  }));
});

test("TokenBucket.take() never gives more than burst + rate × time", () => {
  const rate = fc.double({ min: 0.01, max: 1000, noNaN: true });
  const passes = fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 1 });
  fc.assert(fc.property(rate, fc.integer({ min: 1, max: 20 }), passes, (rate, burst, passes) => {
    const { now, pass } = clock();
    const start = now();
    const bucket = new TokenBucket({ rate, burst, now });
    let taken = 0;
    for (const ms of passes) {
      while (bucket.take()) taken++;
      pass(ms);
    }
    while (bucket.take()) taken++;
    assert(taken <= burst + rate * (now() - start + 0.01) / 1000, `${taken}`);
  }));
});

test("TokenBucket refuses a rate or a burst that could never give a token", () => {
  for (const options of [{ rate: 0, burst: 1 }, { rate: NaN, burst: 1 }, { rate: 1, burst: 0.5 }]) {
    assert.throws(() => new TokenBucket(options), RangeError);
    assert.throws(() => new KeyedLimiter(options), RangeError);
  }
  assert.throws(() => new KeyedLimiter({ rate: 1, burst: 1, maxKeys: 0 }), RangeError);
});

test("TokenBucket and KeyedLimiter run on the process's clock where none is given", () => {
  const options = { rate: 0.001, burst: 1 };
  const [bucket, limiter] = [new TokenBucket(options), new KeyedLimiter(options)];
  assert.deepEqual([bucket.take(), bucket.take(), limiter.take("a"), limiter.take("a")], [true, false, true, false]);
});

test("KeyedLimiter.take() counts each key apart", () => {
  const { now, pass } = clock();
  const limiter = new KeyedLimiter({ rate: 1, burst: 2, now });
  assert.deepEqual(["a", "a", "a", "b"].map((key) => limiter.take(key)), [true, true, false, true]);
  pass(1000);
  assert.deepEqual(["a", "a"].map((key) => limiter.take(key)), [true, false]);
});

test("KeyedLimiter.peek() and retryAfterMs() tell without taking", () => {
  const { now, pass } = clock();
  const limiter = new KeyedLimiter({ rate: 1 / 60, burst: 1, now });
  assert.deepEqual([limiter.peek("a"), limiter.peek("a"), limiter.retryAfterMs("a")], [true, true, 0]);
  assert.equal(limiter.size, 0);
  assert.equal(limiter.take("a"), true);
  pass(15_000);
  assert.deepEqual([limiter.peek("a"), limiter.retryAfterMs("a"), limiter.peek("b")], [false, 45_000, true]);
  pass(45_000);
  assert.deepEqual([limiter.peek("a"), limiter.take("a")], [true, true]);
});

test("KeyedLimiter remembers no more keys than maxKeys", () => {
  const { now } = clock();
  const limiter = new KeyedLimiter({ rate: 1e-6, burst: 1, maxKeys: 100, now });
  for (let i = 0; i < 10_000; i++) assert.equal(limiter.take(`key${i}`), true);
  assert.equal(limiter.size, 100);
});

test("KeyedLimiter forgets the key that was asked about longest ago, and not one that keeps trying", () => {
  const { now } = clock();
  for (const ask of ["take", "peek", "retryAfterMs"] as const) {
    const limiter = new KeyedLimiter({ rate: 1e-6, burst: 1, maxKeys: 10, now });
    limiter.take("busy");
    limiter.take("quiet");
    for (let i = 0; i < 50; i++) {
      assert.equal(limiter.take(`made up ${i}`), true);
      assert(ask === "retryAfterMs" ? limiter.retryAfterMs("busy") > 0 : !limiter[ask]("busy"), ask);
    }
    assert.equal(limiter.take("quiet"), true);
  }
});

test("KeyedLimiter drops the buckets that are full again while other keys are taken", () => {
  const { now, pass } = clock();
  const limiter = new KeyedLimiter({ rate: 1, burst: 5, now });
  for (let i = 0; i < 1000; i++) limiter.take(`idle${i}`);
  pass(1000);
  for (let i = 0; i < 2000; i++) {
    limiter.take("one");
    pass(1000);
  }
  assert.equal(limiter.size, 1);
});

test("KeyedLimiter allows each key what a bucket of its own would", () => {
  const key = fc.constantFrom("a", "b", "c");
  const step = fc.record({ key, pass: fc.integer({ min: 0, max: 2000 }), take: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const { now, pass } = clock();
    const limiter = new KeyedLimiter({ rate: 1, burst: 3, maxKeys: 3, now });
    const buckets = new Map(["a", "b", "c"].map((key) => [key, new TokenBucket({ rate: 1, burst: 3, now })]));
    for (const { key, pass: ms, take } of steps) {
      pass(ms);
      const bucket = buckets.get(key)!;
      assert.equal(limiter.retryAfterMs(key), bucket.waitMs());
      if (take) assert.equal(limiter.take(key), bucket.take());
      assert(limiter.size <= 3);
    }
  }));
});
