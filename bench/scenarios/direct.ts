/** Private messages between pairs: each is in the receiver's inbox, and marked as read when it has been written. */

import { Load, type Pace, sleep } from "../load.ts";
import { type Context, type Scenario, trust } from "../scenario.ts";
import { enter, names, pooled } from "../wire.ts";
import { World } from "../world.ts";

const sizes = { quick: 10, usual: 100, long: 1000 };

export const direct: Scenario = {
  name: "direct",
  title: "Direct messages between pairs",
  columns: [
    "messages",
    "serverCpu",
    "redisCpu",
    "p50",
    "p99",
    "max",
    "answerP50",
    "answerP99",
    "serverLoad",
    "generatorLoad",
    ...trust,
  ],
  charts: ["messages", "p99"],
  async run({ store, size, runs, seconds, record }: Context) {
    const pairs = sizes[size];
    await using world = await World.start(store);
    const load = new Load(pairs, 2); // the sender's own line, and the receiver's
    const room = (index: number) => `r${index}`; // apart, so that their coming and going is no traffic
    const senders = names("s", pairs);
    const receivers = names("d", pairs);
    await pooled(senders.map((_, lane) => lane), 16, async (lane) => {
      const sender = await enter(world.server, "REGISTER", senders[lane], room(lane));
      const receiver = await enter(world.server, "REGISTER", receivers[lane], room(lane));
      load.hears(sender, "DM to d0000: ".length, lane, 1, { kind: "answer" });
      load.hears(receiver, "DM from s0000: ".length, lane, 1);
      load.sends(lane, sender, (text) => `/msg ${receivers[lane]} ${text}`);
    });
    const rate = 200;
    const paces: [string, Pace][] = [["window 1", { window: 1 }], [`${rate} messages/s`, { rate }]];
    for (const [name, pace] of paces) {
      for (let run = 0; run < runs; run++) {
        const values = await load.measure(pace, () => world.usage(), () => sleep(seconds * 1000));
        record(`${pairs} pairs, ${name}`, { pairs, ...pace }, values);
      }
    }
    await load.close();
  },
};
