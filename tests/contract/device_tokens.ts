/** The contract of {@linkcode Sessions}: resume tokens, which are a device's, and the end of a device. */

import assert from "node:assert/strict";
import type { TestStore } from "../support/stores.ts";
import { names, onDevice, say, share } from "./eve.ts";
import { claim, claimed, type Declare } from "./suite.ts";

/** Declares the tests. */
export function deviceTokensContract(test: Declare): void {
  tokensTests(test);
  revocationTests(test);
}

function tokensTests(test: Declare): void {
  test("Sessions.claim() knows a token on the device that has it, and on no other", async ({ store }) => {
    const [phone] = await share(store, "phone", "laptop");
    assert.deepEqual(await onDevice(store, "laptop", { presentedHash: "phone" }), { kind: "refused" });
    assert.deepEqual(await claim(store, "eve", { presentedHash: "phone" }), { kind: "refused" });
    const { session } = claimed(await onDevice(store, "phone", { presentedHash: "phone", tokenHash: "next" }));
    assert.deepEqual([session.device, session.since], ["phone", phone.since]);
  });

  test("Sessions.claim() with share by a login makes the tokens of its own device worthless, and no others", async ({ store }) => {
    await share(store, "phone", "laptop");
    claimed(await onDevice(store, "phone", { tokenHash: "phone2" }));
    assert.deepEqual(await onDevice(store, "phone", { presentedHash: "phone" }), { kind: "refused" });
    claimed(await onDevice(store, "laptop", { presentedHash: "laptop", tokenHash: "laptop2" }));
    claimed(await onDevice(store, "phone", { presentedHash: "phone2", tokenHash: "phone3" }));
  });

  test("Sessions.claim() brings each device back to where it stood, and to its own room", async ({ store }) => {
    const { sessions } = store;
    const [phone, laptop] = await share(store, "phone", "laptop");
    await sessions.savePositions(phone, { "room:lobby": "by phone" });
    await sessions.savePositions(laptop, { "room:lobby": "by laptop", "inbox:eve": "read" });
    await sessions.detach((await sessions.move(phone, "general"))!);
    await sessions.end(laptop, false);
    const resume = async (device: string) =>
      claimed(await onDevice(store, device, { presentedHash: device, tokenHash: `${device}2` }));
    const [one, two] = [await resume("phone"), await resume("laptop")];
    assert.deepEqual([one.session.rooms, { ...one.savedPositions }], [["general"], { "room:lobby": "by phone" }]);
    assert.deepEqual([two.session.rooms, { ...two.savedPositions }], [["lobby"], {
      "room:lobby": "by laptop",
      "inbox:eve": "read",
    }]);
    assert.deepEqual({ ...claimed(await onDevice(store, "phone", { tokenHash: "phone3" })).savedPositions }, {});
    const again = claimed(await onDevice(store, "laptop", { presentedHash: "laptop2", tokenHash: "laptop3" }));
    assert.equal(again.savedPositions["inbox:eve"], "read", "another device's login leaves it");
  });

  test("Session.since is the time of the login, which a resume and a new token keep", async ({ store, place }) => {
    const [first] = await share(store, "phone");
    await place.pass(20);
    const { session } = claimed(await onDevice(store, "phone", { presentedHash: "phone", tokenHash: "2" }));
    assert.equal(session.since, first.since);
    await store.sessions.renewToken(session, "3");
    await store.sessions.end(session, false);
    const resumed = claimed(await onDevice(store, "phone", { presentedHash: "3", tokenHash: "4", client: "new/2" }));
    assert.deepEqual([resumed.session.since, resumed.session.client], [first.since, "new/2"]);
    const [second] = await share(store, "phone");
    assert(second.since > first.since);
  });

  test("Sessions.renewToken() and revokeToken() change the tokens of their device only", async ({ store }) => {
    const [phone] = await share(store, "phone", "laptop");
    await store.sessions.renewToken(phone, "renewed");
    assert.deepEqual(await onDevice(store, "phone", { presentedHash: "phone" }), { kind: "refused" });
    await store.sessions.revokeToken("eve", "phone", "laptop");
    claimed(await onDevice(store, "laptop", { presentedHash: "laptop", tokenHash: "laptop2" }));
    await store.sessions.revokeToken("EVE", "phone", "renewed");
    assert.deepEqual(await onDevice(store, "phone", { presentedHash: "renewed" }), { kind: "refused" });
    claimed(await onDevice(store, "laptop", { presentedHash: "laptop2", tokenHash: "laptop3" }));
  });

  const worthless: Readonly<Record<string, (store: TestStore) => Promise<unknown>>> = {
    "Accounts.setHash()": ({ accounts }) => accounts.setHash("EVE", "another"),
    "AdminStore.revokeTokens()": ({ admin }) => admin.revokeTokens("EVE"),
    "AdminStore.setDisabled()": async ({ admin }) => {
      await admin.setDisabled("eve", true);
      await admin.setDisabled("eve", false);
    },
  };
  for (const [name, revoke] of Object.entries(worthless)) {
    test(`${name} makes the tokens of all devices worthless, and leaves their sessions`, async ({ store }) => {
      const [plain, phone, laptop] = await share(store, "", "phone", "laptop");
      await store.sessions.end(phone, false);
      await revoke(store);
      for (const device of ["", "phone", "laptop"]) {
        const presentedHash = device || "none";
        assert.deepEqual(await onDevice(store, device, { presentedHash }), { kind: "refused" }, device);
      }
      assert.deepEqual(await names(store), ["", "laptop"]);
      assert.equal(await store.sessions.renewToken(laptop, "renewed"), true);
      claimed(await onDevice(store, "laptop", { presentedHash: "renewed", tokenHash: "next" }));
      assert.equal(await store.sessions.end(plain, true), "ended");
    });
  }
}

function revocationTests(test: Declare): void {
  test("Sessions.revokeDevice() ends a session for good, and nothing else", async ({ store }) => {
    const { sessions } = store;
    const [phone, laptop] = await share(store, "phone", "laptop");
    assert.deepEqual(await sessions.revokeDevice("EVE", "phone"), phone);
    assert.deepEqual(await names(store), ["laptop"]);
    assert.deepEqual(await sessions.reassert(phone, { tokenHash: "phone" }), { kind: "superseded" });
    assert.equal(await sessions.renewToken(phone, "renewed"), false);
    assert.equal(await sessions.end(phone, false), "not_held");
    assert.equal(await say(store, phone), "fenced");
    for (const presentedHash of ["phone", "renewed"]) {
      assert.deepEqual(await onDevice(store, "phone", { presentedHash }), { kind: "refused" });
    }
    assert.equal(await say(store, laptop), "published");
    assert.deepEqual(await sessions.members("lobby"), ["eve"]);
    claimed(await onDevice(store, "laptop", { presentedHash: "laptop", tokenHash: "next" }));
    assert.deepEqual(claimed(await onDevice(store, "phone")).superseded, []);
  });

  test("Sessions.revokeDevice() of the last device takes its user offline", async ({ store }) => {
    const [phone] = await share(store, "phone");
    await store.sessions.detach(phone);
    assert.deepEqual(await store.sessions.revokeDevice("eve", "phone"), phone);
    assert.deepEqual([await store.sessions.online(), await store.sessions.members("lobby")], [[], []]);
    assert.equal((await store.sessions.rooms()).size, 0);
  });

  test("Sessions.revokeDevice() tells of a device that is away, and of one that there is not", async ({ store, place }) => {
    const [phone, laptop] = await share(store, "phone", "laptop");
    await store.sessions.end(phone, false);
    assert.deepEqual(await store.sessions.revocable("eve"), ["laptop", "phone"]);
    assert.equal(await store.sessions.revokeDevice("eve", "phone"), "away");
    assert.deepEqual(await onDevice(store, "phone", { presentedHash: "phone" }), { kind: "refused" });
    for (const device of ["phone", "Laptop", "tablet", ""]) {
      assert.equal(await store.sessions.revokeDevice("eve", device), undefined, device);
    }
    assert.equal(await store.sessions.revokeDevice("nobody", "laptop"), undefined);
    await store.sessions.end(laptop, false);
    await place.passTokenLife("eve");
    assert.equal(await store.sessions.revokeDevice("eve", "laptop"), undefined, "its tokens have expired");
    assert.deepEqual(await store.sessions.revocable("eve"), []);
  });

  test(
    "Sessions.revokeDevice() on another server ends the session, which can write nothing any more",
    async ({ store, place }) => {
      const other = await place.open();
      const [phone] = await share(store, "phone");
      assert.equal(await say(store, phone), "published");
      assert.deepEqual(await other.sessions.revokeDevice("eve", "phone"), phone);
      assert.equal(await say(store, phone), "fenced");
      assert.deepEqual(await store.sessions.held(), []);
      assert.deepEqual(await store.sessions.reassert(phone, { tokenHash: "phone" }), { kind: "superseded" });
      assert.deepEqual(await other.sessions.online(), []);
    },
    { demand: "several servers" },
  );
}
