/** The contract of {@linkcode AdminStore}. */

import assert from "node:assert/strict";
import type { AccountRecord, TopicState } from "../../lib/store/admin_store.ts";
import type { Entry } from "../../lib/store/topics.ts";
import { account, claim, claimed, type Declare, login } from "./suite.ts";

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(items);
}

async function* pages(...given: Entry[][]): AsyncIterable<readonly Entry[]> {
  yield* given;
}

/** Messages of a log, from a number on. */
function entries(from: number, count: number, time = Date.now()): Entry[] {
  return Array.from({ length: count }, (_, index) => ({
    seq: from + index,
    id: `id${from + index}`,
    time: time + index,
    from: "eve",
    text: `text ${from + index}`,
  }));
}

const record: AccountRecord = {
  ...account("Eve", { role: "moderator", disabled: true }),
  claims: 7,
  follows: ["bob"],
  stood: { "room:lobby": "here.3.id3" },
};

/** Declares the tests. */
export function officeContract(test: Declare): void {
  test("AdminStore.hashes() gives the hashes of all accounts", async ({ store }) => {
    const names = Array.from({ length: 30 }, (_, index) => `user${index}`);
    for (const name of names) await store.accounts.create(account(name));
    const seen = new Set<string>();
    for await (const page of store.admin.hashes()) for (const hash of page) seen.add(hash);
    assert.deepEqual([...seen].sort(), names.map((name) => `hash of ${name}`).sort());
  });

  test("AdminStore.accounts() gives every account once, with all that belongs to it", async ({ store }) => {
    const { admin: office, accounts, sessions } = store;
    const names = Array.from({ length: 1_200 }, (_, index) => `user${index}`);
    await Promise.all(names.map((name) => accounts.create(account(name))));
    await accounts.follow("user1", "user2", 10);
    const session = await login(store, "Eve", { tokenHash: "one", room: "general" });
    await sessions.savePositions(session, { "room:general": "here.1.x" });
    await store.deviceKeys.announce("eve", "one", 8);
    await store.deviceKeys.announce("eve", "two", 8);
    const found = new Map((await all(office.accounts())).map((one) => [one.name, one]));
    assert.deepEqual([...found.keys()].sort(), [...names, "Eve"].sort());
    assert.deepEqual(found.get("user1")!.follows, ["user2"]);
    assert.deepEqual({ ...found.get("user3") }, { ...account("user3"), claims: 0, follows: [], stood: {} });
    const { tokens, stood, claims, keys } = found.get("Eve")!;
    assert.deepEqual(keys, await store.deviceKeys.list("Eve"));
    assert.deepEqual([tokens!.current, tokens!.room, { ...stood }, claims], [
      "one",
      "general",
      { "room:general": "here.1.x" },
      1,
    ]);
  });

  test("AdminStore.setRole() changes the role and nothing else, of accounts that there are", async ({ store }) => {
    await store.accounts.create(account("Eve"));
    assert.equal(await store.admin.setRole("eve", "moderator"), true);
    assert.deepEqual({ ...await store.accounts.find("Eve") }, account("Eve", { role: "moderator" }));
    assert.equal(await store.admin.setRole("bob", "admin"), false);
    assert.equal(await store.accounts.find("bob"), undefined);
  });

  test("AdminStore.setDisabled() refuses claims by password and by token until it is undone", async ({ store }) => {
    const { admin: office, sessions, accounts } = store;
    const session = await login(store, "Eve", { tokenHash: "one" });
    assert.equal(await office.setDisabled("eve", true), true);
    assert.equal((await accounts.find("eve"))!.disabled, true);
    assert.equal((await claim(store, "eve")).kind, "disabled");
    assert.equal((await claim(store, "eve", { presentedHash: "one" })).kind, "disabled");
    assert.equal(await sessions.end(session, true), "offline", "a session that was there stays until it is ended");
    assert.equal(await office.setDisabled("eve", false), true);
    assert.deepEqual({ ...await accounts.find("eve") }, account("Eve"));
    assert.equal((await claim(store, "eve", { presentedHash: "one" })).kind, "refused", "its tokens are gone");
    assert.equal((await claim(store, "eve")).kind, "claimed");
    assert.equal(await office.setDisabled("bob", true), false);
  });

  test("AdminStore.sessions() and sessionsOf() tell who is where, and whether the connection is there", async ({ store }) => {
    const { admin: office, sessions } = store;
    const eve = await login(store, "Eve", { room: "general" });
    const bob = await login(store, "bob");
    await sessions.detach(bob);
    const found = (await all(office.sessions())).sort((a, b) => a.user < b.user ? -1 : 1);
    assert.deepEqual(found, [{ ...eve, attached: true }, { ...bob, attached: false }]);
    assert.deepEqual(await office.sessionsOf("EVE"), [eve]);
    assert.deepEqual(await office.sessionsOf("nobody"), []);
    await office.revokeTokens("eve");
    assert.equal((await claim(store, "eve", { presentedHash: `token of ${eve.connection}` })).kind, "refused");
  });

  test("AdminStore.servers() lists this server with its sessions", async ({ store }) => {
    await login(store, "Eve");
    const [server, ...others] = await store.admin.servers();
    assert.deepEqual([server!.id, server!.sessions, others], [store.id, 1, []]);
    assert.ok(server!.leaseMs === null || server!.leaseMs > 0);
  });

  test("AdminStore.order() reaches the server, and gives what it reports", async ({ store }) => {
    const ordered = store.admin.order({ do: "reload" }, 10_000);
    let signal;
    while (!(signal = store.signals.find(({ kind }) => kind === "order"))) await new Promise((r) => setTimeout(r, 1));
    assert.ok(signal.kind === "order");
    assert.deepEqual(signal.order, { do: "reload" });
    const report = { server: store.id, done: ["done"] };
    await store.servers.signal(signal.from, { kind: "report", id: signal.id, report });
    assert.deepEqual(await ordered, [report]);
  });

  test("AdminStore.order() says which server did not answer in time", async ({ store }) => {
    const [report] = await store.admin.order({ do: "reload" }, 20);
    assert.deepEqual(report, { server: store.id, failed: "it did not answer in time" });
  });

  test("AdminStore.topics() and log() give every log, up to the number that is asked for", async ({ store }) => {
    const { admin: office, topics } = store;
    await topics.head("room:empty");
    for (let i = 1; i <= 1_100; i++) void topics.publish("room:general", { from: "eve", text: `${i}` }, undefined);
    await topics.publish("inbox:bob", { from: "eve", text: "hi", to: "bob" }, undefined);
    await topics.publish("inbox:bob", { from: "eve", text: "hi", to: "bob" }, undefined);
    await topics.markRead("inbox:bob", 1);
    await topics.readTalk("sent:eve", "bob", { limit: 1 }); // the copies are made
    const found = new Map((await all(office.topics())).map((one) => [one.topic, one]));
    assert.deepEqual([...found.keys()].sort(), ["inbox:bob", "room:empty", "room:general", "sent:eve"]);
    const general = found.get("room:general")!;
    const head = await topics.head("room:general");
    assert.deepEqual({ epoch: general.epoch, seq: general.seq, id: general.id }, head);
    assert.deepEqual([general.messages, found.get("inbox:bob")!.read], [1_100, 1]);
    const empty = found.get("room:empty")!;
    assert.deepEqual([empty.seq, empty.messages, empty.last], [0, 0, null]);
    const log = (await all(office.log("room:general", 1_090))).flat();
    assert.deepEqual(log.map(({ seq }) => seq), Array.from({ length: 1_090 }, (_, index) => index + 1));
    const page = await topics.read("room:general", { after: 1_089, limit: 1 });
    assert.deepEqual(log.at(-1), page.entries[0]);
    assert.deepEqual((await all(office.topics("general"))).map(({ topic }) => topic), ["room:general"]);
    assert.deepEqual(await all(office.topics("nowhere")), []);
  });

  test("AdminStore.purge() forgets a room's messages but the last few, and its numbers go on", async ({ store }) => {
    const { admin: office, topics } = store;
    for (let i = 1; i <= 5; i++) await topics.publish("room:general", { from: "eve", text: `${i}` }, undefined);
    const { epoch } = await topics.head("room:general");
    assert.equal(await office.purge("general", 2), 3);
    let page = await topics.read("room:general", { after: 0, limit: 10 });
    assert.deepEqual([page.first, page.entries.map(({ text }) => text), page.epoch], [4, ["4", "5"], epoch]);
    assert.equal(await office.purge("general", 0), 2);
    assert.equal(await office.purge("general", 0), 0);
    page = await topics.read("room:general", { limit: 10 });
    assert.deepEqual([page.first, page.entries, page.head.seq], [6, [], 5]);
    const next = await topics.publish("room:general", { from: "eve", text: "6" }, undefined);
    assert.equal(next.kind === "published" && next.seq, 6);
  });

  test("AdminStore.putAccount() makes an account whole, and leaves one that is there", async ({ store }) => {
    const { admin: office, accounts } = store;
    await accounts.create(account("bob"));
    const tokens = { current: "now", previous: "before", revoked: "", room: "general", expires: Date.now() + 60_000 };
    const keys = [{ public: "one", added: 1, used: 9 }, { public: "two", added: 2, used: 3 }];
    const marks = { "room:general": "here.7.", "feed:bob": "there.0." };
    assert.equal(await office.putAccount({ ...record, tokens, keys, marks }), true);
    assert.deepEqual((await all(office.accounts())).find(({ name }) => name === "Eve")!.marks, marks);
    assert.deepEqual(await store.deviceKeys.list("eve"), keys);
    assert.deepEqual([await accounts.follows("eve"), await accounts.followers("bob")], [["bob"], ["Eve"]]);
    assert.equal((await accounts.find("eve"))!.disabled, true);
    await office.setRole("eve", "user");
    const enabled = { ...record, name: "Ann", disabled: undefined, tokens } as unknown as AccountRecord;
    assert.equal(await office.putAccount(enabled), true);
    const resumed = claimed(await claim(store, "ann", { presentedHash: "before" }));
    assert.deepEqual([resumed.session.rooms[0], { ...resumed.savedPositions }], ["general", {
      "room:lobby": "here.3.id3",
    }]);
    assert.ok(resumed.session.claim > 7, "a claim only grows");
    assert.equal(await office.putAccount({ ...record, hash: "another" }), false);
    assert.equal((await accounts.find("eve"))!.hash, record.hash);
  });

  test("AdminStore.putTopic() keeps epoch, numbers, ids and times, and what comes next goes on", async ({ store }) => {
    const { admin: office, topics } = store;
    const log = entries(3, 700);
    const state: TopicState = { topic: "inbox:bob", epoch: "abc", seq: 702, id: "id702", read: 5 };
    const withEpoch = { ...state, renewed: { previous: "xyz", since: 2 } };
    assert.equal(await office.putTopic(withEpoch, pages(log.slice(0, 500), log.slice(500))), 700);
    const page = await topics.read("inbox:bob", { after: 0, limit: 1_000 });
    assert.deepEqual(page.entries, log);
    assert.deepEqual([page.head, page.first, page.renewed], [
      { epoch: "abc", seq: 702, id: "id702" },
      3,
      { previous: "xyz", since: 2 },
    ]);
    assert.equal(await topics.readMark("inbox:bob"), 5);
    const next = await topics.publish("inbox:bob", { from: "eve", text: "more", to: "bob" }, undefined);
    assert.equal(next.kind === "published" && next.seq, 703);
  });

  test("AdminStore.putTopic() knows the cids of messages that are young enough", async ({ store }) => {
    const { admin: office, topics } = store;
    const [young] = entries(1, 1);
    const state: TopicState = { topic: "feed:eve", epoch: "abc", seq: 1, id: "id1", read: 0 };
    await office.putTopic(state, pages([{ ...young!, cid: "x" }]));
    const again = await topics.publish("feed:eve", { from: "eve", text: "text 1", cid: "x" }, undefined);
    assert.deepEqual(again, { kind: "published", seq: 1, time: young!.time, repeated: true });
  });

  test("AdminStore.putTopic() leaves a topic that has messages, and takes the place of one that has none", async ({ store }) => {
    const { admin: office, topics } = store;
    await topics.publish("room:general", { from: "eve", text: "mine" }, undefined);
    const { epoch: fresh } = await topics.head("room:lobby");
    const state = { epoch: "abc", seq: 2, id: "id2", read: 0 };
    assert.equal(await office.putTopic({ ...state, topic: "room:general" }, pages(entries(1, 2))), undefined);
    assert.deepEqual((await topics.read("room:general", { limit: 5 })).entries.map(({ text }) => text), ["mine"]);
    assert.equal(await office.putTopic({ ...state, topic: "room:lobby" }, pages(entries(1, 2))), 2);
    assert.notEqual((await topics.head("room:lobby")).epoch, fresh);
    assert.equal((await topics.read("room:lobby", { limit: 5 })).entries.length, 2);
  });

  test("AdminStore.putTopic() leaves out what is before a hole, and nothing of a log that breaks off", async ({ store }) => {
    const { admin: office, topics } = store;
    const state = { epoch: "abc", seq: 9, id: "id9", read: 0 };
    assert.equal(
      await office.putTopic({ ...state, topic: "room:general" }, pages(entries(1, 3), entries(7, 3))),
      3,
    );
    const page = await topics.read("room:general", { after: 0, limit: 10 });
    assert.deepEqual([page.first, page.entries.map(({ seq }) => seq)], [7, [7, 8, 9]]);
    async function* broken(): AsyncIterable<readonly Entry[]> {
      yield entries(1, 3);
      throw new Error("the line was cut");
    }
    await assert.rejects(office.putTopic({ ...state, topic: "room:lobby" }, broken()), /cut/);
    assert.equal((await topics.head("room:lobby")).seq, 0);
    assert.equal(await office.putTopic({ ...state, topic: "room:lobby" }, pages(entries(7, 3))), 3);
    assert.equal((await topics.read("room:lobby", { limit: 10 })).entries.length, 3);
  });

  test("AdminStore.isEmpty() is so until there is an account or a message", async ({ store }) => {
    assert.equal(await store.admin.isEmpty(), true);
    await store.topics.head("room:lobby");
    assert.equal(await store.admin.isEmpty(), true);
    await store.topics.publish("room:lobby", { from: "eve", text: "hi" }, undefined);
    assert.equal(await store.admin.isEmpty(), false);
  });

  test("AdminStore tells of every server, and orders all of them", async ({ store, place }) => {
    const other = await place.open();
    await login(store, "eve");
    await login(other, "bob");
    assert.deepEqual((await store.admin.servers()).map(({ id, sessions }) => [id, sessions]), [
      [store.id, 1],
      [other.id, 1],
    ]);
    assert.deepEqual((await all(store.admin.sessions())).map(({ user, server }) => [user, server]).sort(), [
      ["bob", other.id],
      ["eve", store.id],
    ]);
    const reports = await store.admin.order({ do: "expel", user: "bob", message: "go" }, 50);
    assert.deepEqual(reports.map(({ server }) => server), [store.id, other.id]);
    assert.ok(other.signals.some((signal) => signal.kind === "order" && signal.order.do === "expel"));
  }, { demand: "several servers" });
}
