/** Waiting, time limits and backoff, with a clock that is moved by hand. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { allowLate, backoff, pause, systemClock, TimeLimitError, within } from "../../lib/common/time.ts";
import { test } from "../support/declare.ts";
import { FakeClock, settled } from "../support/fake_clock.ts";

/** What a promise has come to by now. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  let state: unknown = "pending";
  promise.then((value) => state = { value }, (error) => state = { error });
  await settled();
  return state;
}

test("systemClock.sleep() throws the signal's reason, before and while it waits", async () => {
  const reason = new Error("enough");
  await assert.rejects(systemClock.sleep(60_000, AbortSignal.abort(reason)), reason);
  const stop = new AbortController();
  const asleep = systemClock.sleep(60_000, stop.signal);
  stop.abort(reason);
  await assert.rejects(asleep, reason);
  await systemClock.sleep(1);
});

test("pause() ends when its time is over, or when its signal is aborted, and never throws", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const [whole, cut] = [pause(100, undefined, clock), pause(100, stop.signal, clock)];
  assert.equal(await stateOf(cut), "pending");
  stop.abort();
  assert.deepEqual(await stateOf(cut), { value: undefined });
  await clock.advance(99);
  assert.equal(await stateOf(whole), "pending");
  await clock.advance(1);
  assert.deepEqual(await stateOf(whole), { value: undefined });
  await pause(100, AbortSignal.abort(), clock);
});

test("within() gives what the work comes to, and leaves no timer behind", async () => {
  const clock = new FakeClock();
  assert.equal(await within(100, Promise.resolve(7), clock), 7);
  await assert.rejects(within(100, Promise.reject(new Error("no")), clock), /no/);
  assert.equal(await within(60_000, Promise.resolve(8)), 8); // a timer that is left would fail the test
});

test("within() throws once the time is over, and drops what the late work comes to", async () => {
  const clock = new FakeClock();
  const work = Promise.withResolvers<number>();
  const limited = within(100, work.promise, clock);
  limited.catch(() => {});
  await clock.advance(99);
  assert.equal(await stateOf(limited), "pending");
  await clock.advance(1);
  await assert.rejects(limited, TimeLimitError);
  work.reject(new Error("too late")); // unhandled, it would fail the test
  await settled();
});

test("within() aborts the work's signal when the time is over, and only then", async () => {
  const clock = new FakeClock();
  let late: AbortSignal | undefined;
  const limited = within(100, (signal) => {
    late = signal;
    return new Promise<void>(() => {});
  }, clock);
  limited.catch(() => {});
  await clock.advance(99);
  assert.equal(late!.aborted, false);
  await clock.advance(1);
  assert.equal(late!.reason instanceof TimeLimitError, true);
  await within(100, (signal) => {
    late = signal;
    return Promise.resolve();
  }, clock);
  await clock.advance(1_000);
  assert.equal(late!.aborted, false);
});

test("allowLate() makes late work undefined, and passes other errors on", async () => {
  const clock = new FakeClock();
  const late = within(100, new Promise<number>(() => {}), clock).catch(allowLate);
  await clock.advance(100);
  assert.equal(await late, undefined);
  await assert.rejects(within(100, Promise.reject(new Error("no")), clock).catch(allowLate), /no/);
});

test("backoff() doubles each pause up to the limit, for ever", () => {
  const pauses = Array.from({ length: 8 }, (_, failures) => backoff(failures, { firstMs: 500, maxMs: 15_000 }));
  assert.deepEqual(pauses, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  assert.equal(backoff(1_000_000, { firstMs: 500, maxMs: 15_000 }), 15_000);
});

test("backoff() leaves no more than its jitter to chance", () => {
  fc.assert(fc.property(
    fc.nat(100),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    (failures, jitter, chance) => {
      const whole = backoff(failures, { firstMs: 500, maxMs: 15_000 });
      const ms = backoff(failures, { firstMs: 500, maxMs: 15_000, jitter, random: () => chance });
      assert.ok(ms <= whole && ms >= Math.floor(whole * (1 - jitter)), `${ms} of ${whole}`);
    },
  ));
  const halved = (chance: number) => backoff(0, { firstMs: 500, maxMs: 15_000, jitter: 0.5, random: () => chance });
  assert.deepEqual([0, 0.5, 1].map(halved), [250, 375, 500]);
});
