/** What a connection may send while the server does not know that the client knows. */

import assert from "node:assert/strict";
import { SendOrder } from "../../../lib/server/connection/send_order.ts";
import { test } from "../../support/declare.ts";

function start(): {
  order: SendOrder;
  pings: () => number;
  pass: (ms: number) => void;
  /** Whether each of these messages is refused, one after the other. */
  refused: (...cids: (string | undefined)[]) => boolean[];
  /** An answer to a ping. */
  pong: () => Promise<void>;
  /** A message that comes in, and cannot be stored. */
  fail: (cid?: string) => Promise<void>;
} {
  let [time, pings] = [1, 0];
  const order = new SendOrder({
    ping: () => pings++,
    told: () => Promise.resolve(),
    now: () => time,
    deadAfterMs: 75_000,
  });
  return {
    order,
    pings: () => pings,
    pass: (ms) => time += ms,
    refused: (...cids) => cids.map((cid) => order.admit(cid) === undefined),
    pong: async () => {
      order.pong();
      await Promise.resolve();
    },
    fail: async (cid) => {
      order.failed(order.admit(cid)!);
      await Promise.resolve();
    },
  };
}

test("SendOrder.admit() lets everything through as long as nothing failed", () => {
  const { refused } = start();
  assert.deepEqual(refused("1", undefined), [false, false]);
});

test("SendOrder.admit() refuses what follows a failed message until that is sent again", async () => {
  const { fail, refused } = start();
  await fail("1");
  assert.deepEqual(refused("2", "3", "1", "2", "3"), [true, true, false, false, false]);
});

test("SendOrder.admit() goes on refusing what is new when only an earlier one of the refused is sent again", async () => {
  const { fail, refused } = start();
  await fail("1");
  assert.deepEqual(refused("2", "1", "3"), [true, false, true]);
  assert.deepEqual(refused("2", "4", "3", "4", "5"), [false, true, false, false, false]);
});

test("SendOrder.admit() keeps the place of a message that failed again: what was sent later waits for it", async () => {
  const { order, fail, refused } = start();
  await fail("1");
  assert.deepEqual(refused("2", "3"), [true, true]);
  const again = order.admit("1");
  assert.ok(again);
  order.failed(again);
  await Promise.resolve();
  assert.deepEqual(refused("2", "3", "1", "2", "3"), [true, true, false, false, false]);
});

test("SendOrder.pong() ends nothing where a message failed again after its ping", async () => {
  const { order, fail, pings, refused } = start();
  await fail("1");
  assert.deepEqual(refused("2"), [true]);
  const again = order.admit("1");
  assert.ok(again);
  order.failed(again);
  await Promise.resolve();
  order.pong();
  assert.equal(pings(), 2);
  assert.deepEqual(refused("3"), [true]);
});

test("SendOrder.pong() ends the refusals where nothing was refused after its ping", async () => {
  const { order, fail, pings, refused } = start();
  await fail("1");
  assert.equal(pings(), 1);
  order.pong();
  assert.deepEqual(refused("2"), [false]);
});

test("SendOrder.pong() asks again where something was refused after the ping: the client may not know of that", async () => {
  const { fail, pings, refused, pong } = start();
  await fail("1");
  assert.deepEqual(refused("2"), [true]);
  await pong();
  assert.equal(pings(), 2);
  assert.deepEqual(refused("3"), [true]);
  await pong();
  await pong();
  assert.deepEqual(refused("4"), [false]);
});

test("SendOrder.pong() ends the wait for what the client knows of and has not sent again", async () => {
  const { fail, refused, pong } = start();
  await fail("given up");
  assert.deepEqual(refused("2", "3"), [true, true]);
  await pong();
  assert.deepEqual(refused("2", "3", "4"), [false, false, false]);
});

test("SendOrder.admit() lets what is older than all that is refused go first, though the client was slow to send it", async () => {
  const { fail, refused, pong } = start();
  await fail("1");
  assert.deepEqual(refused("2", "3"), [true, true]);
  await pong();
  assert.deepEqual(refused("3"), [true], "the client may not know that 2 was refused");
  assert.deepEqual(refused("1", "2", "3", "4"), [false, false, false, false]);
});

test("SendOrder.pong() that answers an earlier ping ends nothing", async () => {
  const { order, fail, refused } = start();
  order.ping();
  await fail("1");
  order.pong();
  assert.deepEqual(refused("2"), [true]);
});

test("SendOrder.admit() believes a client that never answered a ping to know after three seconds", async () => {
  const { fail, pass, refused } = start();
  await fail(undefined);
  pass(2_999);
  assert.deepEqual(refused(undefined), [true]);
  pass(1);
  assert.deepEqual(refused(undefined), [false]);
});

test("SendOrder.admit() waits for the pong of a client that answers pings", async () => {
  const { order, fail, pass, refused } = start();
  order.ping();
  order.pong();
  await fail(undefined);
  pass(60_000);
  assert.deepEqual(refused(undefined), [true]);
  order.pong();
  assert.deepEqual(refused(undefined), [false]);
});
