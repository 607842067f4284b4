/** The contract of {@linkcode Accounts}. */

import assert from "node:assert/strict";
import { account, type Declare } from "./suite.ts";

/** Declares the tests. */
export function accountsContract(test: Declare): void {
  test("Accounts.create() keeps an account as it is, and find() knows it in any case", async ({ store: { accounts } }) => {
    const eve = account("Eve", { role: "admin" });
    assert.equal(await accounts.create(eve), true);
    for (const name of ["Eve", "eve", "EVE"]) assert.deepEqual({ ...await accounts.find(name) }, eve);
    for (const name of ["ev", "eve_", "", "*"]) assert.equal(await accounts.find(name), undefined);
  });

  test("Accounts.create() refuses a name that is taken in another case, and changes nothing", async ({ store }) => {
    const { accounts } = store;
    await accounts.create(account("Eve"));
    assert.equal(await accounts.create(account("eVE", { hash: "another", role: "admin" })), false);
    assert.deepEqual({ ...await accounts.find("eve") }, account("Eve"));
  });

  test("Accounts.create() lets one of many have a name that they want at once", async ({ store: { accounts } }) => {
    const wanted = Array.from({ length: 20 }, (_, index) => account(index % 2 ? "EVE" : "eve", { hash: `${index}` }));
    const results = await Promise.all(wanted.map((account) => accounts.create(account)));
    assert.equal(results.filter(Boolean).length, 1);
    assert.deepEqual({ ...await accounts.find("eve") }, wanted[results.indexOf(true)]);
  });

  test("Accounts takes names that mean something to JavaScript", async ({ store: { accounts } }) => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      assert.equal(await accounts.find(name), undefined);
      assert.equal(await accounts.create(account(name)), true);
      assert.deepEqual({ ...await accounts.find(name) }, account(name));
    }
    await accounts.follow("__proto__", "constructor", 10);
    assert.deepEqual(await accounts.follows("__proto__"), ["constructor"]);
    assert.deepEqual(await accounts.followers("constructor"), ["__proto__"]);
  });

  test("Accounts.setHash() changes the hash, and counts how often it did", async ({ store: { accounts } }) => {
    await accounts.create(account("Eve"));
    assert.equal(await accounts.setHash("eve", "another"), 1);
    assert.deepEqual({ ...await accounts.find("eve") }, account("Eve", { hash: "another", passwords: 1 }));
    assert.equal(await accounts.setHash("EVE", "third", 1), 2);
    assert.equal(await accounts.setHash("eve", "fourth", 1), undefined, "another was here first");
    assert.deepEqual({ ...await accounts.find("eve") }, account("Eve", { hash: "third", passwords: 2 }));
    assert.equal(await accounts.setHash("nobody", "hash"), undefined);
    assert.equal(await accounts.find("nobody"), undefined);
  });

  test("Accounts.setHash() by many who go by the same password lets one do it", async ({ store: { accounts } }) => {
    await accounts.create(account("eve"));
    const set = await Promise.all(Array.from({ length: 10 }, (_, index) => accounts.setHash("eve", `hash${index}`, 0)));
    assert.deepEqual(set.filter((count) => count !== undefined), [1]);
  });

  test("Accounts.replaceHash() replaces the hash that it names, and counts nothing", async ({ store: { accounts } }) => {
    await accounts.create(account("Eve"));
    assert.equal(await accounts.replaceHash("EVE", "hash of Eve", "another"), true);
    assert.deepEqual({ ...await accounts.find("eve") }, account("Eve", { hash: "another" }));
    assert.equal(await accounts.replaceHash("eve", "hash of Eve", "late"), false);
    assert.equal(await accounts.replaceHash("nobody", "", "hash"), false);
    assert.deepEqual({ ...await accounts.find("eve") }, account("Eve", { hash: "another" }));
  });

  test("Accounts.follow() is seen from both sides, sorted, with names as registered", async ({ store: { accounts } }) => {
    for (const name of ["Ann", "bob", "Cid"]) await accounts.create(account(name));
    for (const target of ["bob", "Cid", "Ann"]) assert.equal(await accounts.follow("Ann", target, 10), true);
    await accounts.follow("bob", "Cid", 10);
    assert.deepEqual(await accounts.follows("ANN"), ["Ann", "Cid", "bob"]);
    assert.deepEqual(await accounts.followers("cid"), ["Ann", "bob"]);
    assert.deepEqual(await accounts.follows("Cid"), []);
    assert.deepEqual(await accounts.followers("nobody"), []);
  });

  test("Accounts.follow() twice is following once, and unfollow() ends it", async ({ store: { accounts } }) => {
    for (const name of ["ann", "bob"]) await accounts.create(account(name));
    assert.deepEqual([await accounts.follow("ann", "bob", 1), await accounts.follow("ann", "bob", 1)], [true, true]);
    assert.deepEqual([await accounts.follows("ann"), await accounts.followers("bob")], [["bob"], ["ann"]]);
    await accounts.unfollow("ann", "bob");
    await accounts.unfollow("ann", "bob");
    assert.deepEqual([await accounts.follows("ann"), await accounts.followers("bob")], [[], []]);
  });

  test("Accounts.follow() refuses more than the limit, also where many are wanted at once", async ({ store }) => {
    const { accounts } = store;
    const names = Array.from({ length: 10 }, (_, index) => `user${index}`);
    for (const name of ["ann", ...names]) await accounts.create(account(name));
    const results = await Promise.all(names.map((target) => accounts.follow("ann", target, 4)));
    assert.equal(results.filter(Boolean).length, 4);
    const followed = names.filter((_, index) => results[index]);
    assert.deepEqual(await accounts.follows("ann"), followed);
    const other = names.find((_, index) => !results[index])!;
    assert.deepEqual(await accounts.followers(other), []);
    assert.equal(await accounts.follow("ann", followed[0], 4), true, "whom it follows already");
    await accounts.unfollow("ann", followed[0]);
    assert.equal(await accounts.follow("ann", other, 4), true);
  });

  test("Accounts.block() keeps a user's private messages away until unblock(), and nobody else's", async ({ store }) => {
    const { accounts, topics } = store;
    for (const name of ["ann", "Bob", "cid"]) await accounts.create(account(name));
    const write = async (from: string, to = "ann", cid = "") => {
      const draft = { from, to, text: "hi", ...(cid === "" ? {} : { cid }) };
      return (await topics.publish(`inbox:${to.toLowerCase()}`, draft, undefined)).kind;
    };
    assert.equal(await write("Bob", "ann", "before"), "published");
    assert.deepEqual([await accounts.block("ANN", "Bob", 1), await accounts.block("ann", "Bob", 1)], [true, true]);
    assert.equal(await accounts.block("ann", "cid", 1), false, "no more than the limit");
    assert.deepEqual([await accounts.blocks("Ann"), await accounts.blocks("Bob")], [["Bob"], []]);
    assert.deepEqual([await write("Bob"), await write("cid"), await write("ann", "Bob")], [
      "blocked",
      "published",
      "published",
    ]);
    assert.equal(await write("Bob", "ann", "before"), "published", "what was answered before has that answer again");
    assert.deepEqual((await topics.read("inbox:ann", { limit: 9 })).entries.map(({ from }) => from), ["Bob", "cid"]);
    assert.equal((await topics.publish("room:lobby", { from: "Bob", text: "hi" }, undefined)).kind, "published");
    await accounts.unblock("ann", "Bob");
    await accounts.unblock("ann", "Bob");
    assert.deepEqual([await accounts.blocks("ann"), await write("Bob")], [[], "published"]);
  });
}
