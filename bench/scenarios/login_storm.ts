/** Everybody logs in at once, while two go on talking: is a password's work off the event loop? */

import { Load, sleep } from "../load.ts";
import { type Context, type Scenario, trust } from "../scenario.ts";
import type { Storm, StormDone } from "../storm_worker.ts";
import { enter, names, register } from "../wire.ts";
import { World } from "../world.ts";

/** bcrypt's cost → how many log in at once: the default cost, and the least, where TLS and the store are what costs. */
const sizes = {
  quick: { 12: 4, 4: 20 },
  usual: { 12: 40, 4: 300 },
  long: { 12: 200, 4: 2000 },
};

/** Messages a second of the two. */
const rate = 50;

export const loginStorm: Scenario = {
  name: "login-storm",
  title: "Login storm, with a pair that goes on talking",
  columns: ["logins", "quietP99", "p50", "p99", "max", "serverLoad", "generatorLoad", ...trust],
  charts: ["logins", "p99"],
  async run(context) {
    for (const [cost, logins] of Object.entries(sizes[context.size])) await storm(context, cost, logins);
  },
};

async function storm({ store, runs, record }: Context, cost: string, logins: number): Promise<void> {
  await using world = await World.start(store, { BCRYPT_COST: cost });
  const users = names("u", logins);
  await register(world.server, users);
  const load = new Load(1, 2);
  const pair = [];
  for (const user of ["p0000", "p0001"]) pair.push(await enter(world.server, "REGISTER", user, "pair"));
  for (const wire of pair) load.hears(wire, "p0000: ".length, 0, 1);
  load.sends(0, pair[0]);
  const worker = new Worker(new URL("../storm_worker.ts", import.meta.url), { type: "module" });
  try {
    for (let run = 0; run < runs; run++) {
      const { p99: quietP99 } = await load.measure({ rate }, () => world.usage(), () => sleep(1000));
      let seconds = 0;
      const values = await load.measure({ rate }, () => world.usage(), async () => {
        seconds = await stormed(worker, { at: { port: world.server.port, ca: world.server.ca }, users });
      });
      record(`${logins} at bcrypt cost ${cost}`, { logins, cost, rate }, {
        ...values,
        quietP99,
        logins: logins / seconds,
      });
      await sleep(500); // the server notices that they went
    }
  } finally {
    worker.terminate();
  }
  await load.close();
}

function stormed(worker: Worker, storm: Storm): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<StormDone>) =>
      "seconds" in data ? resolve(data.seconds) : reject(new Error(data.error));
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(storm);
  });
}
