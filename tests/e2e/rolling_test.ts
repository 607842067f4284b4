/**
 * A rolling restart: every server once, under people who talk. The same with 300 of them is `deno task rolling`.
 */

import assert from "node:assert/strict";
import { every } from "../support/needs.ts";
import { processes } from "../support/process.ts";
import { ownRedis } from "../support/redis.ts";
import { rollingRestart } from "../support/rolling.ts";
import { test } from "../support/server.ts";

test("a rolling restart of three servers loses and doubles nothing, and is a line in the clients' status", async () => {
  const report = await rollingRestart({ clients: 30, perSecond: 40, roomSize: 10 });
  const { lost, doubled, gaps, moves, longestOfflineMs, notes } = report;
  assert.deepEqual({ lost, doubled, gaps }, { lost: 0, doubled: 0, gaps: 0 });
  assert.ok(moves >= 30, `only ${moves} moves`);
  assert.ok(longestOfflineMs <= 3_000, `somebody was away for ${longestOfflineMs} ms`);
  assert.deepEqual(notes, ["lost", "resumed"]);
}, every(processes, ownRedis));
