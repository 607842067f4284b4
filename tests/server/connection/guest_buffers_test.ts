/** What unfinished lines of people who are not logged in may take, by network. */

import assert from "node:assert/strict";
import { GuestBuffers } from "../../../lib/server/connection/guest_buffers.ts";
import { test } from "../../support/declare.ts";

/** A guest that notes that it was given up. */
function guest(network: string): { network: string; given: boolean; giveUp(): void } {
  return {
    network,
    given: false,
    giveUp() {
      this.given = true;
    },
  };
}

test("GuestBuffers.hold() gives up the longest line of a network that keeps too much, and no other network's", () => {
  const buffers = new GuestBuffers(100);
  const [a, b, c, other] = [guest("one"), guest("one"), guest("one"), guest("two")];
  buffers.hold(other, 100);
  buffers.hold(a, 60);
  buffers.hold(b, 30);
  buffers.hold(c, 10);
  assert.ok(!a.given && !b.given && !c.given);
  buffers.hold(c, 11);
  assert.deepEqual([a.given, b.given, c.given, other.given], [true, false, false, false]);
  buffers.hold(c, 70);
  assert.deepEqual([b.given, c.given], [false, false], "what was given up counts no more");
  buffers.hold(c, 71);
  assert.deepEqual([b.given, c.given], [false, true]);
});

test("GuestBuffers.hold() counts what a line takes now, and nothing of who holds nothing any more", () => {
  const buffers = new GuestBuffers(100);
  const guests = Array.from({ length: 50 }, () => guest("one"));
  for (const each of guests) {
    buffers.hold(each, 100);
    buffers.hold(each, 50);
    buffers.hold(each, 0);
    buffers.hold(each, 0);
  }
  assert.ok(guests.every(({ given }) => !given));
});
