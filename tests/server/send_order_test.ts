/** What a connection may send while the server does not know that the client knows. */

import assert from "node:assert/strict";
import { SendOrder } from "../../lib/server/send_order.ts";

function test(name: string, fn: () => Promise<void> | void): void {
  Deno.test({ name, sanitizeOps: true, sanitizeResources: true, fn });
}

function start(): {
  order: SendOrder;
  pings: () => number;
  pass: (ms: number) => void;
  fail: (cid?: string) => Promise<void>;
} {
  let [time, pings] = [1, 0];
  const order = new SendOrder({ ping: () => pings++, now: () => time, deadAfterMs: 75_000 });
  return {
    order,
    pings: () => pings,
    pass: (ms) => time += ms,
    fail: async (cid) => {
      order.failed(cid, () => Promise.resolve());
      await Promise.resolve();
    },
  };
}

test("SendOrder.mustWait() lets everything through as long as nothing failed", () => {
  const { order } = start();
  assert.deepEqual([order.mustWait("1"), order.mustWait(undefined)], [false, false]);
});

test("SendOrder.mustWait() refuses what follows a failed message until that is sent again", async () => {
  const { order, fail } = start();
  await fail("1");
  assert.deepEqual(["2", "3", "1", "2", "3"].map((cid) => order.mustWait(cid)), [true, true, false, false, false]);
});

test("SendOrder.pong() ends the refusals where nothing was refused after its ping", async () => {
  const { order, fail, pings } = start();
  await fail("1");
  assert.equal(pings(), 1);
  order.pong();
  assert.equal(order.mustWait("2"), false);
});

test("SendOrder.pong() asks again where something was refused after the ping: the client may not know of that", async () => {
  const { order, fail, pings } = start();
  await fail("1");
  assert.equal(order.mustWait("2"), true);
  order.pong();
  assert.equal(pings(), 2);
  assert.equal(order.mustWait("3"), true);
  order.pong();
  order.pong();
  assert.equal(order.mustWait("4"), false);
});

test("SendOrder.pong() that answers an earlier ping ends nothing", async () => {
  const { order, fail } = start();
  order.ping();
  await fail("1");
  order.pong();
  assert.equal(order.mustWait("2"), true);
});

test("SendOrder.mustWait() believes a client that never answered a ping to know after three seconds", async () => {
  const { order, fail, pass } = start();
  await fail(undefined);
  pass(2_999);
  assert.equal(order.mustWait(undefined), true);
  pass(1);
  assert.equal(order.mustWait(undefined), false);
});

test("SendOrder.mustWait() waits for the pong of a client that answers pings", async () => {
  const { order, fail, pass } = start();
  order.ping();
  order.pong();
  await fail(undefined);
  pass(60_000);
  assert.equal(order.mustWait(undefined), true);
  order.pong();
  assert.equal(order.mustWait(undefined), false);
});
