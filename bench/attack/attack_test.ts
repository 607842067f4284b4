import assert from "node:assert/strict";
import { test } from "../../tests/support/declare.ts";
import { need } from "../../tests/support/needs.ts";
import { processes } from "../../tests/support/process.ts";
import { hasProc } from "../proc.ts";
import { attacks } from "./attacks/all.ts";
import { median } from "./logins.ts";
import { report, violations } from "./report.ts";
import { besiege, type Period, type SiegeResult } from "./siege.ts";
import { buckets, lateness } from "./watch.ts";

const calm: Period = {
  honest: {
    messages: 400,
    deliveries: 4000,
    p50: 1,
    p99: 8,
    max: 15,
    lost: 0,
    doubled: 0,
    disordered: 0,
    gaps: 0,
    refused: {},
    disconnected: 0,
    lag: 1,
  },
  logins: { logins: 10, median: 270, max: 320, refused: {} },
  server: { rss: 115, cpu: 0.16, loopP99: 10, loopMax: 50, limits: {}, logKb: 4 },
};

const linux = need(hasProc ? undefined : "needs Linux: each attack has a loopback address of its own");

const machine = { cpu: "", cores: 2, memoryGb: 1, kernel: "", loadBefore: 0, deno: "", redis: "", project: "" };

const well: SiegeResult = {
  machine,
  takenAt: "2026-11-21T09:00:00.000Z",
  store: "sqlite",
  addresses: "own",
  attackSeconds: 60,
  apart: true,
  settings: {},
  without: calm,
  under: calm,
  attacks: [],
};

test("violations() finds nothing where the honest notice nothing, whatever was without attack", () => {
  const before = { ...calm, honest: { ...calm.honest, p99: 9999 } };
  assert.deepEqual(violations({ ...well, without: before }), []);
});

test("violations() names each figure that is not allowed, and each finding of an attack", () => {
  const { honest, logins, server } = calm;
  const bad = (changed: Partial<Period>) => violations({ ...well, under: { ...calm, ...changed } });
  assert.deepEqual(bad({ honest: { ...honest, p99: 250 } }), [
    "deliveries' p99 is 250 ms, allowed: below 250 ms",
  ]);
  assert.deepEqual(bad({ honest: { ...honest, lost: 1, doubled: 2, disordered: 3, gaps: 4 } }).length, 4);
  assert.deepEqual(bad({ logins: { ...logins, max: 3001, refused: { too_many_attempts: 2 } } }), [
    "honest logins were refused: too_many_attempts × 2",
    "an honest login took 3001 ms, allowed: 3000 ms",
  ]);
  assert.deepEqual(bad({ server: { ...server, rss: 400 } }), ["RSS was 400 MB, allowed: below 400 MB"]);
  const findings = [{ what: "it holds", holds: true, seen: "" }, { what: "it is closed", holds: false, seen: "open" }];
  const attacked = { point: 1, name: "siege", accepted: {}, refused: {}, findings };
  assert.deepEqual(violations({ ...well, attacks: [attacked] }), ["siege: it is closed? open"]);
});

test("lateness() is the upper end of the bucket that holds the share of what came between", () => {
  const text = (counts: readonly number[]) =>
    ["0.01", "0.1", "+Inf"].map((end, index) =>
      `chat_event_loop_delay_seconds_bucket{worker="0",le="${end}"} ${counts[index]}`
    ).join("\n");
  const [before, after] = [buckets(text([5, 5, 5])), buckets(text([104, 105, 105]))];
  assert.equal(lateness(before, after, 0.99), 10);
  assert.equal(lateness(before, after, 1), 100);
  assert.equal(lateness(before, before, 1), null);
});

test("median() is the middle one, or between the two", () => {
  assert.deepEqual([median([]), median([3]), median([1, 2, 9]), median([1, 3])], [0, 3, 2, 2]);
});

test(
  "besiege() tells what the honest had and what the attackers got, and leaves nothing behind",
  async () => {
    await using running = new AsyncDisposableStack();
    const result = await besiege({
      store: "sqlite",
      attacks: ["rooms", "full-inbox", "odd-hellos"],
      seconds: 1,
      quiet: 1,
      addresses: "own",
      project: new URL("../..", import.meta.url).pathname,
      apart: false,
      rooms: 1,
      settings: { BCRYPT_COST: "4" },
    }, running);
    for (const { honest, logins } of [result.without, result.under]) {
      assert.ok(honest.deliveries > 100, `${honest.deliveries} deliveries`);
      assert.equal(honest.deliveries, 10 * honest.messages);
      assert.equal(honest.lost + honest.doubled + honest.disordered, 0);
      assert.deepEqual(logins.refused, {});
    }
    assert.deepEqual(result.attacks.map(({ name }) => name), ["rooms", "full-inbox", "odd-hellos"]);
    assert.ok(result.attacks[0].accepted.say > 0);
    assert.match(report(result), /deliveries p99/);
  },
  processes,
  linux,
);

test("attacks have names that are their own", () => {
  assert.equal(new Set(attacks.map(({ name }) => name)).size, attacks.length);
});
