/** What second factors promise: which codes are good, how often, and how many may be tried. */

import assert from "node:assert/strict";
import { URI } from "otpauth";
import { LoginGuard } from "../../lib/auth/login_guard.ts";
import { TwoFactorService } from "../../lib/auth/two_factor.ts";
import { ChatError } from "../../lib/common/errors.ts";
import { peerOf } from "../../lib/limits/peer.ts";
import { SqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import { test } from "../support/declare.ts";
import { makeLimits } from "../support/limits.ts";
import { wideLimits } from "../support/store_limits.ts";

const here = peerOf("192.0.2.1");
const start = 1_700_000_010_000; // 10 s into a step

/** A service whose clock is set by hand, and an account. */
async function make(env: Readonly<Record<string, string>> = { RATE_LIMIT: "off" }) {
  const store = new SqliteStore({ ...wideLimits, path: ":memory:", durability: "normal" });
  await store.accounts.create({ name: "eve", hash: "", role: "user", created: 0 });
  const { limits } = makeLimits(env);
  const guard = new LoginGuard(limits);
  const clock = { now: start };
  const service = new TwoFactorService({ twoFactor: store.twoFactor, guard, now: () => clock.now });
  const uri = await service.begin("eve");
  const totp = URI.parse(uri);
  const codeAt = (seconds: number) => totp.generate({ timestamp: start + seconds * 1000 } as never);
  const check = (code: string, peer = here) => service.check("eve", code, peer);
  return { store, service, guard, clock, codeAt, check, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

async function refused(code: string, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof ChatError && error.code === code);
}

test("TwoFactorService takes codes of one step before and after, each once and none before the last", async () => {
  await using scene = await make();
  const { service, codeAt, check, clock } = scene;
  assert.equal(await service.isOn("eve"), false, "nobody has shown a code");
  await refused("invalid_code", check(codeAt(0)));
  await service.confirm("eve", codeAt(-30), here);
  assert.equal(await service.isOn("EVE"), true);
  await refused("invalid_code", check(codeAt(-30)));
  await refused("invalid_code", check(codeAt(60)));
  const code = codeAt(30);
  await check(`${code.slice(0, 3)} ${code.slice(3)}`);
  for (const seconds of [0, 30]) await refused("invalid_code", check(codeAt(seconds)));
  clock.now += 60_000;
  await check(codeAt(60));
});

test("TwoFactorService takes each recovery code once, however it is typed", async () => {
  await using scene = await make();
  const { service, codeAt, check } = scene;
  const codes = await service.confirm("eve", codeAt(0), here);
  assert.equal(new Set(codes).size, 10);
  for (const code of codes) assert.match(code, /^[a-z0-9]{6}-[a-z0-9]{6}$/);
  await check(` ${codes[3]!.toUpperCase().replace("-", " ")} `);
  await refused("invalid_code", check(codes[3]!));
  await check(codes[4]!);
  await service.off("eve", codes[5]!, here);
  await refused("usage", service.off("eve", codes[6]!, here));
});

test("TwoFactorService counts tries before it looks at them, so that many at once gain nothing", async () => {
  await using scene = await make({ LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: "3" });
  const { service, guard, codeAt, check } = scene;
  await service.confirm("eve", codeAt(0), here);
  const peers = Array.from({ length: 20 }, (_, index) => peerOf(`198.51.100.${index}`));
  const tries = await Promise.allSettled(peers.map((peer) => check("", peer)));
  const codes = tries.map((each) => ((each as PromiseRejectedResult).reason as ChatError).code);
  assert.equal(codes.filter((code) => code === "invalid_code").length, 3);
  assert.equal(codes.filter((code) => code === "too_many_attempts").length, 17);
  await refused("too_many_attempts", check(codeAt(30), peers[0]));
  guard.remember("eve", here);
  await check(codeAt(30)); // the owner's own address is not held up by others
});
