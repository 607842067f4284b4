/** What accounts promise: who is refused and in which words, and how often somebody may guess. */

import assert from "node:assert/strict";
import { AccountService, demoAccounts } from "../../lib/auth/accounts.ts";
import { HashQueue } from "../../lib/auth/hash_queue.ts";
import { hashInvitation } from "../../lib/auth/invitation_code.ts";
import { LoginGuard } from "../../lib/auth/login_guard.ts";
import type { Hasher } from "../../lib/auth/password.ts";
import type { TwoFactorService } from "../../lib/auth/two_factor.ts";
import { ChatError, type ErrorCode } from "../../lib/common/errors.ts";
import { peerOf } from "../../lib/limits/peer.ts";
import type { Account, Accounts } from "../../lib/store/accounts.ts";
import { fold } from "../../lib/wire/names.ts";
import { test } from "../support/declare.ts";
import { makeLimits } from "../support/limits.ts";

/** The hash of the one invitation that there is. */
const goodInvitation = await hashInvitation("good");

/** Accounts in memory: the part of the store that the service needs. */
class FakeAccounts implements Pick<Accounts, "create" | "find" | "setHash" | "replaceHash"> {
  readonly all = new Map<string, Account>();

  // deno-lint-ignore require-await
  async create(account: Account): Promise<boolean> {
    if (this.all.has(fold(account.name))) return false;
    this.all.set(fold(account.name), account);
    return true;
  }

  /** How often somebody asked for an account. */
  looked = 0;

  // deno-lint-ignore require-await
  async find(name: string): Promise<Account | undefined> {
    this.looked++;
    return this.all.get(fold(name));
  }

  // deno-lint-ignore require-await
  async setHash(name: string, hash: string, passwords?: number): Promise<number | undefined> {
    const account = this.all.get(fold(name))!;
    const { passwords: before = 0 } = account;
    if (before !== (passwords ?? before)) return undefined;
    this.all.set(fold(name), { ...account, hash, passwords: before + 1 });
    return before + 1;
  }

  // deno-lint-ignore require-await
  async replaceHash(name: string, earlier: string, hash: string): Promise<boolean> {
    const account = this.all.get(fold(name))!;
    if (account.hash !== earlier) return false;
    this.all.set(fold(name), { ...account, hash });
    return true;
  }
}

/** A hash that anybody can read, and a count of what it cost. */
class PlainHasher implements Hasher {
  hashed = 0;
  readonly verified: (string | undefined)[] = [];
  /** What hashes begin with that are made now. */
  present = "hash of ";

  // deno-lint-ignore require-await
  async hash(password: string): Promise<string> {
    this.hashed++;
    return this.present + password;
  }

  // deno-lint-ignore require-await
  async verify(password: string, hash: string | undefined): Promise<boolean> {
    this.verified.push(hash);
    return hash?.replace(/^.* of /, "") === password;
  }

  isCurrent(hash: string): boolean {
    return hash.startsWith(this.present);
  }
}

/** @param env options of the configuration: limits are off unless they are named */
function make(env: Readonly<Record<string, string>> = { RATE_LIMIT: "off" }, hasher = new PlainHasher()) {
  const accounts = new FakeAccounts();
  const { limits, clock, config } = makeLimits(env);
  const service = new AccountService({
    accounts: accounts as unknown as Accounts,
    accessTokens: { use: () => Promise.resolve(undefined) },
    hashes: new HashQueue(hasher, { running: 2 }),
    guard: new LoginGuard(limits),
    invitations: {
      isGood: (hash) => Promise.resolve(hash === goodInvitation),
      accept: (_, account) => accounts.create(account).then((created) => created ? "created" : "taken"),
    },
    twoFactor: { isOn: () => Promise.resolve(false) } as unknown as TwoFactorService,
    registration: config.registration,
    now: () => 1000,
  });
  return { accounts, hasher, service, clock };
}

async function refused(code: ErrorCode, promise: Promise<unknown>): Promise<ChatError> {
  let refusal: ChatError | undefined;
  await assert.rejects(promise, (error) => {
    assert(error instanceof ChatError, String(error));
    assert.equal(error.code, code, error.message);
    refusal = error;
    return true;
  });
  return refusal!;
}

const here = peerOf("192.0.2.1");
const there = peerOf("192.0.2.2");

test("AccountService.register() makes an account that verify() knows, in either case", async () => {
  const { service } = make();
  const account = await service.register("Eve", "pass word", here);
  assert.deepEqual(account, { name: "Eve", hash: "hash of pass word", role: "user", created: 1000 });
  for (const name of ["Eve", "eve", "EVE"]) assert.deepEqual(await service.verify(name, "pass word", here), account);
});

test("AccountService.register() refuses a taken name in any case, also where two come at once", async () => {
  const { service, accounts } = make();
  const both = await Promise.allSettled(["eve", "EVE"].map((name) => service.register(name, "pass word", here)));
  assert.deepEqual(both.map(({ status }) => status), ["fulfilled", "rejected"]);
  await refused("username_taken", service.register("Eve", "pass word", here));
  assert.equal(accounts.all.size, 1);
});

test("AccountService.register() takes passwords of 8 to 72 bytes and no others", async () => {
  const { service, accounts } = make();
  const refuse = ["", "1234567", "x".repeat(73), "é".repeat(37), "😀", "zero\0byte"];
  for (const password of refuse) await refused("invalid_password", service.register("eve", password, here));
  assert.equal(accounts.all.size, 0);
  for (const [index, password] of ["7 bytes+", "x".repeat(72), "é".repeat(4), "é".repeat(36)].entries()) {
    await service.register(`eve${index}`, password, here);
  }
});

test("AccountService.register() never shows the password that it refuses", async () => {
  const { service } = make();
  const { message } = await refused("invalid_password", service.register("eve", "5ecret!", here));
  assert(!message.includes("5ecret"), message);
  assert.match(message, /7 bytes; 8 to 72 are allowed/);
});

test("AccountService.register() refuses names that are none, before anything is hashed", async () => {
  const { service, hasher } = make();
  const before = hasher.hashed;
  for (const name of ["", "a b", "x".repeat(33), "é", "__proto__."]) {
    await refused("invalid_username", service.register(name, "pass word", here));
  }
  assert.equal(hasher.hashed, before);
  await service.register("__proto__", "pass word", here);
  await service.verify("__proto__", "pass word", here);
});

test("AccountService.register() by invitation needs one that is good, and says nothing of names before", async () => {
  const { service, accounts, hasher } = make({ RATE_LIMIT: "off", REGISTRATION: "invite" });
  await refused("invitation_required", service.register("eve", "pass word", here));
  await refused("invalid_invitation", service.register("eve", "pass word", here, "bad"));
  assert.deepEqual([accounts.looked, hasher.hashed], [0, 0]);
  await refused("invalid_password", service.register("eve", "short", here, "good"));
  assert.equal((await service.register("eve", "pass word", here, " GOOD ")).name, "eve");
});

test("AccountService.checkInvitation() limits wrong ones by network, and good ones not", async () => {
  const { service } = make({ REGISTRATION: "invite", LOGIN_FAILURES_PER_MINUTE_PER_ADDRESS: "2" });
  for (let n = 0; n < 5; n++) await service.checkInvitation("good", here);
  for (let n = 0; n < 2; n++) await refused("invalid_invitation", service.checkInvitation("bad", here));
  await refused("too_many_attempts", service.checkInvitation("good", here));
  await service.checkInvitation("good", there);
});

test("AccountService.register() makes nothing where registration is closed", async () => {
  const { service, accounts } = make({ REGISTRATION: "closed" });
  await refused("registration_closed", service.register("eve", "pass word", here));
  assert.equal(accounts.all.size, 0);
});

test("AccountService.register() makes so many accounts from one address, and others from another", async () => {
  const { service, accounts } = make({ REGISTRATIONS_PER_HOUR_PER_ADDRESS: "3" });
  await service.register("a", "pass word", here);
  await refused("username_taken", service.register("a", "pass word", here));
  await refused("invalid_password", service.register("b", "short", here));
  await service.register("b", "pass word", here);
  const before = accounts.looked;
  // Neither a free name nor a taken one is looked up any more: who tries names learns nothing.
  for (const name of ["c", "a"]) {
    const { extra } = await refused("too_many_attempts", service.register(name, "pass word", here));
    assert.equal(extra.retry_after_ms, 1_200_000);
  }
  assert.equal(accounts.looked, before);
  await service.register("c", "pass word", there);
});

test("AccountService.verify() says the same of an unknown user and a wrong password, and hashes as often", async () => {
  const { service, hasher } = make();
  await service.register("eve", "pass word", here);
  const wrong = await refused("invalid_credentials", service.verify("eve", "passwore", here));
  const unknown = await refused("invalid_credentials", service.verify("nobody", "passwore", here));
  assert.equal(wrong.message, unknown.message);
  assert.deepEqual(hasher.verified, ["hash of pass word", undefined]);
});

test("AccountService.verify() refuses a password that bcrypt would cut", async () => {
  const cutting = new PlainHasher();
  cutting.verify = (password, hash) => Promise.resolve(hash === `hash of ${password.slice(0, 72)}`);
  const { service } = make(undefined, cutting);
  const password = "x".repeat(72);
  await service.register("eve", password, here);
  await service.verify("eve", password, here);
  await refused("invalid_credentials", service.verify("eve", password + "y", here));
});

test("AccountService.verify() counts failures by account, not successes", async () => {
  const { service, hasher, clock } = make({ LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: "3" });
  await service.register("eve", "pass word", here);
  for (let i = 0; i < 10; i++) await service.logIn("eve", "pass word", here);
  for (const name of ["eve", "EVE", "Eve"]) await refused("invalid_credentials", service.verify(name, "guess", here));
  const before = hasher.verified.length;
  const { extra, message } = await refused("too_many_attempts", service.verify("EVE", "pass word", here));
  assert.equal(extra.retry_after_ms, 20_000);
  assert.match(message, /try again in 20 s/);
  assert.equal(hasher.verified.length, before, "nothing is hashed for who guesses too often");
  clock.time += 20_000;
  await service.logIn("eve", "pass word", here);
});

test("AccountService.verify() hashes no guess that came while others of its network failed", async () => {
  const { service, hasher } = make({ LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: "3" });
  const guesses = Array.from({ length: 20 }, () => service.logIn("eve", "guess", there));
  const outcomes = await Promise.allSettled(guesses);
  assert.ok(outcomes.every(({ status }) => status === "rejected"));
  assert.ok(hasher.verified.length <= 4, `${hasher.verified.length} were hashed`);
});

test("AccountService.changePassword() wants the old password, and a good new one", async () => {
  const { service } = make();
  await service.register("Eve", "pass word", here);
  await refused("invalid_credentials", service.changePassword("Eve", "passwore", "new password", here));
  await refused("invalid_password", service.changePassword("Eve", "pass word", "short", here));
  await service.verify("eve", "pass word", here);
  await service.changePassword("Eve", "pass word", "new password", here);
  await refused("invalid_credentials", service.verify("eve", "pass word", here));
  await service.verify("eve", "new password", here);
});

test("AccountService.changePassword() is no way to guess without limit", async () => {
  const { service } = make({ LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: "2" });
  await service.register("eve", "pass word", here);
  for (let i = 0; i < 2; i++) {
    await refused("invalid_credentials", service.changePassword("eve", "guess", "new password", here));
  }
  await refused("too_many_attempts", service.changePassword("eve", "pass word", "new password", here));
});

test("AccountService.makeDemoAccounts() makes them once, and leaves a changed password alone", async () => {
  const { service } = make();
  const names = ["a", "b", "c", "d", "e", "f", "g", "h", "alice", "bob", "charlie"];
  assert.deepEqual((await service.makeDemoAccounts()).sort(), [...names].sort());
  for (const name of names) await service.verify(name, demoAccounts[name], here);
  await service.changePassword("a", "1", "new password", here);
  assert.deepEqual(await service.makeDemoAccounts(), []);
  await service.verify("a", "new password", here);
  assert.deepEqual(["a", "alice", "bob", "charlie"].map((name) => demoAccounts[name]), [
    "1",
    "password123",
    "secret456",
    "hello789",
  ]);
});

test("AccountService.verify() reports a hasher that fails", async () => {
  const broken = new PlainHasher();
  broken.verify = () => Promise.reject(new Error("broken"));
  const { service } = make(undefined, broken);
  for (const name of ["eve", "nobody"]) await assert.rejects(service.verify(name, "pass word", here), /broken/);
});

test("AccountService.logIn() makes a hash of another cost anew, and passwd's session goes on", async () => {
  const { service, accounts, hasher } = make();
  await service.register("Eve", "pass word", here);
  hasher.present = "newer hash of ";
  await refused("invalid_credentials", service.logIn("eve", "wrong", here));
  assert.equal(accounts.all.get("eve")!.hash, "hash of pass word");
  await service.logIn("EVE", "pass word", here);
  assert.deepEqual(accounts.all.get("eve"), {
    ...{ name: "Eve", hash: "newer hash of pass word", role: "user", created: 1000 },
  });
  const { hashed } = hasher;
  await service.logIn("eve", "pass word", here);
  assert.equal(hasher.hashed, hashed, "once is enough");
});

test("AccountService.logIn() succeeds though the new hash cannot be made or stored", async () => {
  const { service, accounts, hasher } = make();
  await service.register("eve", "pass word", here);
  hasher.present = "newer hash of ";
  accounts.replaceHash = () => Promise.reject(new ChatError("store_unavailable", "away"));
  assert.equal((await service.logIn("eve", "pass word", here)).account.name, "eve");
  hasher.hash = () => Promise.reject(new ChatError("too_many_attempts", "full"));
  assert.equal((await service.logIn("eve", "pass word", here)).account.name, "eve");
});
