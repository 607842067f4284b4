/** The contract of {@linkcode AccessTokens}. */

import assert from "node:assert/strict";
import type { AccessToken } from "../../lib/store/accounts/access_tokens.ts";
import type { TestStore } from "../support/stores.ts";
import type { Declare } from "./suite.ts";

function token(name: string, rest: Partial<AccessToken> = {}): AccessToken {
  return { id: `id_${name}`, name, hash: `hash_${name}`, scopes: ["say"], topics: [], created: 1_000, ...rest };
}

async function names(store: TestStore, user = "eve"): Promise<string[]> {
  return (await store.accessTokens.list(user)).map(({ name }) => name);
}

/** Declares the tests. */
export function accessTokensContract(test: Declare): void {
  test("AccessTokens.list() gives all that a token is, by name, by user, in any case", async ({ store }) => {
    const { accessTokens } = store;
    const ci = token("ci", {
      scopes: ["say", "history"],
      topics: ["room:ops", "inbox:b"],
      expires: Date.now() + 60_000,
    });
    assert.equal(await accessTokens.add("Eve", ci, 8), "added");
    assert.equal(await accessTokens.add("eve", token("backup"), 8), "added");
    assert.equal(await accessTokens.add("bob", token("ci"), 8), "added");
    assert.deepEqual(await accessTokens.list("EVE"), [token("backup"), ci]);
    assert.deepEqual(await accessTokens.list("nobody"), []);
  });

  test("AccessTokens.add() replaces no token, and adds none to as many as there may be", async ({ store }) => {
    const { accessTokens } = store;
    for (const name of ["a", "b"]) assert.equal(await accessTokens.add("eve", token(name), 2), "added");
    assert.equal(await accessTokens.add("eve", token("a", { hash: "other" }), 3), "taken");
    assert.equal(await accessTokens.add("eve", token("c"), 2), "full");
    assert.deepEqual(await accessTokens.list("eve"), [token("a"), token("b")]);
  });

  test("AccessTokens.add() by many at once adds as many as may be", async ({ store }) => {
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, n) => store.accessTokens.add("eve", token(`t${n}`), 4)),
    );
    assert.equal(outcomes.filter((outcome) => outcome === "added").length, 4);
    assert.equal((await names(store)).length, 4);
  });

  test("AccessTokens.use() finds a token by its hash and its user, and notes when", async ({ store }) => {
    const { accessTokens } = store;
    await accessTokens.add("eve", token("ci"), 8);
    assert.equal(await accessTokens.use("bob", "hash_ci"), undefined);
    assert.equal(await accessTokens.use("eve", "id_ci"), undefined);
    const used = await accessTokens.use("EVE", "hash_ci");
    assert.ok(used?.used! > 1_600_000_000_000, `${used?.used}`);
    assert.deepEqual(await accessTokens.list("eve"), [{ ...token("ci"), used: used!.used }]);
  });

  test("AccessTokens has no token that has expired, whose name is free again", async ({ store }) => {
    const { accessTokens } = store;
    await accessTokens.add("eve", token("ci", { expires: 2_000 }), 1);
    assert.deepEqual(await accessTokens.list("eve"), []);
    assert.equal(await accessTokens.use("eve", "hash_ci"), undefined);
    assert.equal(await accessTokens.add("eve", token("ci", { hash: "new" }), 1), "added");
    assert.equal((await accessTokens.use("eve", "new"))?.name, "ci");
    await accessTokens.add("bob", token("ci", { expires: 2_000 }), 1);
    assert.equal(await accessTokens.revoke("bob", "ci"), undefined);
  });

  test("AccessTokens.revoke() removes a token, whose use is worth nothing afterwards", async ({ store }) => {
    const { accessTokens } = store;
    for (const name of ["a", "b"]) await accessTokens.add("eve", token(name), 8);
    assert.deepEqual(await accessTokens.revoke("EVE", "a"), token("a"));
    assert.equal(await accessTokens.revoke("eve", "a"), undefined);
    assert.equal(await accessTokens.use("eve", "hash_a"), undefined);
    assert.deepEqual(await names(store), ["b"]);
  });

  test("AccessTokens last in what is exported and put in again, and beyond a new password", async ({ store }) => {
    await store.accounts.create({ name: "eve", hash: "h", role: "user", created: 1 });
    await store.accessTokens.add("eve", token("ci", { topics: ["room:ops"] }), 8);
    await store.accounts.setHash("eve", "other");
    for await (const record of store.admin.accounts()) {
      assert.deepEqual(record.accessTokens, [token("ci", { topics: ["room:ops"] })]);
      await store.admin.putAccount({ ...record, name: "bob" });
    }
    assert.deepEqual(await store.accessTokens.list("bob"), [token("ci", { topics: ["room:ops"] })]);
  });
}
