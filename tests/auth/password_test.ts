/** What hashing promises: bcrypt's own words, and no more hashes at once than there are cores to spare. */

import assert from "node:assert/strict";
import { bcryptHasher, type Hasher, maxPasswordBytes, passwordBytes } from "../../lib/auth/password.ts";
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

test("passwordBytes() counts bytes of UTF-8", () => {
  assert.deepEqual(["", "abc", "é", "€", "😀"].map(passwordBytes), [0, 3, 2, 3, 4]);
});
