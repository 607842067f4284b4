/** The contract of {@linkcode Sessions}: a user's sessions on several devices, each with tokens and positions of its own. */

import assert from "node:assert/strict";
import type { Session } from "../../lib/store/sessions.ts";
import { names, onDevice, say, share } from "./eve.ts";
import { account, claim, claimed, type Declare, login, reasserted } from "./suite.ts";

/** Declares the tests. */
export function devicesContract(test: Declare): void {
  claimsTests(test);
  limitTests(test);
  endTests(test);
}

function claimsTests(test: Declare): void {
  test("Sessions.claim() with share leaves the user's sessions on other devices as they are", async ({ store }) => {
    await store.accounts.create(account("Eve"));
    const one = claimed(await claim(store, "Eve", { device: "phone", policy: "share", client: "chat/1" }));
    const two = claimed(await claim(store, "Eve", { device: "laptop", policy: "share", room: "general" }));
    assert.deepEqual([one.superseded, two.superseded], [[], []]);
    const { device, client, rooms } = one.session;
    assert.deepEqual([device, client, rooms, two.session.client], ["phone", "chat/1", ["lobby"], ""]);
    assert(two.session.claim > one.session.claim, "claims grow over all devices");
    assert.deepEqual(await store.sessions.devices("eve"), [
      { ...two.session, attached: true },
      { ...one.session, attached: true },
    ]);
    assert.deepEqual(await store.sessions.devices("nobody"), []);
    assert.equal(await say(store, one.session), "published");
    assert.equal(await say(store, two.session), "fenced", "each is in a room of its own");
    const moved = await store.sessions.move(two.session, "lobby");
    assert.deepEqual([await say(store, moved!), await say(store, one.session)], ["published", "published"]);
  });

  test("Sessions.claim() with share supersedes the session of the same device, and no other", async ({ store }) => {
    const [phone, laptop] = await share(store, "phone", "laptop");
    const { session, superseded } = claimed(await onDevice(store, "phone", { tokenHash: "new" }));
    assert.deepEqual(superseded, [phone]);
    assert.deepEqual(await names(store), ["laptop", "phone"]);
    assert.deepEqual(await store.sessions.reassert(phone, { tokenHash: "phone" }), { kind: "superseded" });
    assert.equal(await store.sessions.end(phone, true), "not_held");
    assert.deepEqual([await say(store, session), await say(store, laptop), await say(store, phone)], [
      "published",
      "published",
      "fenced",
    ]);
    const { session: held } = reasserted(await store.sessions.reassert(laptop, { tokenHash: "laptop" }));
    assert.deepEqual({ ...held, claim: laptop.claim }, laptop);
  });

  test("Sessions.claim() tells devices apart whose names differ in case, or mean something to JavaScript", async ({ store }) => {
    const devices = ["A", "__proto__", "a", "constructor"];
    await share(store, ...devices);
    assert.deepEqual(await names(store), devices);
    for (const device of devices) {
      const { superseded } = claimed(await onDevice(store, device, { presentedHash: device, tokenHash: "new" }));
      assert.deepEqual(superseded.map(({ device }) => device), [device]);
    }
  });

  test("Sessions.claim() with force supersedes the sessions of all devices, whose tokens end with them", async ({ store }) => {
    const sessions = await share(store, "", "laptop", "phone");
    await store.sessions.detach(sessions[1]);
    const { session, superseded } = claimed(await claim(store, "eve", { device: "tablet", tokenHash: "tablet" }));
    assert.deepEqual(superseded.toSorted((one, other) => one.device < other.device ? -1 : 1), sessions);
    assert.deepEqual(await names(store), ["tablet"]);
    assert.deepEqual(await store.sessions.members("lobby"), ["eve"]);
    for (const device of ["", "laptop", "phone"]) {
      const resumed = await onDevice(store, device, { presentedHash: device || "none" });
      assert.deepEqual(resumed, { kind: "refused" }, device);
    }
    assert.equal(await say(store, session), "published");
    for (const late of sessions) assert.equal(await say(store, late), "fenced");
    const resumed = claimed(await onDevice(store, "tablet", { presentedHash: "tablet", tokenHash: "next" }));
    assert.deepEqual(resumed.superseded, [session]);
  });

  test("Sessions.claim() with force by a token supersedes all sessions, and leaves the tokens of other devices", async ({ store }) => {
    const [phone, laptop] = await share(store, "phone", "laptop");
    const again = { policy: "force", presentedHash: "phone", tokenHash: "next" } as const;
    const { superseded } = claimed(await onDevice(store, "phone", again));
    assert.deepEqual(
      superseded.map(({ connection }) => connection).sort(),
      [laptop, phone].map((s) => s.connection).sort(),
    );
    assert.deepEqual(await names(store), ["phone"]);
    claimed(await onDevice(store, "laptop", { presentedHash: "laptop", tokenHash: "another" }));
  });

  test("Sessions.claim() with reject refuses while any device's connection is there", async ({ store }) => {
    const [phone, laptop] = await share(store, "phone", "laptop");
    const rejected = () => claim(store, "eve", { device: "tablet", policy: "reject", tokenHash: "tablet" });
    await store.sessions.detach(phone);
    assert.deepEqual(await rejected(), { kind: "live" });
    assert.deepEqual(await names(store), ["laptop", "phone"]);
    await store.sessions.detach(laptop);
    const { superseded } = claimed(await rejected());
    assert.deepEqual(superseded.map(({ device }) => device).sort(), ["laptop", "phone"]);
    assert.deepEqual(await names(store), ["tablet"]);
    const resume = (presentedHash: string) => onDevice(store, "phone", { policy: "reject", presentedHash });
    assert.deepEqual(await resume("phone"), { kind: "live" }, "a newer login has made it worthless");
    assert.deepEqual(await resume("unknown"), { kind: "refused" });
  });
}

function limitTests(test: Declare): void {
  test("Sessions.claim() with share has the one give way that has been away longest", async ({ store, place }) => {
    const mostDevices = 3;
    const [a, b, c] = await share(store, "a", "b", "c");
    await store.sessions.detach(b);
    await place.pass(5);
    await store.sessions.detach(a);
    const first = claimed(await onDevice(store, "d", { mostDevices }));
    assert.deepEqual(first.superseded.map(({ connection }) => connection), [b.connection]);
    assert.deepEqual(await names(store), ["a", "c", "d"]);
    const resumed = claimed(await onDevice(store, "b", { mostDevices, presentedHash: "b", tokenHash: "b2" }));
    assert.deepEqual(resumed.superseded.map(({ device }) => device), ["a"], "whose tokens it kept comes back");
    assert.deepEqual(await names(store), ["b", "c", "d"]);
    assert.equal(await say(store, c), "published");
    assert.deepEqual(await store.sessions.online(), ["eve"]);
    assert.deepEqual(await store.sessions.members("lobby"), ["eve"]);
  });

  test("Sessions.claim() with share changes nothing where all of too many devices are connected", async ({ store }) => {
    const mostDevices = 2;
    const [a, b] = await share(store, "a", "b");
    await store.sessions.end(a, false);
    claimed(await onDevice(store, "c", { mostDevices }));
    const before = await store.sessions.devices("eve");
    assert.deepEqual(await onDevice(store, "d", { mostDevices }), { kind: "too_many_devices" });
    const resume = () => onDevice(store, "a", { mostDevices, presentedHash: "a", tokenHash: "a2" });
    assert.deepEqual(await resume(), { kind: "too_many_devices" });
    assert.deepEqual(await store.sessions.devices("eve"), before);
    const { superseded } = claimed(await onDevice(store, "b", { mostDevices, tokenHash: "b2" }));
    assert.deepEqual(superseded.map(({ device }) => device), ["b"], "a device may take its own place");
    assert.equal(await say(store, b), "fenced");
    await store.sessions.revokeDevice("eve", "c");
    claimed(await resume()); // the token that was refused is not spent
  });

  test("Sessions.claim() with share refuses a bad token before it counts devices", async ({ store }) => {
    await share(store, "a", "b");
    const refused = await onDevice(store, "c", { mostDevices: 2, presentedHash: "bad" });
    assert.deepEqual(refused, { kind: "refused" });
  });

  test("Sessions.claim() with share 20 times at once on 20 devices leaves as many as there may be", async ({ store }) => {
    await store.accounts.create(account("eve"));
    const devices = Array.from({ length: 20 }, (_, index) => `device${index}`);
    const results = await Promise.all(devices.map((device) => onDevice(store, device, { mostDevices: 16 })));
    const kinds = results.map(({ kind }) => kind).sort();
    assert.deepEqual(kinds, [...Array(16).fill("claimed"), ...Array(4).fill("too_many_devices")]);
    assert.equal((await names(store)).length, 16);
    for (const { session } of results.filter((result) => result.kind === "claimed")) {
      assert.equal(await say(store, session), "published");
    }
  });

  test(
    "Sessions.claim() with share 20 times at once of one device over two servers leaves one session",
    async ({ store, place }) => {
      const stores = [store, await place.open()];
      await share(store, "laptop");
      const all = (await Promise.all(
        Array.from({ length: 20 }, (_, index) => onDevice(stores[index % 2], "phone", { tokenHash: `${index}` })),
      )).map(claimed);
      const winner = all.reduce((last, result) => result.session.claim > last.session.claim ? result : last).session;
      const superseded = all.flatMap(({ superseded }) => superseded.map(({ connection }) => connection));
      const others = all.map(({ session }) => session.connection).filter((id) => id !== winner.connection);
      assert.deepEqual(superseded.sort(), others.sort());
      assert.deepEqual(await names(store), ["laptop", "phone"]);
      for (const [index, { session }] of all.entries()) {
        const result = await stores[index % 2].sessions.end(session, true);
        assert.equal(result, session === winner ? "ended" : "not_held");
      }
      assert.deepEqual(await names(store), ["laptop"]);
    },
    { demand: "several servers" },
  );

  test(
    "Sessions.claim() with share 20 times at once over two servers leaves as many as there may be",
    async ({ store, place }) => {
      const stores = [store, await place.open()];
      await store.accounts.create(account("eve"));
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, index) => onDevice(stores[index % 2], `device${index}`, { mostDevices: 5 })),
      );
      assert.equal(results.filter(({ kind }) => kind === "claimed").length, 5);
      assert.equal(results.filter(({ kind }) => kind === "too_many_devices").length, 15);
      assert.equal((await names(store)).length, 5);
      assert.deepEqual(await stores[1].sessions.devices("eve"), await store.sessions.devices("eve"));
    },
    { demand: "several servers" },
  );
}

function endTests(test: Declare): void {
  test("Sessions.end() says whether its user goes on with others, or is offline", async ({ store }) => {
    const { sessions } = store;
    const [phone, laptop, tablet] = await share(store, "phone", "laptop", "tablet");
    assert.equal(await sessions.end(phone, true), "ended");
    assert.equal(await sessions.end(phone, true), "not_held");
    assert.deepEqual(await sessions.online(), ["eve"]);
    await sessions.detach(laptop);
    assert.equal(await sessions.end(tablet, false), "ended", "one whose connection dropped counts");
    assert.equal(await sessions.end(laptop, false), "offline");
    assert.deepEqual([await sessions.online(), await sessions.members("lobby")], [[], []]);
    assert.deepEqual(await onDevice(store, "phone", { presentedHash: "phone" }), { kind: "refused" });
    claimed(await onDevice(store, "tablet", { presentedHash: "tablet", tokenHash: "next" }));
  });

  test("Sessions.end() of all devices at once takes the user offline once", async ({ store }) => {
    const sessions = await share(store, ...Array.from({ length: 8 }, (_, index) => `device${index}`));
    const results = await Promise.all(sessions.map((session) => store.sessions.end(session, false)));
    assert.deepEqual(results.sort(), [...Array(7).fill("ended"), "offline"]);
  });

  test("Accounts: away is the account's: it ends with the last device, and a resume of that brings it back", async ({ store }) => {
    const { accounts, sessions } = store;
    const away = async () => (await accounts.find("eve"))?.away;
    const [phone, laptop] = await share(store, "phone", "laptop");
    await accounts.setAway("eve", "lunch", phone);
    await sessions.end(phone, true);
    assert.equal(await away(), "lunch");
    await share(store, "tablet");
    assert.equal(await away(), "lunch", "a login on another device changes nothing");
    await sessions.revokeDevice("eve", "tablet");
    await sessions.end(laptop, false);
    assert.equal(await away(), undefined);
    const resumed = claimed(await onDevice(store, "laptop", { presentedHash: "laptop", tokenHash: "next" }));
    assert.equal(await away(), "lunch");
    assert.equal(await accounts.setAway("eve", undefined, resumed.session), true);
    assert.equal(await away(), undefined);
  });

  test("Accounts: away does not come back by a device's resume after a login that began without it", async ({ store }) => {
    const [phone, laptop] = await share(store, "phone", "laptop");
    await store.accounts.setAway("eve", "lunch", phone);
    await store.sessions.end(laptop, false);
    await store.sessions.end(phone, false);
    const [tablet] = await share(store, "tablet");
    await store.sessions.end(tablet, false);
    for (const device of ["laptop", "phone"]) {
      claimed(await onDevice(store, device, { presentedHash: device, tokenHash: `${device}2` }));
      assert.equal((await store.accounts.find("eve"))?.away, undefined, device);
    }
  });

  test("Sessions.held(), AdminStore.sessions() and sessionsOf() tell of every device", async ({ store }) => {
    const sessions = await share(store, "laptop", "phone");
    await login(store, "bob");
    await store.sessions.detach(sessions[0]);
    const byDevice = (one: Session, other: Session) => one.device < other.device ? -1 : 1;
    const eves = (all: Session[]) => all.filter(({ user }) => user === "eve").sort(byDevice);
    assert.deepEqual(eves(await store.sessions.held()), sessions);
    assert.deepEqual((await store.admin.sessionsOf("EVE")).sort(byDevice), sessions);
    assert.deepEqual(eves(await Array.fromAsync(store.admin.sessions())), [
      { ...sessions[0], attached: false },
      { ...sessions[1], attached: true },
    ]);
    const [server] = await store.admin.servers();
    assert.equal(server.sessions, 3);
  });

  test("AdminStore.accounts() gives what lasts of devices, and putAccount() puts it in", async ({ store }) => {
    const { sessions, admin } = store;
    const [plain, phone, laptop] = await share(store, "", "phone", "laptop");
    await sessions.savePositions(plain, { "room:lobby": "0" });
    await sessions.savePositions(phone, { "room:lobby": "1" });
    await sessions.end(phone, false);
    await sessions.end(laptop, true);
    const [record] = await Array.fromAsync(admin.accounts());
    assert.deepEqual([record.tokens!.current, { ...record.stood }], ["none", { "room:lobby": "0" }]);
    const [device, ...others] = record.devices!;
    assert.deepEqual([device.device, device.tokens.current, { ...device.stood }, others], [
      "phone",
      "phone",
      { "room:lobby": "1" },
      [],
    ]);
    const tablet = { ...device, device: "tablet", tokens: { ...device.tokens, current: "tablet", room: "general" } };
    assert.equal(await admin.putAccount({ ...record, name: "ann", devices: [device, tablet] }), true);
    const resume = (device: string) => claim(store, "ann", { device, policy: "share", presentedHash: device });
    const one = claimed(await resume("phone"));
    const two = claimed(await resume("tablet"));
    assert.deepEqual([one.session.rooms, { ...one.savedPositions }], [["lobby"], { "room:lobby": "1" }]);
    assert.deepEqual([two.session.rooms, two.superseded], [["general"], []]);
  });
}
