/** What housekeeping promises: each job has a loop of its own, runs once at a time, and goes on after a fault. */

import assert from "node:assert/strict";
import { ChatError } from "../../../lib/common/errors.ts";
import type { Log } from "../../../lib/observability/log.ts";
import { Housekeeping } from "../../../lib/server/service/housekeeping.ts";
import { test } from "../../support/declare.ts";
import { until } from "../../support/turns.ts";

/** Housekeeping, and what it logged. */
function make() {
  const logged: unknown[][] = [];
  const log = { warn: (...line: unknown[]) => void logged.push(line), debug: () => {} } as unknown as Log;
  return { house: new Housekeeping(log), logged };
}

test("Housekeeping goes on with every other job where a sweep never ends", async () => {
  const { house, logged } = make();
  const sweep = Promise.withResolvers<void>();
  const runs = { sweep: 0, probe: 0, connections: 0 };
  house.every("sweep", 1, () => {
    runs.sweep++;
    return sweep.promise;
  });
  house.every("probe", 1, () => Promise.resolve(void runs.probe++));
  house.every("connections", 1, () => void runs.connections++);
  await until("the others have run", () => runs.probe > 3 && runs.connections > 3);
  assert.equal(runs.sweep, 1);
  let stopped = false;
  const stopping = house.stop().then(() => stopped = true);
  await Promise.resolve();
  assert.equal(stopped, false);
  sweep.resolve();
  await stopping;
  assert.deepEqual(logged, []);
});

test("Housekeeping logs what fails by its job's name, and tries again", async () => {
  const { house, logged } = make();
  const error = new Error("away");
  let runs = 0;
  house.every("rejects", 1, () => runs++ === 0 ? Promise.reject(error) : Promise.resolve());
  house.every("throws", 1, () => {
    if (logged.length < 2) throw error;
  });
  await until("both have failed, and one has run again", () => logged.length >= 2 && runs > 1);
  await house.stop();
  for (const job of ["rejects", "throws"]) {
    assert.deepEqual(logged.find(([, line]) => (line as { job: string }).job === job), [
      "housekeeping_failed",
      { job, error },
    ]);
  }
});

test("Housekeeping logs nothing of its own where the store cannot be used: that is told once for all", async () => {
  const { house, logged } = make();
  let runs = 0;
  house.every("store", 1, () => {
    runs++;
    return Promise.reject(new ChatError("store_unavailable", "away"));
  });
  await until("it has failed", () => runs > 2);
  await house.stop();
  assert.deepEqual(logged, []);
});

test("Housekeeping.stop() waits for a run no longer than it is told", async () => {
  const { house } = make();
  let begun = false;
  house.every("hangs", 1, () => {
    begun = true;
    return new Promise(() => {});
  });
  await until("it has begun", () => begun);
  await house.stop(5);
});

test("Housekeeping.stop() begins nothing more", async () => {
  const { house } = make();
  let runs = 0;
  house.every("job", 1, () => void runs++);
  await until("it has run", () => runs > 0);
  await house.stop();
  const before = runs;
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(runs, before);
});
