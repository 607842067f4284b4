/** What does it take to log in where one is in as many rooms as one may be? */

import type { Values } from "../metrics.ts";
import { type Context, type Scenario, trust } from "../scenario.ts";
import { sleep } from "../load.ts";
import { dialJson, enterJson, leaveJson, names, ok, password, register, request } from "../wire.ts";
import { type StoreName, World } from "../world.ts";

/** In how many rooms. */
const sizes = { quick: 20, usual: 200, long: 200 };

/** How much longer an answer of Redis takes where round trips are counted, in milliseconds. */
const farMs = 50;

/** How often one logs in for one figure. */
const times = 5;

/** Logs in one by one, where nobody else is: nothing is followed yet that the session needs. */
async function measure({ store, size, runs, record }: Context): Promise<void> {
  const rooms = sizes[size];
  await using world = await prepared(store, rooms);
  await using far = store === "redis" ? await prepared(store, rooms, true) : undefined;
  for (let run = 0; run < runs; run++) {
    const values: Values = { loginMs: (await logIns(world)).ms };
    if (far) {
      const near = await logIns(far);
      far.wayToRedis!.delayMs = farMs;
      const { ms } = await logIns(far);
      far.wayToRedis!.delayMs = 0;
      Object.assign(values, { loginCommands: near.commands, loginTrips: (ms - near.ms) / farMs });
    }
    record(`${rooms} rooms`, { rooms }, { ...values, lost: 0, doubled: 0, disordered: 0, disconnected: 0 });
  }
}

/** A world in which one account is in the lobby and in other rooms. */
async function prepared(store: StoreName, rooms: number, far = false): Promise<World> {
  const world = await World.start(store, { DUPLICATE_LOGIN: "share" }, far);
  await register(world.server, ["w"]);
  const wire = await enterJson(world.server, "w", "first", true);
  for (const room of names("r", rooms - 1)) await wire.ask(request("join", { room }), ok);
  await leaveJson(wire);
  return world;
}

async function logIns(world: World): Promise<{ ms: number; commands: number }> {
  const all: { ms: number; commands: number }[] = [];
  for (let time = 0; time < times; time++) {
    const device = await dialJson(world.server, true);
    const before = world.wayToRedis?.commands ?? 0;
    const since = performance.now();
    await device.ask(request("login", { user: "w", password, device: "first" }), ok);
    all.push({ ms: performance.now() - since, commands: (world.wayToRedis?.commands ?? 0) - before });
    await leaveJson(device);
    await sleep(300); // it follows nothing any more
  }
  return all.sort((a, b) => a.ms - b.ms)[times >> 1];
}

export const fullLogin: Scenario = {
  name: "full-login",
  title: "A login where one is in as many rooms as one may be",
  columns: ["loginMs", "loginTrips", "loginCommands", ...trust],
  charts: [],
  run: measure,
};
