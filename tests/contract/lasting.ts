/** The contract of {@linkcode Store}: what is there when a store is opened again, and what servers share. */

import assert from "node:assert/strict";
import { account, claim, claimed, type Declare, login } from "./suite.ts";

/** Declares the tests. */
export function lastingContract(test: Declare): void {
  test("Store keeps accounts, follows, logs and read marks over a restart", async ({ store, place }) => {
    const { accounts, topics } = store;
    for (const name of ["Eve", "bob"]) await accounts.create(account(name));
    await accounts.setHash("bob", "new");
    await accounts.follow("bob", "Eve", 10);
    const logged = ["room:general", "feed:eve", "inbox:bob"] as const;
    for (const topic of logged) {
      for (const text of ["one", "two", "three"]) {
        await topics.publish(topic, { from: "Eve", text, to: "bob" }, undefined);
      }
    }
    await topics.markRead("inbox:bob", 1);
    const pages = await Promise.all(logged.map((topic) => topics.read(topic, { limit: 10 })));
    await store[Symbol.asyncDispose]();

    const again = await place.open();
    assert.deepEqual({ ...await again.accounts.find("eve") }, account("Eve"));
    assert.deepEqual({ ...await again.accounts.find("bob") }, account("bob", { hash: "new", passwords: 1 }));
    assert.equal(await again.accounts.create(account("EVE")), false);
    assert.deepEqual([await again.accounts.follows("bob"), await again.accounts.followers("eve")], [["Eve"], ["bob"]]);
    assert.deepEqual(await Promise.all(logged.map((topic) => again.topics.read(topic, { limit: 10 }))), pages);
    assert.equal(await again.topics.readMark("inbox:bob"), 1);
    const next = await again.topics.publish("feed:eve", { from: "Eve", text: "four" }, undefined);
    assert.equal(next.kind === "published" && next.seq, 4);
  }, { demand: "lasting data" });

  test(
    "Store keeps publishes that were not awaited when it was closed, or says that they failed",
    async ({ store, place }) => {
      const publishing = Promise.allSettled(
        ["one", "two"].map((text) => store.topics.publish("feed:eve", { from: "eve", text }, undefined)),
      );
      await store[Symbol.asyncDispose]();
      const confirmed = (await publishing).flatMap((one) =>
        one.status === "fulfilled" && one.value.kind === "published" ? one.value.seq : []
      );
      const again = await place.open();
      const { seq } = await again.topics.head("feed:eve");
      assert(confirmed.every((number) => number <= seq), `${confirmed} of ${seq}`);
    },
    { demand: "lasting data" },
  );

  test("Store keeps cids, resume tokens and where sessions stood over a restart", async ({ store, place }) => {
    const session = await login(store, "eve", { tokenHash: "one", room: "general" });
    await store.sessions.savePositions(session, { "room:general": "here" });
    const draft = { from: "eve", text: "hi", cid: "x" };
    await store.topics.publish("room:general", draft, session);
    await store[Symbol.asyncDispose]();

    const again = await place.open();
    const { session: resumed, savedPositions: stood } = claimed(await claim(again, "eve", { presentedHash: "one" }));
    assert.equal(resumed.rooms[0], "general");
    assert.deepEqual({ ...stood }, { "room:general": "here" });
    assert(resumed.claim > session.claim, "a claim only grows");
    const result = await again.topics.publish("room:general", draft, resumed);
    assert.deepEqual(result.kind === "published" && [result.seq, result.repeated], [1, true]);
  }, { demand: "lasting data" });

  test("Servers.join() takes the id that it is told, else server1", async ({ store, place }) => {
    assert.equal(store.id, "server1");
    await store[Symbol.asyncDispose]();
    const named = await place.open({ id: "named" });
    assert.equal(named.id, "named");
    assert.equal((await login(named, "eve")).server, "named");
  }, { demand: "lasting data" });

  test("Servers keeps a lease that is renewed, finds nobody dead, and gives it up", async ({ store }) => {
    const { servers, sessions } = store;
    await login(store, "eve");
    assert.equal(await servers.renew(), "kept");
    assert.deepEqual(await servers.sweep(), []);
    await servers.probe();
    assert.deepEqual(await sessions.online(), ["eve"]);
    await servers.leave(0);
  });

  test(
    "Servers.probeWriting() changes nothing that anybody reads, and may be asked again and again",
    async ({ store }) => {
      await login(store, "eve");
      for (let i = 0; i < 3; i++) await store.servers.probeWriting();
      assert.deepEqual(await store.sessions.online(), ["eve"]);
      assert.equal(await store.servers.renew(), "kept");
    },
    { demand: "lasting data" },
  );

  test("Store is available while it is open", ({ store }) => {
    assert.equal(store.available, true);
    return Promise.resolve();
  });
}
