/** The contract of {@linkcode Accounts}: who is away, and until when. */

import assert from "node:assert/strict";
import type { TestStore } from "../support/stores.ts";
import { account, claim, claimed, type Declare, login, reasserted } from "./suite.ts";

async function away(store: TestStore, user = "eve"): Promise<string | undefined> {
  const text = (await store.accounts.find(user))?.away;
  assert.equal((await store.accounts.away([user])).get(user), text, "both ways of asking tell the same");
  return text;
}

/** Declares the tests. */
export function awayContract(test: Declare): void {
  test("Accounts.setAway() says that a user is away, and is back; only those who are away are listed", async ({ store }) => {
    const { accounts } = store;
    const session = await login(store, "Eve");
    await login(store, "bob");
    assert.equal(await away(store, "Eve"), undefined);
    assert.equal(await accounts.setAway("Eve", "lunch", session), true);
    assert.equal(await accounts.setAway("eve", "déjeuner: 一時", session), true);
    assert.deepEqual({ ...await accounts.find("EVE") }, account("Eve", { away: "déjeuner: 一時" }));
    assert.deepEqual([...await accounts.away(["bob", "Eve", "nobody"])], [["Eve", "déjeuner: 一時"]]);
    assert.deepEqual([...await accounts.away([])], []);
    assert.equal(await accounts.setAway("Eve", undefined, session), true);
    assert.deepEqual({ ...await accounts.find("eve") }, account("Eve"));
    assert.deepEqual([...await accounts.away(["bob", "Eve"])], []);
  });

  test("Accounts.setAway() without a session goes by any session of the user, and fails where there is none", async ({ store }) => {
    await store.accounts.create(account("eve"));
    assert.equal(await store.accounts.setAway("eve", "lunch"), false);
    assert.equal(await store.accounts.setAway("nobody", "lunch"), false);
    assert.equal(await store.accounts.find("nobody"), undefined);
    assert.equal(await away(store), undefined);
    const session = await login(store, "eve");
    assert.equal(await store.accounts.setAway("EVE", "lunch"), true);
    assert.equal(await away(store), "lunch");
    assert.equal(await store.accounts.setAway("eve", undefined), true);
    assert.equal(await away(store), undefined);
    await store.sessions.end(session, false);
    assert.equal(await store.accounts.setAway("eve", "lunch"), false);
  });

  test("Accounts.setAway() of a session that was superseded or has ended changes nothing", async ({ store }) => {
    const late = await login(store, "eve");
    const { session } = claimed(await claim(store, "eve"));
    assert.equal(await store.accounts.setAway("eve", "late", late), false);
    assert.equal(await away(store), undefined);
    await store.accounts.setAway("eve", "lunch", session);
    assert.equal(await store.accounts.setAway("eve", undefined, late), false);
    assert.equal(await store.sessions.end(late, true), "not_held");
    assert.equal(await away(store), "lunch");
    await store.sessions.end(session, true);
    assert.equal(await store.accounts.setAway("eve", "lunch", session), false);
    assert.equal(await away(store), undefined);
  });

  test("Accounts: away stays over a move, a drop, a resume and a login that supersedes", async ({ store }) => {
    const first = await login(store, "eve", { tokenHash: "one" });
    await store.accounts.setAway("eve", "lunch", first);
    const moved = (await store.sessions.move(first, "general"))!;
    await store.sessions.renewToken(moved, "renewed");
    await store.sessions.detach(moved);
    assert.equal(await away(store), "lunch");
    claimed(await claim(store, "eve", { presentedHash: "renewed", tokenHash: "two" }));
    assert.equal(await away(store), "lunch");
    const { session } = claimed(await claim(store, "eve", { tokenHash: "three" }));
    assert.equal(await away(store), "lunch");
    await store.sessions.reassert(session, { tokenHash: "three" });
    assert.equal(await away(store), "lunch");
    await store.sessions.end(session, false);
  });

  test("Accounts: away ends with the session; a resume of it brings it back", async ({ store }) => {
    const session = await login(store, "eve", { tokenHash: "one" });
    await store.accounts.setAway("eve", "lunch", session);
    await store.sessions.end(session, false);
    assert.equal(await away(store), undefined);
    const back = claimed(await claim(store, "eve", { presentedHash: "one", tokenHash: "two" }));
    assert.equal(await away(store), "lunch");
    await store.accounts.setAway("eve", undefined, back.session);
    await store.sessions.end(back.session, false);
    claimed(await claim(store, "eve", { presentedHash: "two", tokenHash: "three" }));
    assert.equal(await away(store), undefined, "who was back is not away again");
  });

  test("Accounts: away does not come back by a login, nor by a resume after it", async ({ store }) => {
    const session = await login(store, "eve", { tokenHash: "one" });
    await store.accounts.setAway("eve", "lunch", session);
    await store.sessions.end(session, false);
    const next = claimed(await claim(store, "eve", { tokenHash: "two" }));
    assert.equal(await away(store), undefined);
    await store.sessions.end(next.session, false);
    claimed(await claim(store, "eve", { presentedHash: "two", tokenHash: "three" }));
    assert.equal(await away(store), undefined);
  });

  test("Accounts: away ends for good where the tokens end with the session", async ({ store }) => {
    const session = await login(store, "eve", { tokenHash: "one" });
    await store.accounts.setAway("eve", "lunch", session);
    await store.sessions.end(session, true);
    assert.equal(await away(store), undefined);
    claimed(await claim(store, "eve"));
    assert.equal(await away(store), undefined);
  });

  test("Accounts: away stays with a new password, and with a session that has renewed its tokens", async ({ store }) => {
    const session = await login(store, "eve", { tokenHash: "one" });
    await store.accounts.setAway("eve", "lunch", session);
    await store.accounts.setHash("eve", "new");
    await store.sessions.renewToken(session, "two");
    assert.equal(await away(store), "lunch");
    await store.sessions.end(session, false);
    claimed(await claim(store, "eve", { presentedHash: "two" }));
    assert.equal(await away(store), "lunch");
  });

  test("Accounts: away is back with a session that is held again after it was ended", async ({ store }) => {
    const session = await login(store, "eve", { tokenHash: "one" });
    await store.accounts.setAway("eve", "lunch", session);
    const [other] = await Promise.all([store.sessions.held()]);
    await store.sessions.end(other[0], false);
    assert.equal(await away(store), undefined);
    const result = reasserted(await store.sessions.reassert(session, { tokenHash: "one" }));
    assert.equal(result.wasGone, true);
    assert.equal(await away(store), "lunch");
  }, { demand: "several servers" });

  test(
    "Accounts: away comes back by a resume after a restart, not by a login, and nobody who is gone is away",
    async ({ store, place }) => {
      for (const user of ["eve", "bob", "ann"]) {
        await store.accounts.setAway(user, "lunch", await login(store, user, { tokenHash: user }));
      }
      for (const session of await store.sessions.held()) await store.sessions.detach(session);
      await store[Symbol.asyncDispose]();

      const again = await place.open({ id: store.id });
      await again.servers.sweep();
      assert.deepEqual([...await again.accounts.away(["eve", "bob", "ann"])], []);
      claimed(await claim(again, "eve", { presentedHash: "eve" }));
      claimed(await claim(again, "bob"));
      assert.deepEqual([...await again.accounts.away(["eve", "bob", "ann"])], [["eve", "lunch"]]);
    },
    { demand: "lasting data" },
  );

  test("AdminStore.accounts() gives accounts without what they said on going away", async ({ store }) => {
    await store.accounts.setAway("eve", "lunch", await login(store, "eve"));
    const [record] = await Array.fromAsync(store.admin.accounts());
    assert.deepEqual(JSON.stringify(record).includes("lunch"), false);
  });
}
