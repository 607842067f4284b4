/** A hasher gets to know the costs of all hashes that there are. */

import assert from "node:assert/strict";
import { learnCosts } from "../../lib/auth/known_costs.ts";
import { SqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import { eventually } from "../support/client.ts";
import { test } from "../support/declare.ts";
import { wideLimits } from "../support/store_limits.ts";

test("learnCosts() shows a hasher every hash", async () => {
  await using store = new SqliteStore({ ...wideLimits, path: ":memory:", durability: "normal" });
  for (const name of ["eve", "bob"]) {
    await store.accounts.create({ name, hash: `hash of ${name}`, role: "user", created: 0 });
  }
  const seen = new Set<string>();
  await using _ = learnCosts(store.admin, { expect: (hash) => void seen.add(hash) });
  await eventually(() => seen.size === 2, "all are seen");
  assert.deepEqual([...seen].sort(), ["hash of bob", "hash of eve"]);
});

test("learnCosts() stops in the middle, and when the store is away", async () => {
  const next = Promise.withResolvers<void>();
  const seen: string[] = [];
  const hashes = async function* () {
    yield ["one"];
    await next.promise;
    yield ["two"];
  };
  const learning = learnCosts({ hashes }, { expect: (hash) => void seen.push(hash) });
  await eventually(() => seen.length === 1, "the first page");
  const stopped = learning[Symbol.asyncDispose]();
  next.resolve();
  await stopped;
  assert.deepEqual(seen, ["one"]);
  // deno-lint-ignore require-yield
  const away = async function* (): AsyncGenerator<string[]> {
    await Promise.reject(new Error("away"));
  };
  await learnCosts({ hashes: away }, { expect: () => {} })[Symbol.asyncDispose]();
});
