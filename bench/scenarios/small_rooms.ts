/** Many rooms of two: a topic, and a subscription of the server's, for each. */

import { Load, type Pace, sleep } from "../load.ts";
import { type Context, type Scenario, trust } from "../scenario.ts";
import { enter, names, pooled } from "../wire.ts";
import { World } from "../world.ts";

const sizes = { quick: 20, usual: 1000, long: 5000 };

export const smallRooms: Scenario = {
  name: "small-rooms",
  title: "Many rooms of two",
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
  async run({ store, size, runs, seconds, record }: Context) {
    const rooms = sizes[size];
    await using world = await World.start(store);
    const load = new Load(rooms, 2);
    const pairs = await pooled(names("r", rooms), 16, async (room) => {
      const speaker = await enter(world.server, "REGISTER", `${room}a`, room);
      return [speaker, await enter(world.server, "REGISTER", `${room}b`, room)];
    });
    pairs.forEach((pair, lane) => {
      for (const wire of pair) load.hears(wire, "r0000a: ".length, lane, 1);
      load.sends(lane, pair[0]);
    });
    // Everybody at once, as fast as it goes; and a calm evening.
    const rate = Math.min(500, rooms);
    const paces: [string, Pace][] = [["window 1", { window: 1 }], [`${rate} messages/s`, { rate }]];
    for (const [name, pace] of paces) {
      for (let run = 0; run < runs; run++) {
        const values = await load.measure(pace, () => world.usage(), () => sleep(seconds * 1000));
        record(`${rooms} rooms, ${name}`, { rooms, ...pace }, values);
      }
    }
    await load.close();
  },
};
