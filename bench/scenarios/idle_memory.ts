/** People who are there and say nothing: what does one of them cost? */

import { Load, sleep } from "../load.ts";
import { type Context, type Scenario, trust } from "../scenario.ts";
import { enter, names, pooled, register } from "../wire.ts";
import { World } from "../world.ts";

const sizes = { quick: 50, usual: 1000, long: 5000 };

/** How many log in before memory is looked at first: what the first logins make the server load is nobody's own. */
const first = 20;

export const idleMemory: Scenario = {
  name: "idle-memory",
  title: "Memory of sessions that are logged in and idle, in the lobby",
  columns: ["kbPerSession", "serverLoad", ...trust],
  charts: ["kbPerSession"],
  needsProc: true,
  async run({ store, size, runs, record }: Context) {
    const sessions = sizes[size];
    const settleMs = size === "quick" ? 500 : 5000;
    const users = names("i", sessions + first);
    await using world = await World.start(store);
    await register(world.server, users);
    for (let run = 0; run < runs; run++) {
      await world.restart("SIGTERM"); // a server that has done nothing yet
      const load = new Load(1, 1);
      const logIn = async (user: string) => load.hears(await enter(world.server, "LOGIN", user), 0, 0, 1);
      await pooled(users.slice(0, first), 32, logIn);
      await sleep(settleMs / 2);
      const before = world.memory()!;
      await pooled(users.slice(first), 32, logIn);
      await sleep(settleMs);
      const after = world.memory()!;
      const [since, used] = [performance.now(), world.usage().server!];
      await sleep(settleMs);
      const serverLoad = (world.usage().server! - used) * 1000 / (performance.now() - since);
      const kbPerSession = (after - before) / sessions;
      record(`${sessions} sessions`, { sessions }, { kbPerSession, serverLoad, ...load.faults() });
      await load.close();
    }
  },
};
