/**
 * A real Redis behind sentinels, for the tests: a master, its replica, and three sentinels on free ports.
 *
 * It knows no Redis client but `resp.ts`.
 */

import type { HostPort } from "../../lib/store/redis/redis_transport.ts";
import { replicatedTo, replicates, startRedis, type TestRedis } from "./redis.ts";
import type { RespValue } from "./resp.ts";
import { until } from "./turns.ts";

const hostname = "127.0.0.1";

/** Running servers; disposing of them kills all and removes their folders. */
export interface TestSentinels extends AsyncDisposable {
  /** What the sentinels call the master. */
  readonly masterName: string;
  readonly sentinels: readonly HostPort[];
  /** The master at the start, and its replica, which is promoted when the master dies. */
  readonly master: TestRedis;
  readonly replica: TestRedis;
  /** Waits until the replica has all that the master had when this was called. */
  replicated(): Promise<void>;
  /** Waits until all sentinels name the replica as the master, and it is one. */
  failedOver(): Promise<void>;
}

/**
 * Starts them, and waits until the sentinels know each other and the replica.
 *
 * A dead master is noticed after half a second; electing another takes the sentinels a second or two.
 *
 * @throws {Error} when there is no `redis-server`, or one does not answer
 */
export async function startSentinels(): Promise<TestSentinels> {
  const masterName = "chat";
  await using stack = new AsyncDisposableStack();
  const args = ["--appendfsync", "always", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
  const [master, replica] = await Promise.all(
    [0, 1].map(async () => stack.use(await startRedis({ appendonly: true, args }))),
  );
  await replica.call("REPLICAOF", hostname, `${master.port}`);
  await replicates(replica);
  const sentinel = [
    `sentinel monitor ${masterName} ${hostname} ${master.port} 2`,
    `sentinel down-after-milliseconds ${masterName} 500`,
    `sentinel failover-timeout ${masterName} 3000`,
  ];
  const sentinels = await Promise.all(
    [0, 1, 2].map(async () => stack.use(await startRedis({ sentinel }))),
  );
  await Promise.all(sentinels.map((node) =>
    until("a sentinel knows everybody", async () => {
      const known = fieldsOf(await node.call("SENTINEL", "MASTER", masterName));
      return known.get("num-slaves") === "1" && known.get("num-other-sentinels") === "2";
    })
  ));
  const owned = stack.move();
  return {
    masterName,
    sentinels: sentinels.map(({ port }) => ({ host: hostname, port })),
    master,
    replica,
    replicated: () => replicatedTo(replica, master),
    failedOver: async () => {
      for (const node of sentinels) {
        await until("the replica is the master", async () => {
          const named = await node.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName) as string[];
          return named[1] === `${replica.port}` && (await replica.call("ROLE") as RespValue[])[0] === "master";
        });
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function fieldsOf(flat: RespValue): Map<string, string> {
  const fields = new Map<string, string>();
  const words = flat as string[];
  for (let index = 0; index + 1 < words.length; index += 2) fields.set(words[index], words[index + 1]);
  return fields;
}
