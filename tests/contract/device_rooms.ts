/** The contract of rooms and presence where a user has several devices: rooms are the account's, and presence the user's. */

import assert from "node:assert/strict";
import type { ClaimRequest, Session } from "../../lib/store/sessions.ts";
import type { PresenceChange, TopicSignal } from "../../lib/store/topics.ts";
import type { TestStore } from "../support/stores.ts";
import { until } from "../support/turns.ts";
import { say } from "./eve.ts";
import { type Declare, login } from "./suite.ts";

const most = 5;

/** Logs eve in on a device, beside her others. */
function on(store: TestStore, device: string, more: Partial<ClaimRequest> = {}): Promise<Session> {
  return login(store, "eve", { device, policy: "share", tokenHash: device, many: true, ...more });
}

async function enter(store: TestStore, session: Session, room: string, joined?: string): Promise<Session> {
  const entered = await store.sessions.enter(session, room, most, joined);
  assert.ok(entered && entered !== "full");
  return entered;
}

/** Declares the tests. */
export function deviceRoomsContract(test: Declare): void {
  membershipTests(test);
  countTests(test);
  signalTests(test);
}

function membershipTests(test: Declare): void {
  test("Sessions.enter() adds a room to the account, and to another device's session once that enters too", async ({ store }) => {
    const [phone, laptop] = [await on(store, "phone"), await on(store, "laptop")];
    const inBoth = await enter(store, phone, "general", "here.1.x");
    assert.deepEqual([await say(store, inBoth, "general"), await say(store, laptop, "general")], [
      "published",
      "fenced",
    ]);
    const entered = await enter(store, laptop, "general", "here.7.x");
    assert.deepEqual(entered.rooms, ["general", "lobby"]);
    assert.equal(await say(store, entered, "general"), "published");
    const tablet = await on(store, "tablet");
    assert.deepEqual(tablet.rooms, ["general", "lobby"]);
    assert.deepEqual(await store.sessions.members("general"), ["eve"]);
  });

  test("Sessions.leave() takes the room from the account and from all of its devices, which write there no more", async ({ store }) => {
    const phone = await enter(store, await on(store, "phone"), "general");
    const [laptop, text] = [await on(store, "laptop"), await on(store, "text", { many: false, room: "general" })];
    assert.equal(await say(store, laptop, "general"), "published");
    const left = await store.sessions.leave(phone, "general");
    assert.deepEqual(left?.rooms, ["lobby"]);
    for (const late of [phone, laptop]) assert.equal(await say(store, late, "general"), "fenced");
    assert.deepEqual([await say(store, laptop, "lobby"), await say(store, text, "general")], [
      "published",
      "published",
    ]);
    const devices = await store.sessions.devices("eve");
    assert.deepEqual(devices.map(({ device, rooms }) => [device, rooms]), [
      ["laptop", ["lobby"]],
      ["phone", ["lobby"]],
      ["text", ["general"]],
    ]);
    assert.deepEqual(await store.sessions.members("general"), ["eve"], "the session in one room is there");
    await store.sessions.end(text, true);
    assert.deepEqual(await store.sessions.members("general"), []);
    await enter(store, laptop, "ops");
    assert.equal(await say(store, laptop, "general"), "fenced", "though its connection has not heard of it");
    const back = await enter(store, laptop, "general");
    assert.deepEqual([await say(store, back, "general"), await say(store, phone, "general")], ["published", "fenced"]);
  });

  test("Sessions.memberships() gives an account's rooms, and where each was joined first", async ({ store }) => {
    assert.deepEqual(await store.sessions.memberships("eve"), new Map());
    const phone = await on(store, "phone");
    assert.deepEqual(await store.sessions.memberships("EVE"), new Map([["lobby", ""]]));
    await enter(store, phone, "general", "here.1.x");
    await enter(store, await on(store, "laptop"), "general", "here.9.x");
    const memberships = async () => [...await store.sessions.memberships("eve")].sort();
    assert.deepEqual(await memberships(), [["general", "here.1.x"], ["lobby", ""]]);
    await store.sessions.leave(phone, "general");
    assert.deepEqual(await memberships(), [["lobby", ""]]);
    await enter(store, phone, "general", "here.20.x");
    assert.deepEqual(await memberships(), [["general", "here.20.x"], ["lobby", ""]]);
    assert.deepEqual(await store.sessions.memberships("bob"), new Map());
  });

  test("AdminStore.accounts() gives where rooms were joined, and putAccount() puts it in", async ({ store }) => {
    await enter(store, await on(store, "phone"), "general", "here.1.x");
    const [record] = await Array.fromAsync(store.admin.accounts());
    assert.deepEqual([record.rooms, { ...record.joined }], [["general", "lobby"], { general: "here.1.x" }]);
    assert.equal(await store.admin.putAccount({ ...record, name: "ann" }), true);
    const memberships = [...await store.sessions.memberships("ann")].sort();
    assert.deepEqual(memberships, [["general", "here.1.x"], ["lobby", ""]]);
  });

  test(
    "Sessions.leave() on one server takes writing rights from the device on another",
    async ({ store, place }) => {
      const other = await place.open();
      const phone = await enter(store, await on(store, "phone"), "general");
      const laptop = await on(other, "laptop");
      assert.equal(await say(other, laptop, "general"), "published");
      await store.sessions.leave(phone, "general");
      assert.equal(await say(other, laptop, "general"), "fenced");
      assert.deepEqual(await other.sessions.members("general"), []);
      assert.deepEqual(await other.sessions.memberships("eve"), new Map([["lobby", ""]]));
    },
    { demand: "several servers" },
  );
}

function countTests(test: Declare): void {
  test("Sessions.rooms(), members(), online() and countOnline() count users, not devices", async ({ store }) => {
    const { sessions } = store;
    const [one, two] = [await on(store, "phone", { many: false }), await on(store, "laptop", { many: false })];
    await login(store, "bob");
    const tell = async () => [
      [...await sessions.rooms()].sort(),
      await sessions.members("lobby"),
      await sessions.online(),
      await sessions.countOnline(["bob", "eve", "nobody"]),
    ];
    assert.deepEqual(await tell(), [[["lobby", 2]], ["bob", "eve"], ["bob", "eve"], 2]);
    const moved = await sessions.move(one, "general");
    assert.deepEqual(await tell(), [[["general", 1], ["lobby", 2]], ["bob", "eve"], ["bob", "eve"], 2]);
    await sessions.end(two, false);
    assert.deepEqual(await tell(), [[["general", 1], ["lobby", 1]], ["bob"], ["bob", "eve"], 2]);
    await sessions.end(moved!, false);
    assert.deepEqual(await tell(), [[["lobby", 1]], ["bob"], ["bob"], 1]);
  });
}

function signalTests(test: Declare): void {
  /** Announces to the lobby, and gives what was heard there in the end. */
  async function announced(
    store: TestStore,
    steps: (tell: (change: PresenceChange) => Promise<void>) => Promise<void>,
  ) {
    const heard: TopicSignal[] = [];
    const subscription = await store.topics.subscribe("room:lobby", (signal) => void heard.push(signal));
    await steps((change) => store.topics.announce("lobby", change));
    await store.topics.publish("room:lobby", { from: "bob", text: "last" }, undefined);
    await until("the last is heard", () => heard.some(({ kind }) => kind === "entry"));
    await subscription.close();
    return heard.flatMap((signal) => signal.kind === "presence" ? `${signal.state} ${signal.claim}` : []);
  }

  test("Topics.announce() tells a room of a user's first session and of the last", async ({ store }) => {
    const told = await announced(store, async (tell) => {
      const joined = (claim: number) => tell({ user: "eve", state: "joined", claim });
      const left = (claim: number) => tell({ user: "eve", state: "left", claim });
      const phone = await on(store, "phone");
      await joined(1);
      const laptop = await on(store, "laptop");
      await joined(2);
      await store.sessions.end(phone, false);
      await left(3);
      const again = await on(store, "phone");
      await joined(4);
      await store.sessions.end(laptop, false);
      await store.sessions.end(again, false);
      await left(5);
      await left(6);
      await on(store, "phone");
      await joined(7);
    });
    assert.deepEqual(told, ["joined 1", "left 5", "joined 7"]);
  });

  test("Topics.announce() tells nobody that somebody left who was not told to be there", async ({ store }) => {
    const told = await announced(store, async (tell) => {
      await store.sessions.end(await on(store, "phone"), false);
      await tell({ user: "eve", state: "left", claim: 1 });
    });
    assert.deepEqual(told, []);
  });

  test(
    "Topics.announce() on any server tells a room of a user's first session and of the last",
    async ({ store, place }) => {
      const other = await place.open();
      const told = await announced(store, async (tell) => {
        const phone = await on(store, "phone");
        await tell({ user: "eve", state: "joined", claim: 1 });
        const laptop = await on(other, "laptop");
        await other.topics.announce("lobby", { user: "eve", state: "joined", claim: 2 });
        await store.sessions.end(phone, false);
        await tell({ user: "eve", state: "left", claim: 3 });
        await other.sessions.end(laptop, false);
        await other.topics.announce("lobby", { user: "eve", state: "left", claim: 4 });
      });
      assert.deepEqual(told, ["joined 1", "left 4"]);
    },
    { demand: "several servers" },
  );

  test("Topics.tellAccount() is heard by who listens to the user's inbox, and is not in its log", async ({ store }) => {
    const heard: TopicSignal[] = [];
    await store.topics.subscribe("inbox:eve", (signal) => void heard.push(signal));
    const others: TopicSignal[] = [];
    await store.topics.subscribe("inbox:bob", (signal) => void others.push(signal));
    const joined = { kind: "membership", room: "general", state: "joined", by: "connection 1" } as const;
    const seen = { kind: "seen", topic: "room:lobby", pos: "here.1.x", by: "connection 2" } as const;
    await store.topics.tellAccount("Eve", joined);
    await store.topics.tellAccount("eve", seen);
    await until("both are heard", () => heard.length === 2);
    assert.deepEqual(JSON.parse(JSON.stringify(heard)), [
      { kind: "account", change: joined },
      { kind: "account", change: seen },
    ]);
    assert.deepEqual(others, []);
    assert.equal((await store.topics.head("inbox:eve")).seq, 0);
  });

  test("Topics.publish() keeps by which connection a private message was sent with its copy, and with none to oneself", async ({ store }) => {
    const draft = { from: "eve", to: "bob", text: "hi", via: "connection 1" };
    await store.topics.publish("inbox:bob", draft, undefined);
    await store.topics.readTalk("sent:eve", "bob", { limit: 1 }); // the copy is made
    const [copy] = (await store.topics.read("sent:eve", { limit: 1 })).entries;
    assert.equal(copy.via, "connection 1");
    await store.topics.publish("inbox:eve", { ...draft, to: "eve" }, undefined);
    assert.equal((await store.topics.read("inbox:eve", { limit: 1 })).entries[0].via, undefined);
  });
}
