/** The contract of {@linkcode TwoFactors}. */

import assert from "node:assert/strict";
import type { TestStore } from "../support/stores.ts";
import { account, type Declare } from "./suite.ts";

/** Makes an account with a second factor that is on. */
async function switchOn({ accounts, twoFactor }: TestStore, user: string, recovery: readonly string[]): Promise<void> {
  await accounts.create(account(user));
  assert.equal(await twoFactor.begin(user, "SECRET"), true);
  assert.equal(await twoFactor.confirm(user, "SECRET", 100, recovery), true);
}

/** Declares the tests. */
export function twoFactorContract(test: Declare): void {
  test("TwoFactors.begin() keeps the newest secret, and confirm() switches it on", async ({ store }) => {
    const { accounts, twoFactor } = store;
    assert.equal(await twoFactor.begin("eve", "FIRST"), false, "there is no such account");
    assert.equal(await twoFactor.find("eve"), undefined);
    await accounts.create(account("Eve"));
    for (const secret of ["FIRST", "SECOND"]) assert.equal(await twoFactor.begin("eve", secret), true);
    assert.deepEqual(await twoFactor.find("EVE"), { secret: "SECOND", on: false, step: 0, recovery: [] });
    assert.equal(await twoFactor.spendStep("eve", 5), false);
    assert.equal(await twoFactor.confirm("eve", "FIRST", 7, []), false);
    assert.equal(await twoFactor.confirm("eve", "SECOND", 7, ["aa", "bb"]), true);
    assert.equal(await twoFactor.confirm("eve", "SECOND", 7, ["cc"]), false);
    assert.equal(await twoFactor.begin("eve", "THIRD"), false);
    const { recovery, ...rest } = (await twoFactor.find("eve"))!;
    assert.deepEqual(rest, { secret: "SECOND", on: true, step: 7 });
    assert.deepEqual([...recovery].sort(), ["aa", "bb"]);
  });

  test("TwoFactors.spendStep() uses a step up, and all before it", async ({ store }) => {
    await switchOn(store, "Eve", []);
    const { twoFactor } = store;
    assert.equal(await twoFactor.spendStep("eve", 100), false);
    assert.equal(await twoFactor.spendStep("EVE", 102), true);
    for (const step of [102, 101]) assert.equal(await twoFactor.spendStep("eve", step), false);
    assert.equal(await twoFactor.spendStep("eve", 103), true);
    assert.equal(await twoFactor.spendStep("nobody", 103), false);
  });

  for (const demand of [undefined, "several servers"] as const) {
    test(`TwoFactors let one of many have a code${demand ? " on two servers" : ""}`, async ({ place, store }) => {
      const other = demand ? await place.open() : store;
      await switchOn(store, "eve", ["aa", "bb"]);
      const stores = Array.from({ length: 10 }, (_, index) => [store, other][index % 2]!.twoFactor);
      const steps = await Promise.all(stores.map((each) => each.spendStep("eve", 101)));
      assert.equal(steps.filter(Boolean).length, 1);
      const codes = await Promise.all(stores.map((each) => each.spendRecovery("eve", "aa")));
      assert.equal(codes.filter(Boolean).length, 1);
      assert.deepEqual((await store.twoFactor.find("eve"))!.recovery, ["bb"]);
    }, demand && { demand });
  }

  test("TwoFactors.spendRecovery() uses a recovery code up", async ({ store }) => {
    await switchOn(store, "Eve", ["aa", "bb"]);
    const { twoFactor } = store;
    assert.equal(await twoFactor.spendRecovery("eve", "cc"), false);
    assert.equal(await twoFactor.spendRecovery("EVE", "aa"), true);
    assert.equal(await twoFactor.spendRecovery("eve", "aa"), false);
    assert.equal(await twoFactor.spendRecovery("nobody", "bb"), false);
    assert.deepEqual((await twoFactor.find("eve"))!.recovery, ["bb"]);
  });

  test("TwoFactors.remove() switches it off, and nothing of it is left", async ({ store }) => {
    await switchOn(store, "Eve", ["aa"]);
    const { twoFactor } = store;
    assert.equal(await twoFactor.remove("EVE"), true);
    assert.equal(await twoFactor.remove("eve"), false);
    assert.equal(await twoFactor.find("eve"), undefined);
    assert.equal(await twoFactor.spendStep("eve", 200), false);
    assert.equal(await twoFactor.begin("eve", "NEXT"), true);
    assert.equal(await twoFactor.remove("eve"), false, "it was not confirmed");
  });

  test("AdminStore moves a second factor with its account", async ({ store }) => {
    await switchOn(store, "Eve", ["aa", "bb"]);
    await store.accounts.create(account("fay"));
    await store.twoFactor.begin("fay", "PENDING");
    const records = await Array.fromAsync(store.admin.accounts());
    const [eve, fay] = ["Eve", "fay"].map((name) => records.find((record) => record.name === name)!);
    assert.equal(fay!.twoFactor, undefined, "what is not confirmed is nothing that lasts");
    const { recovery, ...rest } = eve!.twoFactor!;
    assert.deepEqual(rest, { secret: "SECRET", step: 100 });
    assert.deepEqual([...recovery].sort(), ["aa", "bb"]);
    assert.equal(await store.admin.putAccount({ ...eve!, name: "Gus" }), true);
    assert.deepEqual(await store.twoFactor.find("gus"), { ...eve!.twoFactor!, on: true });
    assert.equal(await store.admin.putAccount({ ...fay!, name: "Gus" }), false);
    assert.equal((await store.twoFactor.find("gus"))!.on, true);
  });
}
