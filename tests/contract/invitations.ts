/** The contract of {@linkcode Invitations}. */

import assert from "node:assert/strict";
import type { Invitation } from "../../lib/store/accounts/invitations.ts";
import { account, type Declare } from "./suite.ts";

let made = 0;

/** An invitation that no test had before. */
function invitation(more: Partial<Invitation> = {}): Invitation {
  const hash = (++made).toString(16).padStart(64, "0");
  return { hash, maker: "root", created: 1_700_000_000_000 + made, expires: Date.now() + 3_600_000, ...more };
}

/** Declares the tests. */
export function invitationsContract(test: Declare): void {
  test("Invitations.accept() makes one account, and isGood() and list() know it", async ({ store }) => {
    const { accounts, invitations } = store;
    const one = invitation();
    assert.equal(await invitations.isGood(one.hash), false);
    assert.equal(await invitations.add(one), true);
    assert.equal(await invitations.add(one), false);
    assert.equal(await invitations.isGood(one.hash), true);
    assert.deepEqual(await invitations.list(), [one]);
    assert.equal(await invitations.accept(one.hash, account("Eve")), "created");
    assert.deepEqual({ ...await accounts.find("eve") }, account("Eve"));
    assert.equal(await invitations.isGood(one.hash), false);
    assert.equal(await invitations.accept(one.hash, account("fay")), "invalid");
    assert.equal(await accounts.find("fay"), undefined);
    assert.deepEqual(await invitations.list(), [{ ...one, user: "Eve" }]);
  });

  test("Invitations.accept() uses nothing up where the name is taken", async ({ store: { accounts, invitations } }) => {
    const one = invitation();
    await invitations.add(one);
    await accounts.create(account("Eve"));
    assert.equal(await invitations.accept(one.hash, account("EVE", { hash: "another" })), "taken");
    assert.deepEqual({ ...await accounts.find("eve") }, account("Eve"));
    assert.deepEqual(await invitations.list(), [one]);
    assert.equal(await invitations.accept(one.hash, account("fay")), "created");
  });

  for (const demand of [undefined, "several servers"] as const) {
    test(
      `Invitations.accept() by many at once makes one account${demand ? " on two servers" : ""}`,
      async ({ place, store }) => {
        const other = demand ? await place.open() : store;
        for (const name of ["many", "same"]) {
          const one = invitation();
          await store.invitations.add(one);
          const names = Array.from({ length: 12 }, (_, index) => name === "same" ? name : `${name}${index}`);
          const results = await Promise.all(
            names.map((name, index) => [store, other][index % 2]!.invitations.accept(one.hash, account(name))),
          );
          const accounts = await Promise.all([...new Set(names)].map((name) => store.accounts.find(name)));
          const there = accounts.filter((found) => found !== undefined);
          assert.equal(results.filter((result) => result === "created").length, 1, results.join());
          assert.deepEqual(there.map(({ name }) => name), [
            (await store.invitations.list()).find((each) => each.hash === one.hash)!.user,
          ]);
        }
      },
      demand && { demand },
    );
  }

  test("Invitations that are over, revoked or unknown make no account", async ({ store: { accounts, invitations } }) => {
    const over = invitation({ expires: Date.now() - 1_000 });
    const back = invitation();
    for (const each of [over, back]) await invitations.add(each);
    assert.equal(await invitations.revoke(back.hash), true);
    assert.equal(await invitations.revoke(back.hash), false);
    for (const { hash } of [over, back, invitation()]) {
      assert.equal(await invitations.isGood(hash), false);
      assert.equal(await invitations.accept(hash, account("eve")), "invalid");
    }
    assert.equal(await accounts.find("eve"), undefined);
    assert.deepEqual(await invitations.list(), [over]);
  });

  test("Invitations.revoke() leaves a used one as it is", async ({ store: { invitations } }) => {
    const [used, kept] = [invitation(), invitation({ user: "fay" })];
    for (const each of [used, kept]) await invitations.add(each);
    await invitations.accept(used.hash, account("eve"));
    for (const { hash } of [used, kept]) {
      assert.equal(await invitations.revoke(hash), false);
      assert.equal(await invitations.isGood(hash), false);
    }
    assert.deepEqual(await invitations.list(), [kept, { ...used, user: "eve" }]);
  });
}
