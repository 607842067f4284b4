/** The contract of sessions in many rooms: the set is the account's, and each room has the session in it. */

import assert from "node:assert/strict";
import type { Session } from "../../lib/store/sessions.ts";
import type { TestStore } from "../support/stores.ts";
import { account, claim, claimed, type Declare, login, reasserted } from "./suite.ts";

const most = 5;

/** Claims a session in many rooms. */
async function many(store: TestStore, user: string, more: Parameters<typeof claim>[2] = {}): Promise<Session> {
  return claimed(await claim(store, user, { many: true, ...more })).session;
}

async function entered(store: TestStore, session: Session, ...rooms: string[]): Promise<Session> {
  let now: Session = session;
  for (const room of rooms) {
    const result = await store.sessions.enter(now, room, most);
    assert.ok(result && result !== "full");
    now = result;
  }
  return now;
}

/** Declares the tests. */
export function membershipsContract(test: Declare): void {
  test("Sessions.claim() of many rooms begins in the given one, and then in those of the account", async ({ store }) => {
    await store.accounts.create(account("Eve"));
    const first = await many(store, "Eve");
    assert.deepEqual([first.many, first.rooms], [true, ["lobby"]]);
    const inAll = await entered(store, first, "ops", "general");
    assert.deepEqual(inAll.rooms, ["general", "lobby", "ops"]);
    const left = await store.sessions.leave(inAll, "lobby");
    assert.deepEqual(left?.rooms, ["general", "ops"]);
    const next = claimed(await claim(store, "Eve", { many: true }));
    assert.deepEqual(next.session.rooms, ["general", "ops"]);
    assert.deepEqual(next.superseded, [left]);
    for (const room of ["general", "ops"]) assert.deepEqual(await store.sessions.members(room), ["Eve"]);
    assert.deepEqual(await store.sessions.members("lobby"), []);
  });

  test("Sessions.leave() may leave none, which the next session begins in", async ({ store }) => {
    await store.accounts.create(account("eve"));
    const none = await store.sessions.leave(await many(store, "eve"), "lobby");
    assert.deepEqual(none?.rooms, []);
    assert.deepEqual((await many(store, "eve")).rooms, []);
    assert.deepEqual([...await store.sessions.rooms()], []);
    assert.deepEqual(await store.sessions.online(), ["eve"]);
  });

  test("Sessions.forgetRoom() takes a room from an account, whether it has a session or not", async ({ store }) => {
    await store.accounts.create(account("Eve"));
    const session = await entered(store, await many(store, "Eve"), "ops");
    await store.sessions.forgetRoom("eve", "ops");
    assert.deepEqual([...(await store.sessions.memberships("Eve")).keys()], ["lobby"]);
    const left = await store.sessions.leave(session, "ops");
    assert.deepEqual(left?.rooms, ["lobby"], "the session leaves it by itself");
    assert.deepEqual(await store.sessions.members("ops"), []);
    await entered(store, left, "ops", "general");
    await store.sessions.end((await store.sessions.held())[0], false);
    await store.sessions.forgetRoom("eve", "ops");
    await store.sessions.forgetRoom("eve", "nowhere");
    await store.sessions.forgetRoom("nobody", "ops");
    assert.deepEqual((await many(store, "Eve")).rooms, ["general", "lobby"]);
  });

  test("Sessions.enter() refuses more rooms than there may be, and no room that is there", async ({ store }) => {
    await store.accounts.create(account("eve"));
    const session = await entered(store, await many(store, "eve"), "a", "b", "c", "d");
    assert.equal(await store.sessions.enter(session, "e", most), "full");
    assert.deepEqual(await store.sessions.members("e"), []);
    assert.deepEqual((await entered(store, session, "a")).rooms, ["a", "b", "c", "d", "lobby"]);
  });

  test("Sessions.enter() and Sessions.leave() by a session that is superseded change nothing", async ({ store }) => {
    await store.accounts.create(account("eve"));
    const first = await many(store, "eve");
    const second = await entered(store, await many(store, "eve"), "general");
    assert.equal(await store.sessions.enter(first, "ops", most), undefined);
    assert.equal(await store.sessions.leave(first, "general"), undefined);
    assert.deepEqual((await many(store, "eve")).rooms, second.rooms);
  });

  test("a session in many rooms writes to each of them, and to none that it left", async ({ store }) => {
    await store.accounts.create(account("eve"));
    const session = await entered(store, await many(store, "eve"), "general");
    const say = async (by: Session, room: string) =>
      (await store.topics.publish(`room:${room}`, { from: "eve", text: "hi" }, by)).kind;
    assert.deepEqual([await say(session, "lobby"), await say(session, "general")], ["published", "published"]);
    assert.equal(await say(session, "elsewhere"), "fenced");
    const left = await store.sessions.leave(session, "lobby");
    assert.equal(await say(left!, "lobby"), "fenced");
    assert.equal(await say(session, "lobby"), "fenced", "by what it was before as well");
    const next = await many(store, "eve");
    assert.deepEqual([await say(left!, "general"), await say(next, "general")], ["fenced", "published"]);
  });

  test("Sessions.end() of a session in many rooms takes it out of all, and keeps the account's", async ({ store }) => {
    await store.accounts.create(account("eve"));
    const session = await entered(store, await many(store, "eve"), "general");
    assert.equal(await store.sessions.end(session, true), "offline");
    for (const room of ["lobby", "general"]) assert.deepEqual(await store.sessions.members(room), []);
    assert.deepEqual((await many(store, "eve")).rooms, ["general", "lobby"]);
  });

  test("one room is beside the account's rooms: neither changes the other", async ({ store }) => {
    await store.accounts.create(account("eve"));
    await entered(store, await many(store, "eve"), "general");
    const one = claimed(await claim(store, "eve", { tokenHash: "one" }));
    assert.deepEqual([one.session.rooms, one.superseded.map(({ rooms }) => rooms)], [["lobby"], [[
      "general",
      "lobby",
    ]]]);
    assert.deepEqual(await store.sessions.members("general"), []);
    await store.sessions.move(one.session, "elsewhere");
    const resumed = claimed(await claim(store, "eve", { many: true, presentedHash: "one", tokenHash: "two" }));
    assert.deepEqual(resumed.session.rooms, ["general", "lobby"]);
    assert.deepEqual(await store.sessions.members("elsewhere"), []);
    const back = claimed(await claim(store, "eve", { presentedHash: "two", tokenHash: "three" }));
    assert.deepEqual(back.session.rooms, ["elsewhere"]);
  });

  test("Sessions.reassert() keeps a session in many rooms in all of them", async ({ store }) => {
    await store.accounts.create(account("eve"));
    const session = await entered(store, await many(store, "eve", { tokenHash: "one" }), "general");
    const { session: held } = reasserted(await store.sessions.reassert(session, { tokenHash: "one" }));
    assert.deepEqual([held.many, held.rooms], [true, ["general", "lobby"]]);
    assert.deepEqual((await store.sessions.held()).map(({ rooms }) => rooms), [["general", "lobby"]]);
    for (const room of ["lobby", "general"]) assert.deepEqual(await store.sessions.members(room), ["eve"]);
  });

  test("an account's rooms last, as AdminStore.putAccount() puts them in", async ({ store }) => {
    await store.accounts.create(account("eve"));
    await entered(store, await many(store, "eve"), "general");
    await login(store, "bob");
    const records = new Map<string, readonly string[] | undefined>();
    for await (const { name, rooms } of store.admin.accounts()) records.set(name, rooms);
    assert.deepEqual([...records].sort(), [["bob", undefined], ["eve", ["general", "lobby"]]]);
    const record = { ...account("carol"), claims: 0, follows: [], stood: {}, rooms: ["ops"] };
    assert.equal(await store.admin.putAccount(record), true);
    assert.deepEqual((await many(store, "carol")).rooms, ["ops"]);
  });
}
