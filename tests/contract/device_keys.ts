/** The contract of {@linkcode DeviceKeys}. */

import assert from "node:assert/strict";
import type { TestStore } from "../support/stores.ts";
import type { Declare } from "./suite.ts";

async function names(store: TestStore, user = "eve"): Promise<string[]> {
  return (await store.deviceKeys.list(user)).map((key) => key.public);
}

/** Declares the tests. */
export function deviceKeysContract(test: Declare): void {
  test("DeviceKeys.list() gives keys in the order in which they were added, by user, in any case", async ({ store }) => {
    const { deviceKeys } = store;
    assert.deepEqual(await names(store), []);
    for (const key of ["c", "a", "b"]) await deviceKeys.announce("Eve", key, 8);
    await deviceKeys.announce("bob", "a", 8);
    assert.deepEqual(await names(store, "EVE"), ["c", "a", "b"]);
    assert.deepEqual(await names(store, "bob"), ["a"]);
    assert.deepEqual(await names(store, "ev"), []);
  });

  test("DeviceKeys.announce() of a key that is known notes its use, and nothing else", async ({ store }) => {
    const { deviceKeys } = store;
    await deviceKeys.announce("eve", "a", 8);
    await deviceKeys.announce("eve", "b", 8);
    const before = await deviceKeys.list("eve");
    await deviceKeys.announce("EVE", "a", 8);
    const [a, b] = await deviceKeys.list("eve");
    assert.deepEqual([a!.public, a!.added, b], ["a", before[0]!.added, before[1]]);
    assert.ok(a!.used > before[0]!.used);
    assert.ok(a!.added > 1_700_000_000_000 && a!.added === before[0]!.used);
  });

  test("DeviceKeys.announce() adds no key to as many as there may be, and pushes none out", async ({ store }) => {
    const { deviceKeys } = store;
    const eight = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (const key of eight) assert.equal(await deviceKeys.announce("eve", key, 8), "added");
    assert.equal(await deviceKeys.announce("eve", "i", 8), "full");
    assert.equal(await deviceKeys.announce("EVE", "a", 8), "known");
    assert.equal(await deviceKeys.announce("eve", "a", 3), "known", "where fewer are allowed than there are");
    assert.deepEqual(await names(store), eight);
    assert.equal(await deviceKeys.revoke("eve", "c"), true);
    assert.equal(await deviceKeys.announce("eve", "i", 8), "added");
    assert.equal(await deviceKeys.announce("bob", "i", 8), "added", "another's are counted apart");
  });

  test("DeviceKeys.announce() by many at once, on two servers, adds as many as may be", async ({ store, place }) => {
    const other = await place.open();
    const outcomes = await Promise.all(
      Array.from(
        { length: 20 },
        (_, index) => (index % 2 ? store : other).deviceKeys.announce("eve", `key${index}`, 4),
      ),
    );
    assert.deepEqual(outcomes.filter((outcome) => outcome === "added").length, 4);
    assert.deepEqual(outcomes.filter((outcome) => outcome === "full").length, 16);
    assert.equal(new Set(await names(store)).size, 4);
  }, { demand: "several servers" });

  test("DeviceKeys.announce() by many at once adds as many as may be", async ({ store }) => {
    await Promise.all(Array.from({ length: 20 }, (_, index) => store.deviceKeys.announce("eve", `key${index}`, 4)));
    assert.equal(new Set(await names(store)).size, 4);
  });

  test("DeviceKeys.revoke() removes a key, also one that is not there", async ({ store }) => {
    const { deviceKeys } = store;
    for (const key of ["a", "b"]) await deviceKeys.announce("eve", key, 8);
    assert.equal(await deviceKeys.revoke("EVE", "a"), true);
    assert.equal(await deviceKeys.revoke("eve", "a"), false);
    assert.equal(await deviceKeys.revoke("nobody", "a"), false);
    assert.deepEqual(await names(store), ["b"]);
    await deviceKeys.announce("eve", "a", 8);
    assert.deepEqual(await names(store), ["b", "a"], "it is new when it comes again");
  });

  test("DeviceKeys takes names that mean something to JavaScript", async ({ store }) => {
    await store.deviceKeys.announce("__proto__", "constructor", 8);
    assert.deepEqual(await names(store, "__proto__"), ["constructor"]);
  });

  test("DeviceKeys are the same on every server", async ({ store, place }) => {
    const other = await place.open();
    await store.deviceKeys.announce("eve", "a", 8);
    await other.deviceKeys.announce("eve", "b", 8);
    assert.deepEqual([await names(store), await names(other)], [["a", "b"], ["a", "b"]]);
  }, { demand: "several servers" });
}
