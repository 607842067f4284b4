/**
 * The real password hash, which the other tests do without.
 */

import assert from "node:assert/strict";
import { HashQueue } from "../../lib/auth/hash_queue.ts";
import { bcryptHasher, type Hasher } from "../../lib/auth/password.ts";
import { permitted } from "../support/needs.ts";

const native = await permitted("env", "read", "ffi");

// Loaded before the tests: what their sanitizers watch begins later.
const hasher: Hasher | undefined = native.ignored ? undefined : await bcryptHasher(4);

function test(name: string, fn: (hasher: Hasher) => Promise<void>): void {
  Deno.test({
    name: native.named(name),
    ignore: native.ignored,
    fn: () => fn(hasher!),
    sanitizeOps: true,
    sanitizeResources: true,
  });
}

test("bcryptHasher() makes a salted hash that fits its password only", async ({ hash, verify }) => {
  const [one, other] = await Promise.all([hash("correct horse"), hash("correct horse")]);
  assert.match(one, /^\$2[aby]\$04\$.{53}$/);
  assert.notEqual(one, other);
  assert.equal(await verify("correct horse", one), true);
  assert.equal(await verify("correct horse", other), true);
  assert.equal(await verify("correct Horse", one), false);
  assert.equal(await verify("", one), false);
});

test("bcryptHasher() tells passwords apart up to 72 bytes, and in any script", async ({ hash, verify }) => {
  const longest = "€".repeat(24);
  const hashed = await hash(longest);
  assert.equal(await verify(longest, hashed), true);
  assert.equal(await verify("€".repeat(23), hashed), false);
  assert.equal(await verify(`${"€".repeat(23)}abc`, hashed), false);
});

test("bcryptHasher() verifies hashes of any cost, and takes what is no hash for a wrong password", async (hasher) => {
  const costly = await (await bcryptHasher(6)).hash("password");
  assert.match(costly, /^\$2[aby]\$06\$/);
  assert.equal(await hasher.verify("password", costly), true);
  for (const none of ["", "password", "$2b$04$short", "x".repeat(60)]) {
    assert.equal(await hasher.verify("password", none), false);
  }
});

test("bcryptHasher() works off the event loop", async () => {
  const { hash } = await bcryptHasher(10);
  let turns = 0;
  let done = false;
  const hashed = hash("password").finally(() => done = true);
  while (!done) {
    turns++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await hashed;
  assert.ok(turns > 20, `the event loop had ${turns} turns meanwhile`);
});

test("HashQueue lets the real hashes through, a few at a time", async (hasher) => {
  let running = 0;
  let most = 0;
  const counted: Hasher = {
    async hash(password) {
      most = Math.max(most, ++running);
      return await hasher.hash(password).finally(() => running--);
    },
    verify: hasher.verify,
    isCurrent: hasher.isCurrent,
  };
  const queue = new HashQueue(counted, { running: 2 });
  const eve = { network: "192.0.2.1", known: true, account: "eve" };
  const passwords = Array.from({ length: 8 }, (_, n) => `password ${n}`);
  const hashes = await Promise.all(passwords.map((password) => queue.hash(password, eve)));
  assert.equal(most, 2);
  assert.ok((await Promise.all(passwords.map((password, n) => queue.verify(password, hashes[n], eve)))).every(Boolean));
});
