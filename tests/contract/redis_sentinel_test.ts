/** The store's contract, kept by a Redis that sentinels name. */

import { shared } from "../support/declare.ts";
import { ownRedis } from "../support/redis.ts";
import { startSentinels } from "../support/redis_sentinel.ts";
import { RedisCorner } from "../support/stores.ts";
import { storeContract } from "./store_contract.ts";

const running = shared(ownRedis, startSentinels);

storeContract({
  name: "Redis behind sentinels",
  need: ownRedis,
  exceptions: {},
  place: () => {
    const { master, masterName, sentinels } = running();
    return Promise.resolve(
      new RedisCorner({
        prefix: `test:${crypto.randomUUID()}:`,
        address: { sentinels, masterName },
        servers: [{ hostname: "127.0.0.1", port: master.port }],
      }),
    );
  },
});
