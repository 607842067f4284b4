/** What hashing promises: bcrypt's own words, and no more hashes at once than there are cores to spare. */

import assert from "node:assert/strict";
import { type Bcrypt, bcryptHasher, evenHasher, type Hasher } from "../../lib/auth/password.ts";
import { maxPasswordBytes } from "../../lib/wire/passwords.ts";
import { test } from "../support/declare.ts";
import { permitted } from "../support/needs.ts";

const native = await permitted("ffi", "read", "env");

function withBcrypt(name: string, fn: (hasher: Hasher) => Promise<void>): void {
  Deno.test({
    name: native.named(name),
    ignore: native.ignored,
    fn: async () => fn(await bcryptHasher(4)),
    sanitizeOps: true,
    sanitizeResources: true,
  });
}

withBcrypt("bcryptHasher() verifies the right password and no other", async (hasher) => {
  const hash = await hasher.hash("correct horse");
  assert.match(hash, /^\$2[abxy]\$04\$/);
  assert.equal(await hasher.verify("correct horse", hash), true);
  for (const wrong of ["", "correct horse ", "Correct horse", "correct hors"]) {
    assert.equal(await hasher.verify(wrong, hash), false, wrong);
  }
});

withBcrypt("bcryptHasher() gives one password two hashes", async (hasher) => {
  assert.notEqual(await hasher.hash("same"), await hasher.hash("same"));
});

withBcrypt("bcryptHasher() tells a hash that is none from a right password, and does not throw", async (hasher) => {
  for (const none of ["", "x", "$2b$04$", "1"]) assert.equal(await hasher.verify("1", none), false);
});

withBcrypt("bcryptHasher() reads bytes of UTF-8, up to the most that bcrypt knows", async (hasher) => {
  const most = "é".repeat(maxPasswordBytes / 2);
  const hash = await hasher.hash(most);
  assert.equal(await hasher.verify(most, hash), true);
  assert.equal(await hasher.verify("é".repeat(maxPasswordBytes / 2 - 1) + "è", hash), false);
});

withBcrypt("bcryptHasher() does not stop at a zero byte", async (hasher) => {
  const hash = await hasher.hash("1");
  assert.equal(await hasher.verify("1\0anything", hash), false);
});

/** A bcrypt that does nothing, and counts what it would have done. */
class CountedBcrypt implements Bcrypt {
  work = 0;

  hash(password: string, cost: number): Promise<string> {
    this.work += 2 ** cost;
    return Promise.resolve(this.hashOf(password, cost));
  }

  compare(password: string, hash: string): Promise<boolean> {
    assert.match(hash, /^\$2b\$\d\d\$.{53}$/);
    const cost = Number(hash.slice(4, 6));
    this.work += 2 ** cost;
    return Promise.resolve(hash === this.hashOf(password, cost));
  }

  hashOf(password: string, cost: number): string {
    return `$2b$${String(cost).padStart(2, "0")}$${password.padEnd(53, "x")}`;
  }
}

test("evenHasher() works as long for a wrong password as for nobody, whatever a hash cost", async () => {
  const bcrypt = new CountedBcrypt();
  const hasher = evenHasher(bcrypt, 12);
  const workOf = async (hash: string | undefined, password = "wrong") => {
    bcrypt.work = 0;
    assert.equal(await hasher.verify(password, hash), false);
    return bcrypt.work;
  };
  for (const cost of [4, 8, 10, 11, 12]) assert.equal(await workOf(bcrypt.hashOf("right", cost)), 2 ** 12, `${cost}`);
  for (const none of [undefined, "", "no hash", "$2b$12$short"]) assert.equal(await workOf(none), 2 ** 12);
  // New hashes are cheaper than one that is met: from then on, everything costs as much.
  hasher.expect(bcrypt.hashOf("costly", 14));
  for (const hash of [undefined, "no hash", ...[4, 12, 13, 14].map((cost) => bcrypt.hashOf("right", cost))]) {
    assert.equal(await workOf(hash), 2 ** 14);
  }
  hasher.expect("no hash");
  await workOf(bcrypt.hashOf("right", 15));
  assert.equal(await workOf(undefined), 2 ** 15, "what is compared is met, too");
});

test("evenHasher() works for a right password as long as its hash costs, and tells which are to be made anew", async () => {
  const bcrypt = new CountedBcrypt();
  const hasher = evenHasher(bcrypt, 10);
  for (const cost of [8, 10, 12]) {
    bcrypt.work = 0;
    const hash = bcrypt.hashOf("right", cost);
    assert.equal(await hasher.verify("right", hash), true);
    assert.deepEqual([bcrypt.work, hasher.isCurrent(hash)], [2 ** cost, cost === 10]);
  }
  assert.ok(hasher.isCurrent(await hasher.hash("new")));
});
