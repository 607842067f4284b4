/** The store's contract, kept by a Redis Cluster: over TLS, with passwords, and with the least rights. */

import { shared } from "../support/declare.ts";
import { ownRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { secured } from "../support/redis_tls.ts";
import { RedisCorner } from "../support/stores.ts";
import { storeContract } from "./store_contract.ts";

const cluster = shared(ownRedis, async () => {
  await using stack = new AsyncDisposableStack();
  const security = stack.use(await secured());
  const servers = stack.use(await startCluster({ secured: security }));
  const owned = stack.move();
  return { ...servers, security, [Symbol.asyncDispose]: () => owned.disposeAsync() };
});

storeContract({
  name: "Redis Cluster",
  need: ownRedis,
  demands: {},
  place: () => {
    const { masters, nodes, security: { address, auth } } = cluster();
    return Promise.resolve(
      new RedisCorner({
        prefix: `test:${crypto.randomUUID()}:`,
        address: { ...address, clusterNodes: nodes },
        servers: masters.map(({ port }) => ({ hostname: "127.0.0.1", port, auth })),
      }),
    );
  },
});
