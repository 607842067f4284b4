/** What hashing promises: bcrypt's own words, and no more hashes at once than there are cores to spare. */

import assert from "node:assert/strict";
import { ChatError } from "../../lib/common/errors.ts";
import { bcryptHasher, boundedHasher, type Hasher, maxPasswordBytes, passwordBytes } from "../../lib/auth/password.ts";
import { test } from "../support/declare.ts";
import { permitted } from "../support/needs.ts";
import { settled, turn } from "../support/turns.ts";

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

/** A hasher whose work ends when the test says so. */
class SlowHasher implements Hasher {
  readonly running: { what: string; resolve(): void; reject(error: Error): void }[] = [];
  most = 0;

  hash(password: string): Promise<string> {
    return this.#run(`hash ${password}`, `hash of ${password}`);
  }

  verify(password: string, hash: string): Promise<boolean> {
    return this.#run(`verify ${password}`, hash === `hash of ${password}`);
  }

  #run<T>(what: string, result: T): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = () => this.running.splice(this.running.indexOf(work), 1);
      const work = {
        what,
        resolve: () => (done(), resolve(result)),
        reject: (error: Error) => (done(), reject(error)),
      };
      this.running.push(work);
      this.most = Math.max(this.most, this.running.length);
    });
  }
}

test("boundedHasher() runs so many at once, and the others in the order in which they came", async () => {
  const slow = new SlowHasher();
  const hasher = boundedHasher(slow, 2);
  const results = [..."abcde"].map((password) => hasher.hash(password));
  const order: string[] = [];
  await turn();
  while (slow.running.length > 0) {
    order.push(slow.running[0].what);
    slow.running[0].resolve();
    await turn();
  }
  assert.deepEqual(await Promise.all(results), [..."abcde"].map((password) => `hash of ${password}`));
  assert.deepEqual(order, [..."abcde"].map((password) => `hash ${password}`));
  assert.equal(slow.most, 2);
});

test("boundedHasher() counts hashing and verifying together", async () => {
  const slow = new SlowHasher();
  const hasher = boundedHasher(slow, 1);
  const hashed = hasher.hash("a");
  const verified = hasher.verify("a", "hash of a");
  await turn();
  assert.equal(slow.running.length, 1);
  slow.running[0].resolve();
  assert.equal(await hashed, "hash of a");
  await turn();
  slow.running[0].resolve();
  assert.equal(await verified, true);
});

test("boundedHasher() goes on after one that failed", async () => {
  const slow = new SlowHasher();
  const hasher = boundedHasher(slow, 1);
  const failing = hasher.hash("a");
  const next = hasher.hash("b");
  await turn();
  slow.running[0].reject(new Error("broken"));
  await assert.rejects(failing, /broken/);
  await turn();
  slow.running[0].resolve();
  assert.equal(await next, "hash of b");
  const later = hasher.hash("c");
  await turn();
  slow.running[0].resolve();
  assert.equal(await later, "hash of c");
});

test("boundedHasher() refuses one more than may wait, and takes others once there is room", async () => {
  const slow = new SlowHasher();
  const hasher = boundedHasher(slow, 1, 2);
  const taken = ["a", "b", "c"].map((password) => hasher.hash(password));
  await assert.rejects(hasher.hash("d"), (error) => error instanceof ChatError && error.code === "too_many_attempts");
  slow.running[0].resolve();
  await turn();
  taken.push(hasher.hash("e"));
  assert.equal(await settled(taken[3]), false);
  while (slow.running.length > 0) {
    slow.running[0].resolve();
    await turn();
  }
  assert.equal((await Promise.all(taken)).length, 4);
});
