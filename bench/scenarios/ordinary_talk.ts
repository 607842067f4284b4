/** Many rooms and a message now and then, on this server, on the least one in Deno, and on InspIRCd, in turns. */

import { Load, sleep } from "../load.ts";
import type { Values } from "../metrics.ts";
import { bare, inspircd, ours, type Peer } from "../peers/peer.ts";
import { type Context, type Scenario, trust } from "../scenario.ts";
import { names, pooled } from "../wire.ts";

interface Talk {
  readonly rooms: number;
  readonly members: number;
  /** Messages a second, of all together. */
  readonly rate: number;
}

const talks: Readonly<Record<Context["size"], readonly Talk[]>> = {
  quick: [{ rooms: 10, members: 2, rate: 50 }],
  usual: [{ rooms: 500, members: 2, rate: 1_000 }, { rooms: 50, members: 20, rate: 500 }],
  long: [{ rooms: 500, members: 2, rate: 1_000 }, { rooms: 50, members: 20, rate: 500 }],
};

export const ordinaryTalk: Scenario = {
  name: "ordinary-talk",
  title: "Ordinary talk, beside other servers",
  columns: [
    "serverCpu",
    "redisCpu",
    "messageCpu",
    "toBare",
    "toIrc",
    "p50",
    "p99",
    "overBare",
    "serverLoad",
    "generatorLoad",
    ...trust,
  ],
  charts: ["serverCpu", "p99"],
  async run({ store, size, runs, seconds, record }: Context) {
    for (const talk of talks[size]) {
      const { rooms, members, rate } = talk;
      const name = `${rooms} rooms of ${members}, ${rate} messages/s`;
      for (let run = 0; run < runs; run++) {
        const least = (await measured(bare(), talk, seconds))!;
        const irc = await measured(inspircd(), talk, seconds);
        const own = (await measured(ours(store), talk, seconds))!;
        record(name, { ...talk }, { ...own, ...beside(own, least, irc) });
        record(`${name}, Deno.listenTls alone`, { ...talk }, least);
        if (irc) record(`${name}, InspIRCd`, { ...talk }, irc);
      }
    }
  },
};

/** How ours stands to the others: CPU for each delivery as a ratio, and what its slowest hundredth takes longer. */
function beside(own: Values, least: Values, irc: Values | undefined): Values {
  const ratio = (other: Values | undefined) => {
    return own.serverCpu && other?.serverCpu ? own.serverCpu / other.serverCpu : undefined;
  };
  const [toBare, toIrc] = [ratio(least), ratio(irc)];
  return {
    ...(toBare === undefined ? {} : { toBare }),
    ...(toIrc === undefined ? {} : { toIrc }),
    overBare: own.p99! - least.p99!,
  };
}

async function measured(
  starting: Promise<Peer | undefined>,
  { rooms, members, rate }: Talk,
  seconds: number,
): Promise<Values | undefined> {
  await using peer = await starting;
  if (!peer) return undefined;
  const arrivals = peer.echoes ? members : members - 1;
  const load = new Load(rooms * members, arrivals);
  const people = names("r", rooms).flatMap((room, index) =>
    Array.from({ length: members }, (_, member) => {
      return {
        room,
        user: `${room}${String.fromCharCode(97 + member)}`,
        first: index * members,
        lane: index * members + member,
      };
    })
  );
  await pooled(people, peer.atOnce, async ({ room, user, first, lane }) => {
    const wire = await peer.enter(user, room);
    const { offset, ending } = peer.frame(user, room);
    load.hears(wire, offset, first, members, { ending, own: peer.echoes ? undefined : lane });
    load.sends(lane, wire, (text) => peer.say(room, text));
  });
  await sleep(500); // who came last has been told of to all
  const values = await load.measure({ rate }, () => peer.usage(), () => sleep(seconds * 1000));
  await load.close();
  return { ...values, ...(values.serverCpu === undefined ? {} : { messageCpu: values.serverCpu * arrivals }) };
}
