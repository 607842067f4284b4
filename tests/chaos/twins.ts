/**
 * One client that comes back on two connections at once, with the same token: one of them must remain.
 *
 * What either is told is kept until it is known which that is; what the other saw is judged for itself.
 */

import type { Account } from "./account.ts";
import { Connection, type Json, type Ways } from "./connection.ts";
import type { ServerNode } from "./server_node.ts";
import { pause } from "../../lib/common/time.ts";
import { type Sink, View } from "./view.ts";

/** How long both may stay before one is let go, in milliseconds. */
const decisionMs = 3_000;

/** One of the two. */
export interface Side {
  connection: Connection | undefined;
  reply: Json | undefined;
  readonly events: Json[];
  over: boolean;
}

/** Opens two connections, resumes on both, and waits until at most one of them is left, or the time is over. */
export async function resumeTwice(
  nodes: readonly ServerNode[],
  name: string,
  ways: Ways,
  request: { readonly token: string; readonly positions: Readonly<Record<string, string>> },
  many: boolean,
): Promise<Side[]> {
  const decided = new AbortController();
  const sides = nodes.map((): Side => ({ connection: undefined, reply: undefined, events: [], over: false }));
  const look = () => {
    const left = sides.filter(({ over }) => !over);
    if (left.length === 0 || (left.length === 1 && left[0].reply)) decided.abort();
  };
  await Promise.all(sides.map(async (side, index) => {
    const over = () => {
      side.over = true;
      look();
    };
    try {
      side.connection = await Connection.open(nodes[index], name, ways, { event: () => {}, ended: over }, many);
    } catch {
      side.over = true;
    }
  }));
  for (const side of sides) {
    const { connection } = side;
    if (!connection || side.over) continue;
    connection.listener = {
      event: (event) => {
        if (event.type === "ping") connection.request("pong", {});
        else side.events.push(event);
      },
      ended: () => {
        side.over = true;
        look();
      },
    };
    connection.request("resume", request, (reply) => {
      if (reply.type === "ok") side.reply = reply;
      else connection.drop(`refused: ${reply.code}`);
      look();
    });
  }
  look();
  await pause(decisionMs, decided.signal);
  return sides;
}

/** Chooses the side that remains; the other is let go, and what it saw is written down as a view of its own. */
export function adoptable(
  sides: readonly Side[],
  positions: Readonly<Record<string, string>>,
  sink: Sink & { count(what: string): void },
  name: string,
  account: Account,
): { connection: Connection; reply: Json; events: Json[] } | undefined {
  const left = sides.filter((side) => !side.over && side.reply);
  if (left.length > 1) sink.count("twins that both stayed");
  const chosen = left.at(-1);
  for (const side of sides) {
    if (side === chosen) continue;
    if (side.reply) writeDown(side, positions, sink, name, account);
    side.connection?.drop("the other one remains");
  }
  if (!chosen) return undefined;
  return { connection: chosen.connection!, reply: chosen.reply!, events: chosen.events };
}

function writeDown(
  side: Side,
  positions: Readonly<Record<string, string>>,
  sink: Sink,
  name: string,
  account: Account,
): void {
  const view = new View(`${name}'s twin`, sink, account);
  const server = side.connection!.server.id;
  for (const [topic, pos] of Object.entries(side.reply!.positions as Record<string, string>)) {
    view.open(topic, positions[topic] ?? pos, "twin", server);
  }
  view.resumed(side.reply!.positions, server);
  for (const event of side.events) {
    if (event.type === "seen") view.seen(event);
    else if (event.type === "membership") view.membership(event, server);
    else if (["message", "notification", "direct", "gap"].includes(event.type)) view.take(event);
  }
  view.closeAll("twin");
}
