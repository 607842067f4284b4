/**
 * Many write, one reads: how many messages a second the server can acknowledge.
 *
 * Each publishes to a feed of its own, and one user follows them all: every message is stored on its own and answered,
 * but delivered once only, so that what is measured is the way in.
 */

import { Load, sleep } from "../load.ts";
import { type Context, type Scenario, trust } from "../scenario.ts";
import { enter, names, password, pooled, register, Wire } from "../wire.ts";
import { World } from "../world.ts";

const sizes = { quick: 20, usual: 200, long: 1000 };

export const fanIn: Scenario = {
  name: "fan-in",
  title: "Fan-in: acknowledged messages to as many feeds as there are publishers, one follower of all",
  columns: [
    "messages",
    "serverCpu",
    "redisCpu",
    "answerP50",
    "answerP99",
    "p50",
    "p99",
    "max",
    "serverLoad",
    "generatorLoad",
    ...trust,
  ],
  charts: ["messages", "answerP99"],
  async run({ store, size, runs, seconds, record }: Context) {
    const users = names("f", sizes[size]);
    await using world = await World.start(store);
    await register(world.server, users);
    const load = new Load(users.length, 2); // the answer, and what the follower gets
    const reader = await enter(world.server, "REGISTER", "reader");
    for (const user of users) await reader.ask(`/subscribe ${user}`, "Subscribed");
    load.hears(reader, "Notification from f0000: ".length, 0, users.length);
    const wires = await pooled(users, 32, async (user) => {
      const wire = await Wire.dial(world.server);
      await wire.ask('HELLO {"format":"json","version":1}', '{"type":"hello"');
      await wire.ask(JSON.stringify({ id: "in", cmd: "login", user, password }), '{"type":"ok","id":"in"');
      return wire;
    });
    wires.forEach((wire, lane) => {
      load.hearsAnswers(wire, lane);
      load.sends(lane, wire, (text) => JSON.stringify({ id: "########", cmd: "publish", text }));
    });
    for (const window of [1, 16]) {
      for (let run = 0; run < runs; run++) {
        const values = await load.measure({ window }, () => world.usage(), () => sleep(seconds * 1000));
        record(`${users.length} publishers, window ${window}`, { publishers: users.length, window }, values);
      }
    }
    await load.close();
  },
};
