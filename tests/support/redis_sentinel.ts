/**
 * A real Redis behind sentinels, for the tests: a master, its replica, and three sentinels on free ports.
 *
 * It knows no Redis client but `resp.ts`.
 */

import type { HostPort } from "../../lib/store/redis/transport/redis_transport.ts";
import { replicatedTo, replicates, startRedis, type TestRedis } from "./redis.ts";
import { letIn, type Secured, sentinelLogin } from "./redis_tls.ts";
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

/** How they are started. */
export interface SentinelOptions {
  /** Has all of them speak TLS and ask for passwords; the store's user may do the least with what begins with `test:`. */
  readonly secured?: Secured;
}

/** What each kind of server needs beside, to be a secured one. */
function security(secured: Secured | undefined, masterName: string) {
  if (!secured) return { node: {}, args: [], sentinel: {}, lines: () => [] };
  const { auth, args, tlsArgs } = secured;
  const both = ["--tls-replication", "yes"];
  return {
    node: { tls: true, auth },
    args: [...args, ...both],
    sentinel: { tls: true, auth, args: [...tlsArgs, ...both] },
    lines: () => [
      `sentinel auth-pass ${masterName} ${auth[0]}`,
      `requirepass ${auth[0]}`,
      `sentinel sentinel-pass ${auth[0]}`,
      `user ${sentinelLogin.username} on >${sentinelLogin.password} -@all +ping +sentinel|get-master-addr-by-name`,
    ],
  };
}

/**
 * Starts them, and waits until the sentinels know each other and the replica.
 *
 * A dead master is noticed after half a second; electing another takes the sentinels a second or two.
 *
 * @throws {Error} when there is no `redis-server`, or one does not answer
 */
export async function startSentinels({ secured }: SentinelOptions = {}): Promise<TestSentinels> {
  const masterName = "chat";
  const secure = security(secured, masterName);
  const portOf = (node: TestRedis) => secured ? node.tlsPort : node.port;
  await using stack = new AsyncDisposableStack();
  const args = ["--appendfsync", "always", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
  const [master, replica] = await Promise.all(
    [0, 1].map(async () =>
      stack.use(await startRedis({ appendonly: true, ...secure.node, args: [...args, ...secure.args] }))
    ),
  );
  if (secured) await Promise.all([master, replica].map((node) => letIn(node, "test:")));
  await replica.call("REPLICAOF", hostname, `${portOf(master)}`);
  await replicates(replica);
  const sentinel = [
    `sentinel monitor ${masterName} ${hostname} ${portOf(master)} 2`,
    ...secure.lines(),
    `sentinel down-after-milliseconds ${masterName} 500`,
    `sentinel failover-timeout ${masterName} 3000`,
  ];
  const sentinels = await Promise.all(
    [0, 1, 2].map(async () => stack.use(await startRedis({ sentinel, ...secure.sentinel }))),
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
    sentinels: sentinels.map((node) => ({ host: hostname, port: portOf(node) })),
    master,
    replica,
    replicated: () => replicatedTo(replica, master),
    failedOver: async () => {
      for (const node of sentinels) {
        await until("the replica is the master", async () => {
          const named = await node.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName) as string[];
          return named[1] === `${portOf(replica)}` && (await replica.call("ROLE") as RespValue[])[0] === "master";
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
