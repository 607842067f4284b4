import assert from "node:assert/strict";
import { every, permitted } from "../support/needs.ts";
import { ownRedis } from "../support/redis.ts";
import { type ChaosOptions, runChaos } from "./chaos.ts";
import { details, indictment, summary } from "./report.ts";
import { faultsOf, stores } from "./stores.ts";

const processes = await permitted("net", "read", "write", "env", "sys", "run");
const redis = every(processes, ownRedis);

/** A run that is short, and the same each time as far as real time allows. */
async function shortRun(
  options: Pick<ChaosOptions, "store" | "seconds" | "seed" | "policy"> & { rollback?: boolean; haste?: number },
): Promise<void> {
  const { store, rollback = false } = options;
  const servers = stores[store].servers.usual;
  const verdict = await runChaos({
    ...options,
    rollback,
    servers,
    clients: 20,
    publishes: 100,
    faults: faultsOf(store),
  });
  const figures = `${summary(verdict)}\n${details(verdict)}`;
  assert.equal(verdict.violations.length, 0, `${figures}\n${indictment(verdict)}`);
  const acknowledged = verdict.story.sent.filter(({ outcome }) => outcome.kind === "acknowledged");
  assert(acknowledged.length > 5 * options.seconds, figures);
  assert(verdict.faults.size >= 6, figures);
}

Deno.test({
  name: redis.named(
    "two servers lose, double and reorder nothing on anybody's devices, and leave no session over, whatever dies",
  ),
  ignore: redis.ignored,
  fn: () => shortRun({ store: "redis", policy: "share", seconds: 22, seed: 106 }),
});

Deno.test({
  name: redis.named("two servers lose nothing without saying so when Redis comes back with older data"),
  ignore: redis.ignored,
  fn: () => shortRun({ store: "redis", seconds: 13, seed: 2, rollback: true }),
});

Deno.test({
  name: processes.named("one server on SQLite does as well, whatever dies or gets full"),
  ignore: processes.ignored,
  fn: () => shortRun({ store: "sqlite", policy: "share", seconds: 11, seed: 35, haste: 2 }),
});
