/**
 * A master dies while people talk on two servers, and its replica takes its place: behind sentinels, and in a cluster.
 * Nothing that was acknowledged is lost, doubled or out of order, and nobody has to reconnect.
 *
 * Redis replicates after it has acknowledged. So that the tests do not depend on luck, the master is made to hold back
 * writes until its replica has everything, and is killed while messages wait there for their answers.
 */

import assert from "node:assert/strict";
import { ownRedis, type TestRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis_cluster.ts";
import { startSentinels } from "../support/redis_sentinel.ts";
import { type Settings, startServer, test } from "../support/server.ts";
import { assertWhole, Talker } from "../support/talker.ts";

/** Leases run out while Redis is away; nobody is slowed down. */
const settings: Settings = {
  RATE_LIMIT: "off",
  MAX_INBOX_PER_SENDER: "1000",
  ACTIVE_TTL_SECONDS: "2",
  HEARTBEAT_INTERVAL_SECONDS: "0.5",
};

/** How long an answer may take, in milliseconds: the store's limit, and some for a busy machine. */
const answerMs = 2_500;

/** What fails over. */
interface Topology {
  /** Where servers find it. */
  readonly redis: Settings;
  readonly master: TestRedis;
  replicated(): Promise<void>;
}

/** @param rooms two rooms, of which the first is on the master that dies */
async function talkThroughFailover({ redis, master, replicated }: Topology, rooms: readonly string[]): Promise<void> {
  await using one = await startServer(settings, redis);
  await using two = await startServer(settings, redis);
  await using parts = new AsyncDisposableStack();
  const start = async (at: typeof one, user: string, room: string) => parts.use(await Talker.start(at, user, room));
  const talkers = [
    await start(one, "a", rooms[0]),
    await start(two, "b", rooms[0]),
    await start(one, "c", rooms[1]),
    await start(two, "d", rooms[1]),
  ];
  const [a, b, c, d] = talkers;
  const pairs = [[a, b], [b, a], [c, d], [d, c]];
  const stop = new AbortController();
  const talking = Promise.all(
    pairs.map(([talker, { user }]) => talker.talk([{ cmd: "say" }, { cmd: "msg", fields: { to: user } }], stop.signal)),
  );
  for (const [talker, other] of pairs) await talker.hears(other, 20);

  await master.call("CLIENT", "PAUSE", "60000", "WRITE");
  await replicated();
  await master.kill("SIGKILL");
  const last = talkers.map((talker) => talker.last);
  for (const [talker, other] of pairs) await talker.hears(other, last[talkers.indexOf(other)] + 20);
  stop.abort();
  await talking;
  const follows = new Map([[`room:${rooms[0]}`, [a, b]], [`room:${rooms[1]}`, [c, d]]]);
  for (const talker of talkers) follows.set(`inbox:${talker.user}`, [talker]);
  await assertWhole(talkers, follows);
  assert.ok(talkers.some(({ refused }) => refused > 0), "messages were refused");
  for (const { user, told, slowest } of talkers) {
    assert.deepEqual(told, [], `${user} was told nothing`);
    assert.ok(slowest < answerMs, `${user} waited ${slowest} ms for an answer`);
  }
}

test("two servers talk on over a failover by sentinels, nothing lost, doubled or out of order", async () => {
  await using running = await startSentinels();
  const { sentinels, masterName } = running;
  const redis = {
    REDIS_SENTINELS: sentinels.map(({ host, port }) => `${host}:${port}`).join(","),
    REDIS_MASTER_NAME: masterName,
  };
  await talkThroughFailover({ ...running, redis }, ["one", "two"]);
}, ownRedis);

test("two servers talk on over a failover in a cluster, nothing lost, doubled or out of order", async () => {
  await using cluster = await startCluster({ replica: true });
  const prefix = "chat:";
  const redis = {
    REDIS_CLUSTER_NODES: cluster.nodes.map(({ host, port }) => `${host}:${port}`).join(","),
    REDIS_PREFIX: prefix,
  };
  const rooms: string[] = [];
  for (let number = 0; rooms.filter(Boolean).length < 2; number++) {
    const owner = await cluster.ownerOf(`${prefix}{room:${number}}:log`);
    rooms[Math.min(owner, 1)] ??= `${number}`;
  }
  await talkThroughFailover({ redis, master: cluster.masters[0], replicated: cluster.replicated }, rooms);
}, ownRedis);
