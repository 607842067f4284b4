/** The contract of {@linkcode Requests}. */

import assert from "node:assert/strict";
import type { HeldMessage } from "../../lib/store/accounts/requests.ts";
import type { TestStore } from "../support/stores.ts";
import type { Declare } from "./suite.ts";

const held = (from: string, text = "hi", cid = "c"): HeldMessage => ({
  draft: { from, text, to: "eve", cid },
  time: 1_000,
});

async function write(store: TestStore, from: string, to: string): Promise<string> {
  const draft = { from, text: "hi", to };
  return (await store.topics.publish(`inbox:${to.toLowerCase()}`, draft, undefined)).kind;
}

/** Declares the tests. */
export function requestsContract(test: Declare): void {
  test("Topics.publish() takes a stranger for one where only contacts may write", async ({ store }) => {
    assert.equal(await store.requests.from("eve"), "everyone");
    assert.equal(await write(store, "Bob", "eve"), "published");
    await store.requests.setFrom("Eve", "contacts");
    assert.equal(await store.requests.from("eve"), "contacts");
    assert.equal(await write(store, "Bob", "eve"), "stranger");
    assert.equal(await write(store, "eve", "eve"), "published", "oneself");
    assert.equal((await store.topics.head("inbox:eve")).seq, 2);
    await store.requests.setFrom("eve", "everyone");
    assert.equal(await write(store, "Bob", "eve"), "published");
  });

  test("Contacts are whom one has written to, follows, or accepted", async ({ store }) => {
    for (const name of ["eve", "Bob", "Ann", "Cy", "Dan"]) {
      await store.accounts.create({ name, hash: "h", role: "user", created: 1 });
    }
    await write(store, "eve", "bob");
    await store.accounts.follow("eve", "Ann", 9);
    await store.requests.setFrom("eve", "contacts");
    await store.requests.accept("eve", "Cy");
    for (const name of ["Bob", "Ann", "Cy"]) assert.equal(await write(store, name, "eve"), "published", name);
    assert.equal(await write(store, "Dan", "eve"), "stranger");
    await store.accounts.follow("eve", "Dan", 9);
    assert.equal(await write(store, "Dan", "eve"), "published");
    for (const name of ["Dan", "Cy"]) await store.accounts.unfollow("eve", name);
    assert.equal(await write(store, "Dan", "eve"), "stranger");
    assert.equal(await write(store, "Cy", "eve"), "published", "accepted is not followed");
  });

  test("Requests.hold() keeps one message of each, and as many as may wait", async ({ store }) => {
    const { requests } = store;
    assert.equal(await requests.hold("Eve", held("Bob"), 2), "held");
    assert.equal(await requests.hold("eve", held("Bob"), 2), "held", "sent again");
    assert.equal(await requests.hold("eve", held("bob", "more", "c2"), 2), "waiting");
    assert.equal(await requests.hold("eve", held("ann"), 2), "held");
    assert.equal(await requests.hold("eve", held("cy"), 2), "full");
    assert.deepEqual(await requests.list("eve"), ["Bob", "ann"]);
    assert.deepEqual(await requests.find("EVE", "bob"), held("Bob"));
    assert.equal(await requests.remove("eve", "BOB"), true);
    assert.equal(await requests.remove("eve", "bob"), false);
    assert.equal(await requests.find("eve", "bob"), undefined);
    assert.deepEqual(await requests.list("ann"), []);
  });

  test("Requests and contacts last in what is exported and put in again", async ({ store }) => {
    await store.accounts.create({ name: "eve", hash: "h", role: "user", created: 1 });
    await write(store, "eve", "bob");
    await store.requests.setFrom("eve", "contacts");
    await store.requests.accept("eve", "cy");
    await store.requests.hold("eve", held("Dan"), 2);
    for await (const record of store.admin.accounts()) await store.admin.putAccount({ ...record, name: "mallory" });
    assert.deepEqual(await store.requests.list("mallory"), ["Dan"]);
    for (const name of ["bob", "cy"]) assert.equal(await write(store, name, "mallory"), "published", name);
    assert.equal(await write(store, "Dan", "mallory"), "stranger");
  });
}
