/** The store's contract, kept by a Redis that sentinels name: over TLS, with passwords, and with the least rights. */

import { shared } from "../support/declare.ts";
import { ownRedis } from "../support/redis.ts";
import { startSentinels } from "../support/redis_sentinel.ts";
import { secured, sentinelLogin } from "../support/redis_tls.ts";
import { RedisCorner } from "../support/stores.ts";
import { storeContract } from "./store_contract.ts";

const running = shared(ownRedis, async () => {
  await using stack = new AsyncDisposableStack();
  const security = stack.use(await secured());
  const servers = stack.use(await startSentinels({ secured: security }));
  const owned = stack.move();
  return { ...servers, security, [Symbol.asyncDispose]: () => owned.disposeAsync() };
});

storeContract({
  name: "Redis behind sentinels",
  need: ownRedis,
  demands: {},
  place: () => {
    const { master, masterName, sentinels, security: { address, auth } } = running();
    return Promise.resolve(
      new RedisCorner({
        prefix: `test:${crypto.randomUUID()}:`,
        address: { ...address, sentinels, sentinelLogin, masterName },
        servers: [{ hostname: "127.0.0.1", port: master.port, auth }],
      }),
    );
  },
});
