/** What the store promises while sentinels replace a dead master by its replica. */

import assert from "node:assert/strict";
import { test } from "../support/declare.ts";
import { Counter } from "../support/failover.ts";
import { ownRedis } from "../support/redis.ts";
import { startSentinels } from "../support/redis_sentinel.ts";
import { RedisCorner } from "../support/stores.ts";
import { until } from "../support/turns.ts";
import { claim, claimed, login } from "./suite.ts";

test(
  "RedisStore goes on with the replica that sentinels promote, and has what it acknowledged",
  async () => {
    const timeoutMs = 1_000;
    await using running = await startSentinels();
    const { master, replica, sentinels, masterName } = running;
    await using place = new RedisCorner({
      prefix: "test:",
      address: { sentinels, masterName },
      servers: [{ hostname: "127.0.0.1", port: replica.port }],
    });
    const stores = [await place.open({ timeoutMs }), await place.open({ timeoutMs })];
    await login(stores[0], "eve", { tokenHash: "one", room: "general" });
    let returns = 0;
    stores[0].onReturn(() => Promise.resolve(void returns++));
    const counters = stores.map((store, index) => new Counter(store, `room:${index}`, timeoutMs));
    for (const counter of counters) await counter.listen();
    await Promise.all(counters.map((counter) => counter.count(100)));
    for (const { heard } of counters) await until("all is heard", () => heard.length === 100);

    await running.replicated();
    await master.kill("SIGKILL");
    await Promise.all(counters.map((counter) => counter.count(100)));
    await running.failedOver();
    for (const counter of counters) {
      assert(counter.refused > 0);
      await counter.checkHears(100);
      await counter.check();
    }
    assert.equal(returns, 1);
    assert.equal(claimed(await claim(stores[1], "eve", { presentedHash: "one" })).session.rooms[0], "general");
  },
  ownRedis,
);
