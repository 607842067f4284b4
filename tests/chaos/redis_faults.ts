/** What can go wrong with Redis, and on the servers' ways to it. */

import { type Kind, slow } from "./faults.ts";
import type { Proxy, Weather } from "./proxy.ts";
import type { RedisNode } from "./redis_node.ts";

const ofWay = (server: number) => `server${server + 1}'s way to Redis`;
const ofRedis = () => "Redis";

/** Every kind, by name. */
export const redisKinds = {
  "Redis killed": {
    lane: "process",
    lasts: [50, 2_500],
    target: ofRedis,
    async begin({ world }) {
      await world.store.kill();
      return () => world.store.start();
    },
  },
  "Redis paused": {
    lane: "process",
    lasts: [300, 5_000],
    target: ofRedis,
    async begin({ world }) {
      await world.store.pause();
      return () => world.store.resume();
    },
  },
  /** It answers what is asked, and takes nothing that needs memory. */
  "Redis full": {
    lane: "process",
    lasts: [300, 4_000],
    target: ofRedis,
    async begin({ world }) {
      await world.store.fill();
      return () => world.store.empty();
    },
  },
  /** It ends itself at the next write, and is started again when there is room. */
  "Redis' disk full": {
    lane: "process",
    lasts: [300, 3_000],
    target: ofRedis,
    async begin({ world }, _, prng) {
      await world.store.fillDisk(prng.pick([0, prng.int(0, 5_000)]));
      return () => world.store.start();
    },
  },
  /** It is made a replica, and the master again: its connections stay. */
  "Redis demoted": {
    lane: "process",
    lasts: [300, 4_000],
    target: ofRedis,
    async begin({ world }) {
      await world.store.demote();
      return () => world.store.promote();
    },
  },
  "store cut": {
    lane: "network",
    lasts: [0, 0],
    target: ofWay,
    // deno-lint-ignore require-await -- all begin alike
    async begin({ world }, server, prng) {
      for (const link of world.store.ways[server].links) link.cut(prng.next());
    },
  },
  "store slowed": {
    lane: "network",
    lasts: [500, 3_000],
    target: ofWay,
    begin: ({ world }, server, prng) => spoilAll(world.store.ways[server], slow(prng)),
  },
  "store held up": {
    lane: "network",
    lasts: [300, 6_000],
    target: ofWay,
    begin: ({ world }, server) => spoilAll(world.store.ways[server], { kind: "held" }),
  },
  "store half-open": {
    lane: "network",
    lasts: [300, 6_000],
    target: ofWay,
    begin: ({ world }, server) => spoilAll(world.store.ways[server], { kind: "swallowed" }),
  },
  "scripts flushed": {
    lane: "network",
    lasts: [0, 0],
    target: ofRedis,
    async begin({ world }) {
      await world.store.call("SCRIPT", "FLUSH");
    },
  },
  "subscriptions killed": {
    lane: "network",
    lasts: [0, 0],
    target: ofRedis,
    async begin({ world }) {
      await world.store.call("CLIENT", "KILL", "TYPE", "pubsub");
    },
  },
} as const satisfies Record<string, Kind<RedisNode>>;

// deno-lint-ignore require-await -- all begin alike
async function spoilAll(proxy: Proxy, weather: Weather): Promise<() => void> {
  proxy.weather = weather;
  return () => void (proxy.weather = { kind: "clear" });
}
