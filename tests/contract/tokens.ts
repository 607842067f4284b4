/** The contract of {@linkcode Sessions}: resume tokens, and where a session stood. */

import assert from "node:assert/strict";
import { claim, claimed, type Declare, login, reasserted } from "./suite.ts";
import type { TestStore } from "../support/stores.ts";

/** Presents a token, and makes the next. */
async function resume(
  store: TestStore,
  presentedHash: string,
  tokenHash: string,
  policy: "force" | "reject" = "force",
) {
  return await claim(store, "eve", { presentedHash, tokenHash, policy, room: "ignored" });
}

/** Declares the tests. */
export function tokensContract(test: Declare): void {
  test("Sessions.claim() with a token brings the session back to the room that it was in", async ({ store }) => {
    const session = await login(store, "eve", { tokenHash: "one" });
    const moved = await store.sessions.move(session, "general");
    await store.sessions.detach(moved!);
    const resumed = claimed(await resume(store, "one", "two", "reject"));
    assert.equal(resumed.session.rooms[0], "general");
    assert.deepEqual(resumed.superseded, [moved]);
    assert(resumed.session.claim > session.claim);
    assert.deepEqual(await store.sessions.members("general"), ["eve"]);
  });

  test("Sessions.claim() with a token goes through after the session ended, unless its tokens ended with it", async ({ store }) => {
    const session = await login(store, "eve", { tokenHash: "one", room: "general" });
    await store.sessions.end(session, false);
    const resumed = claimed(await resume(store, "one", "two"));
    assert.deepEqual([resumed.session.rooms[0], resumed.superseded], ["general", []]);
    await store.sessions.end(resumed.session, true);
    for (const token of ["one", "two"]) assert.deepEqual(await resume(store, token, "three"), { kind: "refused" });
    assert.deepEqual(await store.sessions.online(), []);
  });

  test("Sessions.revokeToken() makes a token worthless though its session has ended, with the one before it", async ({ store }) => {
    await login(store, "eve", { tokenHash: "one" });
    const { session } = claimed(await resume(store, "one", "two"));
    await store.sessions.end(session, false);
    await store.sessions.revokeToken("EVE", "", "two");
    for (const token of ["one", "two"]) assert.deepEqual(await resume(store, token, "three"), { kind: "refused" });
  });

  test("Sessions.revokeToken() leaves tokens that came after it", async ({ store }) => {
    await login(store, "eve", { tokenHash: "one" });
    claimed(await resume(store, "one", "two"));
    await store.sessions.revokeToken("eve", "", "one");
    assert.deepEqual(await resume(store, "one", "three"), { kind: "refused" });
    claimed(await resume(store, "two", "three"));
    claimed(await claim(store, "eve", { tokenHash: "four" }));
    for (const token of ["one", "two", "three", "never"]) await store.sessions.revokeToken("eve", "", token);
    claimed(await resume(store, "four", "five"));
  });

  test("Sessions.claim() refuses a token that is unknown or another user's", async ({ store }) => {
    await login(store, "bob", { tokenHash: "bob's" });
    assert.deepEqual(await resume(store, "one", "two"), { kind: "refused" }, "no session ever");
    await login(store, "eve", { tokenHash: "one" });
    for (const token of ["bob's", "none", "on", "one "]) {
      const result = await claim(store, "eve", { presentedHash: token, tokenHash: "two" });
      assert.deepEqual(result, { kind: "refused" }, token);
    }
    assert.deepEqual(await store.sessions.online(), ["bob", "eve"]);
  });

  test("Sessions.claim() keeps a token valid until its successor is first used", async ({ store }) => {
    await login(store, "eve", { tokenHash: "one" });
    claimed(await resume(store, "one", "two"));
    claimed(await resume(store, "one", "three")); // the answer with "two" was lost
    claimed(await resume(store, "three", "four"));
    assert.deepEqual(await resume(store, "one", "five"), { kind: "refused" });
    assert.deepEqual(await resume(store, "two", "five"), { kind: "refused" });
    claimed(await resume(store, "four", "five"));
  });

  test("Sessions.claim() by a login makes earlier tokens worthless", async ({ store }) => {
    await login(store, "eve", { tokenHash: "one" });
    claimed(await resume(store, "one", "two"));
    claimed(await claim(store, "eve", { tokenHash: "three" }));
    for (const token of ["one", "two"]) assert.deepEqual(await resume(store, token, "four"), { kind: "refused" });
    claimed(await resume(store, "three", "four"));
  });

  test("Sessions.claim() with a worthless token says that another session is live where the policy keeps it", async ({ store }) => {
    await login(store, "eve", { tokenHash: "one" });
    const { session } = claimed(await claim(store, "eve", { tokenHash: "two" }));
    assert.deepEqual(await resume(store, "one", "three", "reject"), { kind: "live" });
    assert.deepEqual(await resume(store, "never", "three", "reject"), { kind: "refused" });
    await store.sessions.detach(session);
    assert.deepEqual(await resume(store, "one", "three", "reject"), { kind: "refused" });
  });

  test("Sessions.claim() with its own token supersedes its live session, whatever the policy", async ({ store }) => {
    const session = await login(store, "eve", { tokenHash: "one" });
    const resumed = claimed(await resume(store, "one", "two", "reject"));
    assert.deepEqual(resumed.superseded, [session]);
  });

  test("Sessions.claim() with one token many times at once leaves one session", async ({ store }) => {
    await login(store, "eve", { tokenHash: "one" });
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) => resume(store, "one", `next${index}`, "reject")),
    );
    const all = results.flatMap((result) => result.kind === "claimed" ? result.session : []);
    const last = Math.max(...all.map(({ claim }) => claim));
    assert.deepEqual(await store.sessions.online(), ["eve"]);
    for (const session of all) {
      assert.equal(await store.sessions.end(session, false), session.claim === last ? "offline" : "not_held");
    }
  });

  test("Accounts.setHash() makes resume tokens worthless, and leaves the session", async ({ store }) => {
    const session = await login(store, "eve", { tokenHash: "one" });
    await store.accounts.setHash("EVE", "another");
    assert.deepEqual(await resume(store, "one", "two"), { kind: "refused" });
    assert.equal(await store.sessions.renewToken(session, "two"), true);
    claimed(await resume(store, "two", "three"));
  });

  test("Accounts.replaceHash() leaves resume tokens good", async ({ store }) => {
    await login(store, "eve", { tokenHash: "one" });
    assert.equal(await store.accounts.replaceHash("eve", "hash of eve", "another"), true);
    claimed(await resume(store, "one", "two"));
  });

  test("Sessions.claim() refuses whose password was changed after it was checked", async ({ store }) => {
    const before = await login(store, "eve", { passwords: 0 });
    await store.accounts.setHash("eve", "another");
    assert.deepEqual(await claim(store, "eve", { passwords: 0 }), { kind: "outdated" });
    assert.equal(await store.sessions.renewToken(before, "two"), true, "the session is whose it was");
    claimed(await claim(store, "eve", { passwords: 1 }));
  });

  test("Sessions.reassert() takes no session back that began with an earlier password", async ({ store }) => {
    const session = await login(store, "eve", { passwords: 0 });
    await store.accounts.setHash("eve", "another");
    const again = (passwords: number) => store.sessions.reassert(session, { tokenHash: "one", passwords });
    assert.deepEqual(await again(0), { kind: "outdated" });
    assert.equal(reasserted(await again(1)).session.connection, session.connection);
  });

  test("Sessions.renewToken() takes the place of all tokens before, for the room that the session is in", async ({ store }) => {
    const session = await login(store, "eve", { tokenHash: "one" });
    const moved = await store.sessions.move(session, "general");
    assert.equal(await store.sessions.renewToken(moved!, "two"), true);
    assert.deepEqual(await resume(store, "one", "three"), { kind: "refused" });
    assert.equal(claimed(await resume(store, "two", "three")).session.rooms[0], "general");
  });

  test("Sessions.claim() refuses a token whose time is over", async ({ store, place }) => {
    const session = await login(store, "eve", { tokenHash: "one" });
    await store.sessions.end(session, false);
    await place.passTokenLife("eve");
    assert.deepEqual(await resume(store, "one", "two"), { kind: "refused" });
    claimed(await claim(store, "eve", { tokenHash: "two" }));
    claimed(await resume(store, "two", "three"));
  });

  test("Sessions.stand() is told to a resume, topic by topic the last, and forgotten with a login", async ({ store }) => {
    const { sessions } = store;
    const session = await login(store, "eve", { tokenHash: "one" });
    await sessions.savePositions(session, { "room:lobby": "1", "inbox:eve": "1" });
    await sessions.savePositions(session, { "room:lobby": "2" });
    await sessions.savePositions(session, {});
    await sessions.detach(session);
    const resumed = claimed(await resume(store, "one", "two"));
    assert.deepEqual({ ...resumed.savedPositions }, { "room:lobby": "2", "inbox:eve": "1" });
    await sessions.end(resumed.session, false);
    assert.deepEqual({ ...claimed(await resume(store, "two", "three")).savedPositions }, {
      "room:lobby": "2",
      "inbox:eve": "1",
    });
    assert.deepEqual({ ...claimed(await claim(store, "eve", { tokenHash: "four" })).savedPositions }, {});
    assert.deepEqual({ ...claimed(await resume(store, "four", "five")).savedPositions }, {});
  });
}
