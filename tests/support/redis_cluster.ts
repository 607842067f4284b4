/**
 * A real Redis Cluster for the tests: three masters on free ports, and replicas where a test asks for them.
 *
 * It is put together by commands, so that nothing but `redis-server` is needed. It knows no Redis client but `resp.ts`.
 */

import type { HostPort } from "../../lib/store/redis/transport/redis_transport.ts";
import { replicatedTo, replicates, startRedis, type TestRedis } from "./redis.ts";
import { letIn, type Secured } from "./redis_tls.ts";
import type { RespValue } from "./resp.ts";
import { until } from "./turns.ts";

const hostname = "127.0.0.1";
const slots = 16_384;

/** How a cluster is started. */
export interface ClusterOptions {
  /** Whether the first master has a replica, which is promoted when the master dies; none has unless told. */
  readonly replica?: boolean;
  /** Has all nodes speak TLS and ask for passwords; the store's user may do the least with what begins with `test:`. */
  readonly secured?: Secured;
}

/** A running cluster; disposing of it kills its nodes and removes their folders. */
export interface TestCluster extends AsyncDisposable {
  readonly masters: readonly TestRedis[];
  /** The first master's. */
  readonly replica: TestRedis | undefined;
  /** What a client is told to begin with. */
  readonly nodes: readonly HostPort[];
  /** The number of the master that has the key's slot, before any failover. */
  ownerOf(key: string): Promise<number>;
  /** Waits until the replica has all that its master had when this was called. */
  replicated(): Promise<void>;
  /** Waits until each of these nodes, all unless told, finds that the cluster serves all slots. */
  settled(nodes?: readonly TestRedis[]): Promise<void>;
}

/**
 * Starts a cluster whose slots are shared out evenly, and waits until all its nodes agree.
 *
 * A dead master is noticed after about half a second. While it is away, the slots of the others are served.
 *
 * @throws {Error} when there is no `redis-server`, or one does not answer
 */
export async function startCluster({ replica = false, secured }: ClusterOptions = {}): Promise<TestCluster> {
  await using stack = new AsyncDisposableStack();
  const start = async () =>
    stack.use(
      await startRedis({
        appendonly: true,
        ...(secured ? { tls: true, auth: secured.auth } : {}),
        // deno-fmt-ignore
        args: [
          "--appendfsync", "always", "--cluster-enabled", "yes", "--cluster-node-timeout", "500",
          "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0",
          ...secured ? [...secured.args, "--tls-cluster", "yes", "--tls-replication", "yes"] : [],
        ],
      }),
    );
  const all = await Promise.all(Array.from({ length: replica ? 4 : 3 }, start));
  const masters = all.slice(0, 3);
  const portOf = (node: TestRedis) => secured ? node.tlsPort : node.port;
  if (secured) await Promise.all(all.map((node) => letIn(node, "test:")));
  const settled = async (nodes: readonly TestRedis[] = all) => {
    await Promise.all(nodes.map((node) => until("the cluster is whole", () => isWhole(node, all.length))));
  };
  await Promise.all(all.map((node, index) => node.call("CLUSTER", "SET-CONFIG-EPOCH", `${index + 1}`)));
  await Promise.all(masters.map((node, index) => node.call("CLUSTER", "ADDSLOTSRANGE", ...rangeOf(index))));
  await Promise.all(
    all.slice(1).map((node) => all[0].call("CLUSTER", "MEET", hostname, `${portOf(node)}`)),
  );
  await settled();
  if (replica) await makeReplica(all[3], masters[0]);
  const owned = stack.move();
  return {
    masters,
    replica: all[3],
    nodes: all.map((node) => ({ host: hostname, port: portOf(node) })),
    settled,
    replicated: () => replicatedTo(all[3], masters[0]),
    ownerOf: async (key) => Math.floor(Number(await all[0].call("CLUSTER", "KEYSLOT", key)) * 3 / slots),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The first and the last slot of the master of that number. */
function rangeOf(index: number): [string, string] {
  return [`${Math.ceil(index * slots / 3)}`, `${Math.ceil((index + 1) * slots / 3) - 1}`];
}

async function makeReplica(node: TestRedis, master: TestRedis): Promise<void> {
  await node.call("CLUSTER", "REPLICATE", `${await master.call("CLUSTER", "MYID")}`);
  await replicates(node);
}

/** Whether a node knows all others, and finds all slots served. */
async function isWhole(node: TestRedis, size: number): Promise<boolean> {
  let info: RespValue;
  try {
    info = await node.call("CLUSTER", "INFO");
  } catch {
    return false; // it is starting
  }
  const fields = new Map(String(info).split("\r\n").map((line) => line.split(":") as [string, string]));
  return fields.get("cluster_state") === "ok" && fields.get("cluster_slots_ok") === `${slots}` &&
    fields.get("cluster_known_nodes") === `${size}`;
}
