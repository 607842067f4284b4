/** One room, ten who speak, everybody hears: the service's heaviest duty. */

import { Load, type Pace, sleep } from "../load.ts";
import { type Context, type Scenario, trust } from "../scenario.ts";
import { enter, names, pooled } from "../wire.ts";
import { World } from "../world.ts";

const sizes = { quick: [20], usual: [100, 500], long: [100, 500, 1000, 5000] };
const publishers = 10;

/** Deliveries a second that the open loop asks for at most: beyond what a server can do, it measures only its own pace. */
const openLoopDeliveries = 100_000;

export const fanOut: Scenario = {
  name: "fan-out",
  title: "Fan-out: one room, 10 publishers, 64-byte messages",
  columns: [
    "messages",
    "deliveries",
    "serverCpu",
    "redisCpu",
    "p50",
    "p99",
    "max",
    "serverLoad",
    "generatorLoad",
    ...trust,
  ],
  charts: ["deliveries", "serverCpu", "p99"],
  async run(context) {
    for (const members of sizes[context.size]) await room(context, members);
  },
};

async function room({ store, runs, seconds, record }: Context, members: number): Promise<void> {
  await using world = await World.start(store);
  const load = new Load(publishers, members);
  await pooled([...names("m", members).entries()], 32, async ([index, user]) => {
    const wire = await enter(world.server, "REGISTER", user, "bench");
    load.hears(wire, "m0000: ".length, 0, publishers); // now, since it cheaply passes over those who come after it
    if (index < publishers) load.sends(index, wire);
  });
  const rate = Math.min(200, Math.floor(openLoopDeliveries / members));
  const paces: [string, Pace][] = [
    ["window 1", { window: 1 }],
    ["window 16", { window: 16 }],
    [`${rate} messages/s`, { rate }],
  ];
  for (const [name, pace] of paces) {
    for (let run = 0; run < runs; run++) {
      const values = await load.measure(pace, () => world.usage(), () => sleep(seconds * 1000));
      record(`${members} members, ${name}`, { members, publishers, ...pace }, values);
    }
  }
  await load.close();
}
