/** How private a message was, as a client tells it by what it knows of keys. */

import assert from "node:assert/strict";
import { Account, type SealedEvent } from "../../../lib/client/e2ee/account.ts";
import { openDevice } from "../../../lib/client/e2ee/device.ts";
import { hintOf } from "../../../lib/client/e2ee/envelope.ts";
import { KnownKeys } from "../../../lib/client/e2ee/known_keys.ts";
import type { UserKeys } from "../../../lib/wire/event.ts";
import { said, test } from "../fakes.ts";
import { bob, bobToo, carol, devices, stranger, time } from "./scene.ts";

/** Somebody who remembers nothing. */
async function entered(): Promise<Account> {
  const place = { folder: undefined, account: "a@one:1" };
  const known = new KnownKeys(place, () => new Date(time));
  return new Account("a", await openDevice(place), known, () => Date.parse(time));
}

test("Account.tell() judges a message by the device that wrote it, those it is for, and when it was sent", async () => {
  const account = await entered();
  const { known, device } = account;
  const own = device!.public;
  account.learn(devices("a", { public: own }, carol) as UserKeys);
  account.learn(devices("b", bob, bobToo) as UserKeys);
  const state = (writer: string, readers: readonly string[], fields: Partial<SealedEvent> = {}) => {
    const event = { ...said(1, "", { type: "direct", to: "a", topic: "inbox:a", sealed: "" }), ...fields };
    const content = { text: "x", time: Date.parse(time) };
    const reading = { kind: "read", writer, readers: readers.map(hintOf), content } as const;
    return account.tell(event as unknown as SealedEvent, reading).privacy.state;
  };
  const toBob = { from: "a", to: "b", topic: "inbox:b" } as const;
  assert.equal(state(bob.public, [own, bob.public]), "sealed", "nothing was compared");
  known.verify("b", { theirs: [bob.public], ours: [own] });
  assert.equal(state(bob.public, [own, bob.public]), "verified");
  assert.equal(state(bobToo.public, [own, bob.public]), "sealed", "on a device that was not compared");
  assert.equal(state(bob.public, [own, bob.public, bobToo.public]), "sealed", "for a device that was not compared");
  assert.equal(state(stranger.public, [own, bob.public]), "unknown_device");
  assert.equal(state(carol.public, [own, bob.public]), "unknown_device", "it is the reader's, and not the sender's");
  // One's own: written here, or on another device of one's own.
  assert.equal(state(own, [own, bob.public], toBob), "verified");
  assert.equal(state(carol.public, [own, bob.public], toBob), "sealed");
  assert.equal(state(bob.public, [own, bob.public], toBob), "unknown_device");
  // What was sent before a device was seen to be gone was written there; what is sent later was not.
  account.learn(devices("b", bobToo) as UserKeys);
  account.learn(devices("a") as UserKeys);
  const [before, after] = [-60, 11].map((minutes) => new Date(Date.parse(time) + minutes * 60_000).toISOString());
  assert.equal(state(bob.public, [own], { time: before }), "sealed");
  assert.equal(state(bob.public, [own], { time: after }), "unknown_device");
  assert.equal(state(carol.public, [own], { ...toBob, time: after }), "unknown_device");
  assert.equal(state(own, [own], { ...toBob, time: after }), "verified", "whatever the server says of this device");
});

test("Account.tell() says when a message was written where the server gives no time that is one", async () => {
  const account = await entered();
  const content = { text: "x", time: Date.parse(time) };
  const reading = { kind: "read", writer: bob.public, readers: [], content } as const;
  const event = { ...said(1, "", { type: "direct", to: "a", sealed: "" }), time: "never" };
  const { privacy } = account.tell(event as unknown as SealedEvent, reading);
  assert.equal(privacy.written, time);
});
