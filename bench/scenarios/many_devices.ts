/**
 * Sessions in many rooms, on several devices of each user, beside as many that are in one room: what does a session cost,
 * and what a delivery?
 */

import { Load, sleep } from "../load.ts";
import { type Context, type Scenario, trust } from "../scenario.ts";
import { enterJson, leaveJson, names, ok, pooled, register, request } from "../wire.ts";
import { World } from "../world.ts";

interface Crowd {
  readonly users: number;
  readonly devices: number;
  /** How many rooms each is in, and all others of its team. */
  readonly rooms: number;
}

/** So many users are in the same rooms. */
const team = 20;

/** Messages a second, over all rooms. */
const rate = 100;

/** How many log in before memory is looked at first: what the first logins make the server load is nobody's own. */
const first = 20;

const crowds: Readonly<Record<Context["size"], readonly Crowd[]>> = {
  quick: [{ users: 20, devices: 2, rooms: 1 }, { users: 20, devices: 2, rooms: 3 }],
  usual: [{ users: 1000, devices: 3, rooms: 1 }, { users: 1000, devices: 3, rooms: 20 }],
  long: [{ users: 1000, devices: 3, rooms: 1 }, { users: 1000, devices: 3, rooms: 20 }],
};

export const manyDevices: Scenario = {
  name: "many-devices",
  title: "Sessions in many rooms, on several devices of each user",
  columns: [
    "kbPerSession",
    "logins",
    "serverCpu",
    "redisCpu",
    "p50",
    "p99",
    "subscriptions",
    "serverLoad",
    "generatorLoad",
    ...trust,
  ],
  charts: ["kbPerSession", "serverCpu"],
  needsProc: true,
  async run(context: Context) {
    for (const crowd of crowds[context.size]) await measureCrowd(context, crowd);
  },
};

async function measureCrowd({ store, size, runs, seconds, record }: Context, crowd: Crowd): Promise<void> {
  const { users: count, devices, rooms } = crowd;
  const settleMs = size === "quick" ? 500 : 5000;
  const many = rooms > 1;
  const lanes = count / team * rooms;
  const users = names("u", count);
  await using world = await World.start(store, { DUPLICATE_LOGIN: "share" });
  await register(world.server, [...users, ...names("e", first)]);
  const roomsOf = (index: number) => names("r", lanes).slice(firstOf(index), firstOf(index) + rooms);
  const firstOf = (index: number) => Math.floor(index / team) * rooms;
  if (many) { // an account's rooms last
    await pooled(users, 16, async (user) => {
      const wire = await enterJson(world.server, user, "first", true);
      for (const room of roomsOf(users.indexOf(user))) await wire.ask(request("join", { room }), ok);
      await wire.ask(request("leave", { room: "lobby" }), ok);
      await leaveJson(wire);
    });
  }
  for (let run = 0; run < runs; run++) {
    await world.restart("SIGTERM"); // a server that has done nothing yet
    const load = new Load(lanes, team * devices);
    const extras = await pooled(names("e", first), 16, (user) => enterJson(world.server, user, "first", many));
    await sleep(settleMs / 2);
    const before = world.memory()!;
    const people = users.flatMap((user, index) =>
      Array.from({ length: devices }, (_, device) => ({ user, index, device }))
    );
    const since = performance.now();
    await pooled(people, 32, async ({ user, index, device }) => {
      const wire = await enterJson(world.server, user, `d${device}`, many);
      if (!many) await wire.ask(request("join", { room: roomsOf(index)[0] }), ok);
      load.hearsEvents(wire, firstOf(index), rooms);
      // Each room has one of its team who speaks in it, on the first device.
      const own = index % team;
      if (device === 0 && own < rooms) {
        for (let lane = own; lane < rooms; lane += team) {
          const room = roomsOf(index)[lane];
          load.sends(
            firstOf(index) + lane,
            wire,
            (text) => JSON.stringify({ cmd: "say", ...(many ? { room } : {}), text }),
          );
        }
      }
    });
    const logins = people.length * 1000 / (performance.now() - since);
    await sleep(settleMs);
    const kbPerSession = (world.memory()! - before) / people.length;
    const subscriptions = await world.subscriptions();
    const values = await load.measure({ rate }, () => world.usage(), () => sleep(seconds * 1000));
    record(
      `${count} users, ${devices} devices, ${rooms === 1 ? "1 room" : `${rooms} rooms`}`,
      { ...crowd, team, rate },
      {
        ...values,
        kbPerSession,
        logins,
        ...(subscriptions === undefined ? {} : { subscriptions }),
      },
    );
    await load.close();
    for (const extra of extras) await extra.close();
  }
}
