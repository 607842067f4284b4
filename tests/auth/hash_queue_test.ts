/** How passwords wait for their turn to be hashed. */

import assert from "node:assert/strict";
import { HashQueue, type Turn } from "../../lib/auth/hash_queue.ts";
import type { Hasher } from "../../lib/auth/password.ts";
import { ChatError } from "../../lib/common/errors.ts";
import { test } from "../support/declare.ts";
import { settled, turn } from "../support/turns.ts";

const eve: Turn = { network: "192.0.2.1", known: true, account: "eve" };

/** A hasher whose work ends when the test says so. */
class SlowHasher implements Hasher {
  readonly running: { what: string; resolve(): void; reject(error: Error): void }[] = [];
  most = 0;

  hash(password: string): Promise<string> {
    return this.#run(`hash ${password}`, `hash of ${password}`);
  }

  isCurrent(): boolean {
    return true;
  }

  verify(password: string, hash: string | undefined): Promise<boolean> {
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

test("HashQueue runs so many at once, and the others in the order in which they came", async () => {
  const slow = new SlowHasher();
  const hasher = new HashQueue(slow, { running: 2 });
  const results = [..."abcde"].map((password) => hasher.hash(password, eve));
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

test("HashQueue counts hashing and verifying together", async () => {
  const slow = new SlowHasher();
  const hasher = new HashQueue(slow, { running: 1 });
  const hashed = hasher.hash("a", eve);
  const verified = hasher.verify("a", "hash of a", eve);
  await turn();
  assert.equal(slow.running.length, 1);
  slow.running[0].resolve();
  assert.equal(await hashed, "hash of a");
  await turn();
  slow.running[0].resolve();
  assert.equal(await verified, true);
});

test("HashQueue goes on after one that failed", async () => {
  const slow = new SlowHasher();
  const hasher = new HashQueue(slow, { running: 1 });
  const failing = hasher.hash("a", eve);
  const next = hasher.hash("b", eve);
  await turn();
  slow.running[0].reject(new Error("broken"));
  await assert.rejects(failing, /broken/);
  await turn();
  slow.running[0].resolve();
  assert.equal(await next, "hash of b");
  const later = hasher.hash("c", eve);
  await turn();
  slow.running[0].resolve();
  assert.equal(await later, "hash of c");
});

test("HashQueue refuses one more than may wait, and takes others once there is room", async () => {
  const slow = new SlowHasher();
  const hasher = new HashQueue(slow, { running: 1, waiting: { account: 9, network: 9, all: 2 } });
  const taken = ["a", "b", "c"].map((password) => hasher.hash(password, eve));
  await assert.rejects(
    hasher.hash("d", eve),
    (error) => error instanceof ChatError && error.code === "too_many_attempts",
  );
  slow.running[0].resolve();
  await turn();
  taken.push(hasher.hash("e", eve));
  assert.equal(await settled(taken[3]), false);
  while (slow.running.length > 0) {
    slow.running[0].resolve();
    await turn();
  }
  assert.equal((await Promise.all(taken)).length, 4);
});

/** Lets everything finish. @returns what was done, in order */
async function finish(slow: SlowHasher): Promise<string[]> {
  const order: string[] = [];
  await turn();
  while (slow.running.length > 0) {
    order.push(slow.running[0].what.replace("hash ", ""));
    slow.running[0].resolve();
    await turn();
  }
  return order;
}

test("HashQueue goes round networks, in each round known and strangers, and then round accounts", async () => {
  const slow = new SlowHasher();
  const queue = new HashQueue(slow, { running: 1 });
  const crowd = { network: "192.0.2.66", known: true, account: "mallory" };
  const results = ["m1", "m2", "m3", "m4"].map((password) => queue.hash(password, crowd));
  results.push(queue.hash("eve1", eve), queue.hash("eve2", eve));
  results.push(queue.hash("stranger", { ...crowd, known: false, account: "s" }));
  results.push(queue.hash("trent", { ...crowd, account: "trent" }));
  assert.deepEqual(await finish(slow), ["m1", "eve1", "trent", "eve2", "stranger", "m2", "m3", "m4"]);
  await Promise.all(results);
});

test("HashQueue keeps so many of one account and of one network, and takes others all the same", async () => {
  const slow = new SlowHasher();
  let refused = 0;
  const waiting = { account: 2, network: 3, all: 100 };
  const queue = new HashQueue(slow, { running: 1, waiting, onRefused: () => refused++ });
  const there = { ...eve, network: "192.0.2.2" };
  const outcomes = Promise.allSettled([
    queue.hash("running", eve),
    ...["a", "b", "c"].map((password) => queue.hash(password, eve)),
    ...["d", "e"].map((password) => queue.hash(password, { ...eve, account: password })),
    queue.hash("f", there),
  ]);
  assert.deepEqual(await finish(slow), ["running", "d", "f", "a", "b"]);
  assert.deepEqual((await outcomes).map(({ status }) => status === "fulfilled"), [
    ...[true, true, true, false],
    ...[true, false],
    true,
  ]);
  assert.equal(refused, 2);
});

test("HashQueue serves a known account first that comes seldom, and one of the others after three of these", async () => {
  const slow = new SlowHasher();
  let time = 0;
  const queue = new HashQueue(slow, { running: 1, now: () => time });
  const crowd = { network: "192.0.2.66", known: true, account: "mallory" };
  const results = ["m1", "m2", "m3", "m4"].map((password) => queue.hash(password, crowd));
  for (const account of ["a", "b", "c", "d"]) results.push(queue.hash(account, { ...eve, account }));
  results.push(queue.hash("stranger", { network: "192.0.2.9", known: false, account: "new" }));
  assert.deepEqual(await finish(slow), ["m1", "a", "b", "c", "stranger", "d", "m2", "m3", "m4"]);
  time += 1_999;
  results.push(queue.hash("running", crowd));
  for (const account of ["mallory", "a"]) results.push(queue.hash(`${account} again`, { ...eve, account }));
  results.push(queue.hash("b, who comes once", { ...eve, account: "x" }));
  assert.deepEqual((await finish(slow))[1], "b, who comes once");
  await Promise.all(results);
});

test("HashQueue lets no stranger's guesses put an account's owner behind the crowd", async () => {
  const slow = new SlowHasher();
  const queue = new HashQueue(slow, { running: 1, now: () => 0 });
  const crowd = { network: "192.0.2.66", known: true, account: "mallory" };
  const results = ["m1", "m2", "m3"].map((password) => queue.hash(password, crowd));
  results.push(queue.hash("guess", { network: "192.0.2.66", known: false, account: "eve" }));
  results.push(queue.hash("owner", eve));
  assert.deepEqual((await finish(slow)).slice(0, 2), ["m1", "owner"]);
  await Promise.all(results);
});
