/** The contract of {@linkcode Sessions}: what a claim takes the place of, and nothing that a late step of a former one could touch. */

import assert from "node:assert/strict";
import { account, claim, claimed, connectionId, type Declare, login, reasserted } from "./suite.ts";

/** Declares the tests. */
export function claimsContract(test: Declare): void {
  test("Sessions.claim() gives a session of this server, in the room that it names", async ({ store }) => {
    await store.accounts.create(account("Eve"));
    const connection = connectionId();
    const result = claimed(await claim(store, "Eve", { connection, room: "general" }));
    const { claim: number, since, ...session } = result.session;
    const expected = { user: "Eve", server: store.id, connection, many: false, rooms: ["general"] };
    assert.deepEqual(session, { ...expected, device: "", client: "" });
    assert(Number.isSafeInteger(number) && number > 0);
    assert(Number.isSafeInteger(since) && Math.abs(since - Date.now()) < 60_000);
    assert.deepEqual([result.superseded, { ...result.savedPositions }], [[], {}]);
  });

  test("Sessions.claim() grows its number with every claim, also after the session ended", async ({ store }) => {
    await store.accounts.create(account("eve"));
    let last = 0;
    for (let i = 0; i < 6; i++) {
      const { session } = claimed(await claim(store, "eve"));
      assert(session.claim > last, `${session.claim} after ${last}`);
      last = session.claim;
      if (i % 2) await store.sessions.end(session, i % 3 === 0);
    }
  });

  test("Sessions.claim() with force supersedes the earlier session, and names it", async ({ store }) => {
    const earlier = await login(store, "eve", { room: "general" });
    const { session, superseded } = claimed(await claim(store, "eve"));
    assert.deepEqual(superseded, [earlier]);
    assert.deepEqual(await store.sessions.members("general"), []);
    assert.deepEqual(await store.sessions.members("lobby"), ["eve"]);
    assert.deepEqual(await store.sessions.online(), ["eve"]);
    assert.equal(await store.sessions.move(earlier, "general"), undefined);
    assert.deepEqual({ ...await store.sessions.move(session, "general") }, { ...session, rooms: ["general"] });
  });

  test("Sessions.claim() with reject leaves a live session alone", async ({ store }) => {
    const session = await login(store, "eve", { policy: "reject" });
    assert.deepEqual(await claim(store, "eve", { policy: "reject", room: "general" }), { kind: "live" });
    assert.deepEqual(await store.sessions.members("lobby"), ["eve"]);
    const published = await store.topics.publish("room:lobby", { from: "eve", text: "hi" }, session);
    assert.equal(published.kind, "published");
    assert(await store.sessions.move(session, "general"));
  });

  test("Sessions.claim() with reject goes through once the session has ended, or its connection dropped", async ({ store }) => {
    const first = await login(store, "eve");
    await store.sessions.end(first, false);
    const second = claimed(await claim(store, "eve", { policy: "reject" }));
    assert.deepEqual(second.superseded, []);
    await store.sessions.detach(second.session);
    const third = claimed(await claim(store, "eve", { policy: "reject" }));
    assert.deepEqual(third.superseded, [second.session]);
    assert.deepEqual(await claim(store, "eve", { policy: "reject" }), { kind: "live" });
  });

  test("Sessions.claim() of one user does not touch another's", async ({ store }) => {
    const eve = await login(store, "eve");
    await login(store, "bob", { policy: "reject" });
    assert.equal(await store.sessions.end(eve, true), "offline");
    assert.deepEqual(await store.sessions.online(), ["bob"]);
  });

  test("Sessions.claim() 20 times at once with force leaves one session, superseding each other once", async ({ store }) => {
    await store.accounts.create(account("eve"));
    const results = await Promise.all(Array.from({ length: 20 }, () => claim(store, "eve")));
    const all = results.map(claimed);
    const winner = all.reduce((last, result) => result.session.claim > last.session.claim ? result : last).session;
    assert.equal(new Set(all.map(({ session }) => session.claim)).size, 20);
    const superseded = all.flatMap(({ superseded }) => superseded.map(({ connection }) => connection));
    const others = all.map(({ session }) => session.connection).filter((id) => id !== winner.connection);
    assert.deepEqual(superseded.sort(), others.sort());
    assert.deepEqual([await store.sessions.online(), await store.sessions.members("lobby")], [["eve"], ["eve"]]);
    for (const { session } of all) {
      assert.equal(await store.sessions.end(session, true), session === winner ? "offline" : "not_held");
    }
    assert.deepEqual([await store.sessions.online(), await store.sessions.members("lobby")], [[], []]);
  });

  test("Sessions.claim() 20 times at once with reject lets one through", async ({ store }) => {
    await store.accounts.create(account("eve"));
    const results = await Promise.all(Array.from({ length: 20 }, () => claim(store, "eve", { policy: "reject" })));
    assert.deepEqual(results.map(({ kind }) => kind).sort(), ["claimed", ...Array(19).fill("live")]);
    const { session } = results.find((result) => result.kind === "claimed")!;
    assert.equal(await store.sessions.end(session, true), "offline");
  });

  test("Sessions.move() changes the room, for the store and for both rooms' members", async ({ store }) => {
    const session = await login(store, "eve");
    await login(store, "bob");
    const moved = await store.sessions.move(session, "general");
    assert.deepEqual({ ...moved }, { ...session, rooms: ["general"] });
    assert.deepEqual(await store.sessions.members("lobby"), ["bob"]);
    assert.deepEqual(await store.sessions.members("general"), ["eve"]);
    const back = await store.sessions.move(moved!, "lobby");
    assert.deepEqual(await store.sessions.members("lobby"), ["bob", "eve"]);
    assert.deepEqual(await store.sessions.members("general"), []);
    assert.equal(back!.rooms[0], "lobby");
  });

  test("Sessions.end() ends a session once", async ({ store }) => {
    const session = await login(store, "eve");
    assert.equal(await store.sessions.end(session, false), "offline");
    assert.deepEqual(await store.sessions.online(), []);
    assert.deepEqual(await store.sessions.members("lobby"), []);
    assert.equal(await store.sessions.end(session, false), "not_held");
    assert.equal(await store.sessions.move(session, "general"), undefined);
    assert.deepEqual(await store.sessions.members("general"), []);
  });

  test("Sessions: no late step of a superseded connection changes anything", async ({ store }) => {
    const { sessions } = store;
    const late = await login(store, "eve", { room: "general" });
    const { session } = claimed(await claim(store, "eve", { room: "general", tokenHash: "present" }));
    await sessions.savePositions(session, { "room:general": "here" });
    assert.equal(await sessions.end(late, true), "not_held");
    assert.equal(await sessions.move(late, "lobby"), undefined);
    assert.equal(await sessions.renewToken(late, "other"), false);
    assert.deepEqual(await sessions.reassert(late, { tokenHash: "other" }), { kind: "superseded" });
    await sessions.detach(late);
    await sessions.savePositions(late, { "room:general": "there", "room:lobby": "there" });
    assert.deepEqual(await sessions.online(), ["eve"]);
    assert.deepEqual([...await sessions.rooms()], [["general", 1]]);
    assert.deepEqual(await claim(store, "eve", { policy: "reject" }), { kind: "live" });
    const resumed = claimed(await claim(store, "eve", { presentedHash: "present" }));
    assert.deepEqual(resumed.superseded, [session]);
    assert.deepEqual({ ...resumed.savedPositions }, { "room:general": "here" });
  });

  test("Sessions: two ends of one session at once end it once, and its successor stays", async ({ store }) => {
    const session = await login(store, "eve");
    const [one, two, next] = await Promise.all([
      store.sessions.end(session, false),
      store.sessions.end(session, false),
      claim(store, "eve"),
    ]);
    assert([one, two].includes("not_held"));
    assert.deepEqual(await store.sessions.online(), ["eve"]);
    assert.equal(await store.sessions.end(claimed(next).session, false), "offline");
  });

  test("Sessions.reassert() of a session that is held changes nothing but its claim", async ({ store }) => {
    const session = await login(store, "eve", { room: "general", tokenHash: "present" });
    const result = reasserted(await store.sessions.reassert(session, { tokenHash: "present" }));
    assert.deepEqual([{ ...result.session, claim: session.claim }, result.wasGone], [session, false]);
    assert(result.session.claim >= session.claim);
    assert.deepEqual(await store.sessions.members("general"), ["eve"]);
    const { kind } = await store.topics.publish("room:general", { from: "eve", text: "hi" }, result.session);
    assert.equal(kind, "published");
    assert.equal((await claim(store, "eve", { presentedHash: "present" })).kind, "claimed");
  });
}
