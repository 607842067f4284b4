/** What a running service goes on doing while a part of its housekeeping hangs. */

import assert from "node:assert/strict";
import { eventually, TextClient } from "../../support/client.ts";
import { onSqlite } from "../../support/server.ts";

onSqlite("a sweep that never ends starves neither idle timeouts, nor the probe", async (start) => {
  await using server = await start({ IDLE_TIMEOUT_SECONDS: "2" });
  const { servers } = server.store;
  const never = Promise.withResolvers<never[]>();
  let [sweeps, probes] = [0, 0];
  servers.sweep = () => {
    sweeps++;
    return never.promise;
  };
  servers.probe = () => Promise.resolve(void probes++);
  await eventually(() => sweeps > 0, "a sweep has begun");
  probes = 0;
  await using guest = await TextClient.open(server);
  assert.match(await guest.line(), /idle_timeout/);
  await eventually(() => probes > 1, "the store is probed");
  assert.equal(sweeps, 1);
  never.resolve([]);
});
