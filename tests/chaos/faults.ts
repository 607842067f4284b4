/**
 * What can go wrong in a run: each kind of fault with how long it lasts, how it begins and how it is healed. Here are
 * those of servers, connections and clients; those of a store stand in a file of their own.
 */

import type { Actor } from "./actor.ts";
import { Connection, type Ways } from "./connection.ts";
import { resumeForged } from "./forger.ts";
import type { Prng } from "./prng.ts";
import type { Link, Proxy, Weather } from "./proxy.ts";
import { pause } from "../../lib/common/time.ts";
import type { Revocation } from "./record.ts";
import type { Store } from "./store.ts";
import type { Warden } from "./warden.ts";
import type { World } from "./world.ts";

/** What a fault is done to. */
export interface Stage<S extends Store = Store> {
  readonly world: World<S>;
  readonly actors: readonly Actor[];
  readonly ways: Ways;
  /** How users' sessions live with each other. */
  readonly policy: Policy;
  readonly revocations: Revocation[];
  readonly warden: Warden;
}

/** How several logins of a user get on, of those that a run can have. */
export type Policy = "force" | "share";

/** A kind of fault. */
export interface Kind<S extends Store = Store> {
  /** Faults of one lane come one after the other, those of different lanes at the same time. */
  readonly lane: "process" | "network" | "client";
  /** The shortest and the longest that it lasts, in milliseconds. */
  readonly lasts: readonly [number, number];
  /** What it is done to: two faults of the same target never overlap. */
  target(server: number): string;
  /** Does it, to the server of that number where it is about one. @returns what heals it */
  begin(stage: Stage<S>, server: number, prng: Prng): Promise<(() => Promise<void> | void) | void>;
}

/** A server as a fault's target. */
export const ofServer = (server: number) => `server${server + 1}`;
const ofDoor = (server: number) => `the clients of server${server + 1}`;
const ofSomebody = () => "somebody";
const ofForger = () => "the forger";
const ofWarden = () => "the warden";

/** Every kind that there is with any store, by name. */
export const commonKinds = {
  "server killed": {
    lane: "process",
    lasts: [200, 3_000],
    target: ofServer,
    async begin({ world }, server) {
      await world.nodes[server].kill();
      return () => world.nodes[server].start();
    },
  },
  "server stopped": {
    lane: "process",
    lasts: [200, 1_000],
    target: ofServer,
    async begin({ world }, server) {
      await world.nodes[server].stop();
      return () => world.nodes[server].start();
    },
  },
  /** For less than its lease. */
  "server paused": { lane: "process", lasts: [300, 1_800], target: ofServer, begin: pauseServer },
  /** For longer than its lease: it is taken for dead, and wakes up. */
  "server frozen": { lane: "process", lasts: [4_000, 7_500], target: ofServer, begin: pauseServer },
  /** Its clients leave it, for another if there is one, and then it wakes up with what they had told it. */
  "server paused and left": {
    lane: "process",
    lasts: [600, 1_500],
    target: ofServer,
    async begin({ world }, server, prng) {
      const { proxy } = world.nodes[server];
      world.nodes[server].pause();
      await pause(prng.int(200, 500));
      for (const link of proxy.links) link.cut(prng.next());
      return () => world.nodes[server].resume();
    },
  },
  "clients cut": {
    lane: "network",
    lasts: [0, 0],
    target: ofDoor,
    // deno-lint-ignore require-await -- all begin alike
    async begin({ world }, server, prng) {
      for (const link of some(world.nodes[server].proxy, prng)) link.cut(prng.next());
    },
  },
  "clients slowed": {
    lane: "network",
    lasts: [500, 3_000],
    target: ofDoor,
    begin: ({ world }, server, prng) => spoilSome(world.nodes[server].proxy, prng, slow(prng)),
  },
  "clients far away": {
    lane: "network",
    lasts: [2_000, 6_000],
    target: ofDoor,
    begin: ({ world }, server, prng) =>
      spoilSome(world.nodes[server].proxy, prng, { kind: "late", ms: prng.int(20, 300) }),
  },
  "clients held up": {
    lane: "network",
    lasts: [500, 6_000],
    target: ofDoor,
    begin: ({ world }, server, prng) => spoilSome(world.nodes[server].proxy, prng, { kind: "held" }),
  },
  "clients half-open": {
    lane: "network",
    lasts: [1_000, 6_000],
    target: ofDoor,
    begin: ({ world }, server, prng) => spoilSome(world.nodes[server].proxy, prng, { kind: "swallowed" }),
  },
  "resumed twice": {
    lane: "client",
    lasts: [0, 0],
    target: ofSomebody,
    // deno-lint-ignore require-await -- all begin alike
    async begin({ actors }, _, prng) {
      for (const actor of prng.shuffled(actors).slice(0, prng.int(1, 4))) actor.drop(true);
    },
  },
  "logged in elsewhere": {
    lane: "client",
    lasts: [100, 2_000],
    target: ofSomebody,
    async begin(stage, server, prng) {
      return await usurp(stage, server, prng);
    },
  },
  /** One of a user's devices ends another one for good. */
  "device revoked": {
    lane: "client",
    lasts: [0, 0],
    target: ofSomebody,
    // deno-lint-ignore require-await -- all begin alike
    async begin(stage, _, prng) {
      revoke(stage, prng);
    },
  },
  /** Somebody may not be in a room any more, or not speak there, for a while. */
  "user sanctioned": {
    lane: "client",
    lasts: [500, 3_000],
    target: ofWarden,
    async begin({ world, actors, warden }, server, prng) {
      const users = actors.filter(({ account }) => !account.hasText);
      if (users.length === 0) return;
      const { account, rooms } = prng.pick(users);
      account.sanctioned = true;
      return await warden.sanction(world.nodes, server, prng, account.user, rooms);
    },
  },
  /** Positions that no server gave: they are evidence against nobody. */
  "positions forged": {
    lane: "client",
    lasts: [200, 1_000],
    target: ofForger,
    async begin({ world, actors, ways }, server, prng) {
      const nodes = [world.nodes[server], prng.pick(world.nodes)] as const;
      const live = actors.filter(({ live }) => live);
      const users = [...new Set(live.map(({ account }) => account.user))];
      const rooms = [...new Set(live.flatMap(({ rooms }) => [...rooms]))];
      try {
        return await resumeForged(nodes, ways, { rooms, users, prng });
      } catch {
        return; // a server is away
      }
    },
  },
} as const satisfies Record<string, Kind>;

// deno-lint-ignore require-await -- all begin alike
async function pauseServer({ world }: Stage, server: number): Promise<() => void> {
  world.nodes[server].pause();
  return () => world.nodes[server].resume();
}

/**
 * Somebody logs in under an actor's name and password, and leaves again, politely or not. Where sessions are shared, this
 * is the actor's device again, or one more that evicts nobody.
 */
async function usurp({ world, actors, ways, policy }: Stage, server: number, prng: Prng): Promise<() => Promise<void>> {
  const actor = prng.pick(actors);
  const { account: { user, password } } = actor;
  const polite = prng.chance(0.5);
  const evicts = policy === "force" || prng.chance(0.6);
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let rival: Connection | undefined;
  try {
    rival = await Connection.open(world.nodes[server], `${actor.name}'s rival`, ways, {
      event: () => {},
      ended: () => resolve(),
    });
  } catch {
    return async () => {}; // the server is away
  }
  if (evicts) actor.expectRival();
  const device = policy === "share" && evicts ? { device: actor.device } : {};
  rival.request("login", { user, password, ...device });
  return async () => {
    if (evicts) actor.expectRival();
    if (polite) {
      rival.request("quit", {});
      const late = new AbortController();
      await Promise.race([over, pause(1_000, late.signal)]);
      late.abort();
    }
    rival.drop("it was only a visit");
  };
}

/** What is stored of the revoked session is told apart by what the other device says behind the answer. */
function revoke({ actors, ways: { timeline }, revocations }: Stage, prng: Prng): void {
  const [victim] = prng.shuffled(actors.filter(({ account }) => account.shared));
  const others = actors.filter((each) => each !== victim && each.account === victim?.account && each.live);
  if (others.length === 0) return;
  const revoker = prng.pick(others);
  const { name, device, session } = victim;
  victim.expectRival();
  revoker.connection?.request("revoke", { device }, ({ type, message }) => {
    victim.expectRival();
    // Where a server does not answer, its side connections go on: sessions are revoked.
    if (type !== "ok" && !/ did not answer: side connections there go on/.test(message)) return;
    victim.revoked(session);
    const markers = revoker.sayEverywhere().map(({ topic, cid }) => ({ topic, cid }));
    revocations.push({ at: timeline.now, device: name, session, markers });
  });
}

/** How slow a connection gets: so many bytes at a time. */
export function slow(prng: Prng): Weather {
  return { kind: "slow", bytes: prng.pick([1, 1, 7, 200]), pauseMs: prng.int(1, 4) };
}

/** About half of a proxy's connections, at least one if there is any. */
function some(proxy: Proxy, prng: Prng): Link[] {
  const links = prng.shuffled(proxy.links);
  return links.slice(0, Math.ceil(links.length * prng.next()));
}

// deno-lint-ignore require-await -- all begin alike
async function spoilSome(proxy: Proxy, prng: Prng, weather: Weather): Promise<() => void> {
  const links = some(proxy, prng);
  for (const link of links) link.weather = weather;
  return () => {
    for (const link of links) link.weather = { kind: "clear" };
  };
}
