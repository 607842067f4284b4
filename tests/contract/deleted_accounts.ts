/** The contract of deleting an account, see {@linkcode Accounts}. */

import assert from "node:assert/strict";
import type { Declare } from "./suite.ts";

const eve = { name: "Eve", hash: "h", role: "admin", created: 1 } as const;

/** Declares the tests. */
export function deletedAccountsContract(test: Declare): void {
  test("Accounts.delete() leaves the name taken, and messages by another one", async ({ store }) => {
    const { accounts, topics, talks } = store;
    await accounts.create(eve);
    await topics.publish("room:lobby", { from: "Eve", text: "hello" }, undefined);
    await topics.publish("inbox:bob", { from: "Eve", text: "psst", to: "bob" }, undefined);
    assert.equal(await accounts.delete("eve", "deleted-1", 7), undefined, "the password was changed");
    assert.equal(await accounts.delete("nobody", "deleted-1", 0), undefined);
    assert.equal(await accounts.deleted("eve"), undefined);
    assert.equal(await accounts.delete("eve", "deleted-1", 0), 1);
    assert.equal(await accounts.delete("eve", "deleted-2", 1), undefined, "it is deleted");
    assert.equal(await accounts.find("eve"), undefined);
    assert.equal(await accounts.create({ ...eve, name: "EVE" }), false);
    for (const name of ["EVE", "deleted-1"]) assert.equal(await accounts.deleted(name), "eve");
    const { entries: [said] } = await topics.read("room:lobby", { limit: 1 });
    assert.equal(said!.from, "deleted-1");
    const { entries: [written] } = await topics.readTalk("inbox:bob", "eve", { limit: 1 });
    assert.equal(written!.from, "deleted-1");
    const [talk] = await talks.list("bob", { limit: 1 });
    assert.equal(talk!.user, "deleted-1");
  });

  test("Accounts.clear() removes what a deleted account had", async ({ store }) => {
    const { accounts } = store;
    for (const name of ["Eve", "Bob"]) await accounts.create({ ...eve, name });
    await accounts.follow("Eve", "Bob", 9);
    await accounts.follow("Bob", "Eve", 9);
    await accounts.block("Eve", "Bob", 9);
    await store.deviceKeys.announce("eve", "key", 9);
    await store.requests.setFrom("eve", "contacts");
    const token = { id: "i", name: "ci", hash: "t", scopes: ["say"], topics: [], created: 1 };
    await store.accessTokens.add("eve", token, 9);
    await accounts.delete("eve", "deleted-1", 0);
    await accounts.clear("Eve");
    assert.deepEqual(await accounts.follows("Bob"), []);
    assert.deepEqual([await accounts.follows("eve"), await accounts.blocks("eve")], [[], []]);
    assert.deepEqual([await store.deviceKeys.list("eve"), await store.accessTokens.list("eve")], [[], []]);
    assert.equal(await store.requests.from("eve"), "everyone");
  });

  test("A deleted account is exported and put in again as one", async ({ store }) => {
    await store.accounts.create(eve);
    await store.accounts.delete("eve", "deleted-1", 0);
    for await (const record of store.admin.accounts()) {
      assert.equal(record.deleted, "deleted-1");
      await store.admin.putAccount({ ...record, name: "mallory", deleted: "deleted-2" });
    }
    await store.accounts.loadDeleted();
    assert.equal(await store.accounts.find("mallory"), undefined);
    assert.equal(await store.accounts.deleted("deleted-2"), "mallory");
  });
}
