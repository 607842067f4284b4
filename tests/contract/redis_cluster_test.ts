/** The store's contract, kept by a Redis Cluster. */

import { shared } from "../support/declare.ts";
import { ownRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { RedisCorner } from "../support/stores.ts";
import { storeContract } from "./store_contract.ts";

const cluster = shared(ownRedis, startCluster);

storeContract({
  name: "Redis Cluster",
  need: ownRedis,
  exceptions: {},
  place: () => {
    const { masters, nodes } = cluster();
    return Promise.resolve(
      new RedisCorner({
        prefix: `test:${crypto.randomUUID()}:`,
        address: { clusterNodes: nodes },
        servers: masters.map(({ port }) => ({ hostname: "127.0.0.1", port })),
      }),
    );
  },
});
