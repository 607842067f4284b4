/** Who may try to log in: guessers are slow, and keep nobody else out. */

import assert from "node:assert/strict";
import { LoginGuard } from "../../lib/auth/login_guard.ts";
import { ChatError } from "../../lib/common/errors.ts";
import { peerOf } from "../../lib/limits/peer.ts";
import { test } from "../support/declare.ts";
import { makeLimits } from "../support/limits.ts";

const home = peerOf("192.0.2.1");
const away = peerOf("198.51.100.7");
const guesser = peerOf("203.0.113.9");

function make(env: Readonly<Record<string, string>> = {}) {
  const made = makeLimits(env);
  return { guard: new LoginGuard(made.limits), ...made };
}

function isAdmitted(guard: LoginGuard, name: string, peer: typeof home): boolean {
  try {
    guard.admit(name, peer);
    return true;
  } catch (error) {
    assert.ok(error instanceof ChatError && error.code === "too_many_attempts", String(error));
    return false;
  }
}

test("LoginGuard keeps a guesser out, and the account's owner in, from a new place as well", () => {
  const { guard } = make();
  guard.succeeded("bob", home);
  for (let i = 0; i < 100; i++) if (isAdmitted(guard, "bob", guesser)) guard.failed("bob", guesser);
  assert.deepEqual([guesser, home, away].map((peer) => isAdmitted(guard, "bob", peer)), [false, true, true]);
});

test("LoginGuard lets the owner in from a known address, though its network or many networks fail", () => {
  const { guard } = make();
  const desk = peerOf("2001:db8::1");
  guard.succeeded("bob", desk);
  for (let i = 0; i < 30; i++) guard.failed("bob", peerOf("2001:db8::2"));
  for (let i = 1; i < 200; i++) guard.failed("bob", peerOf(`203.0.113.${i}`));
  assert.ok(!isAdmitted(guard, "bob", away), "many networks guess no faster than one");
  assert.ok(!isAdmitted(guard, "bob", peerOf("2001:db8::3")));
  assert.ok(isAdmitted(guard, "BOB", desk));
  for (let i = 0; i < 10; i++) guard.failed("bob", desk);
  assert.ok(!isAdmitted(guard, "bob", desk), "its own allowance is one as well");
});

test("LoginGuard counts by network: one /64 of IPv6 is one guesser", () => {
  const { guard } = make({ LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: "100" });
  for (let i = 0; i < 60; i++) guard.failed(`user${i}`, peerOf(`2001:db8:0:1::${i.toString(16)}`));
  assert.ok(!isAdmitted(guard, "bob", peerOf("2001:db8:0:1:ffff::1")));
  assert.ok(isAdmitted(guard, "bob", peerOf("2001:db8:0:2::1")));
});

test("LoginGuard.admit() has a refused attempt cost its network", () => {
  const { guard, limits } = make({ LOGIN_FAILURES_PER_MINUTE_PER_ADDRESS: "20" });
  for (let i = 0; i < 10; i++) guard.failed("bob", guesser);
  assert.equal(limits.pace.login_failures_network.waitMs(guesser.network), 0);
  for (let i = 0; i < 10; i++) assert.ok(!isAdmitted(guard, "bob", guesser));
  assert.ok(!isAdmitted(guard, "carol", guesser), "ten failures and ten refused attempts are twenty");
});

test("LoginGuard limits successes by account and by network", () => {
  const { guard, clock } = make({ LOGINS_PER_MINUTE_PER_ACCOUNT: "3", LOGINS_PER_MINUTE_PER_ADDRESS: "5" });
  for (let i = 0; i < 3; i++) guard.succeeded("bob", home);
  assert.ok(!isAdmitted(guard, "bob", home));
  assert.ok(isAdmitted(guard, "carol", home));
  for (let i = 0; i < 2; i++) guard.succeeded(`user${i}`, home);
  assert.ok(!isAdmitted(guard, "carol", home), "a stranger from there waits");
  assert.ok(isAdmitted(guard, "user1", home), "who was there before does not");
  clock.time += 20_000;
  assert.ok(isAdmitted(guard, "bob", home));
});

test("LoginGuard counts a resume as a login of the account, and not of its network", () => {
  const { guard } = make({ LOGINS_PER_MINUTE_PER_ACCOUNT: "2", LOGINS_PER_MINUTE_PER_ADDRESS: "1" });
  for (let i = 0; i < 2; i++) guard.resumed("bob", home);
  assert.throws(() => guard.admitResume("BOB", home), /Too many logins as BOB/);
  guard.admitResume(undefined, home);
  assert.ok(isAdmitted(guard, "carol", home));
});

test("LoginGuard limits refused resumes and registrations by network", () => {
  const { guard } = make({ LOGIN_FAILURES_PER_MINUTE_PER_ADDRESS: "2", REGISTRATIONS_PER_HOUR_PER_ADDRESS: "2" });
  for (let i = 0; i < 2; i++) guard.resumeFailed(guesser);
  assert.throws(() => guard.admitResume("bob", guesser), /Too many refused resumes/);
  guard.admitResume("bob", home);
  for (let i = 0; i < 2; i++) guard.admitRegistration(guesser);
  assert.throws(() => guard.admitRegistration(guesser), /Too many registrations/);
  guard.admitRegistration(home);
});
