/** The store's contract, kept by a Redis Cluster. */

import { ownRedis } from "../support/redis.ts";
import { startCluster, type TestCluster } from "../support/redis_cluster.ts";
import { RedisCorner } from "../support/stores.ts";
import { storeContract } from "./store_contract.ts";

let cluster: TestCluster | undefined;
if (!ownRedis.ignored) {
  // Outside of what the tests' sanitizers watch.
  Deno.test.beforeAll(async () => {
    cluster = await startCluster();
  });
  Deno.test.afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });
}

storeContract({
  name: "Redis Cluster",
  need: ownRedis,
  exceptions: {},
  place: () => {
    const { masters, nodes } = cluster!;
    return Promise.resolve(
      new RedisCorner({
        prefix: `test:${crypto.randomUUID()}:`,
        address: { clusterNodes: nodes },
        servers: masters.map(({ port }) => ({ hostname: "127.0.0.1", port })),
        [Symbol.asyncDispose]: () => Promise.resolve(), // the data goes with its cluster
      }),
    );
  },
});
