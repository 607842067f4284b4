/** The store's contract, kept by a Redis that sentinels name. */

import { ownRedis } from "../support/redis.ts";
import { startSentinels, type TestSentinels } from "../support/redis_sentinel.ts";
import { RedisCorner } from "../support/stores.ts";
import { storeContract } from "./store_contract.ts";

let running: TestSentinels | undefined;
if (!ownRedis.ignored) {
  // Outside of what the tests' sanitizers watch.
  Deno.test.beforeAll(async () => {
    running = await startSentinels();
  });
  Deno.test.afterAll(async () => {
    await running?.[Symbol.asyncDispose]();
  });
}

storeContract({
  name: "Redis behind sentinels",
  need: ownRedis,
  exceptions: {},
  place: () => {
    const { master, masterName, sentinels } = running!;
    return Promise.resolve(
      new RedisCorner({
        prefix: `test:${crypto.randomUUID()}:`,
        address: { sentinels, masterName },
        servers: [{ hostname: "127.0.0.1", port: master.port }],
        [Symbol.asyncDispose]: () => Promise.resolve(), // the data goes with its servers
      }),
    );
  },
});
