import assert from "node:assert/strict";
import { every, permitted } from "../support/needs.ts";
import { ownRedis } from "../support/redis.ts";
import { allFaults, runChaos } from "./chaos.ts";
import { details, indictment, summary } from "./report.ts";

const needed = every(await permitted("net", "read", "write", "env", "sys", "run"), ownRedis);

/** A run that is short, and the same each time as far as real time allows. */
async function shortRun(options: { seconds: number; seed: number; rollback: boolean }): Promise<void> {
  const verdict = await runChaos({ ...options, servers: 2, clients: 20, publishes: 100, faults: allFaults });
  const figures = `${summary(verdict)}\n${details(verdict)}`;
  assert.equal(verdict.violations.length, 0, `${figures}\n${indictment(verdict)}`);
  const acknowledged = verdict.story.sent.filter(({ outcome }) => outcome.kind === "acknowledged");
  assert(acknowledged.length > 5 * options.seconds, figures);
  assert(verdict.faults.size >= 6, figures);
}

Deno.test({
  name: needed.named("two servers lose, double and reorder nothing, and leave no session over, whatever dies"),
  ignore: needed.ignored,
  fn: () => shortRun({ seconds: 22, seed: 1, rollback: false }),
});

Deno.test({
  name: needed.named("two servers lose nothing without saying so when Redis comes back with older data"),
  ignore: needed.ignored,
  fn: () => shortRun({ seconds: 13, seed: 2, rollback: true }),
});
