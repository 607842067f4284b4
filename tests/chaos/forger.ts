/**
 * Somebody who comes back with positions that no server ever gave: nobody else may notice.
 */

import { pause } from "../../lib/common/time.ts";
import { Connection, type Json, type Ways } from "./connection.ts";
import type { Prng } from "./prng.ts";
import type { ServerNode } from "./server_node.ts";

/** Its account. */
const account = { user: "forger", password: "the forger's password" };

/** How long it waits for an answer before it takes the connection for dead, in milliseconds. */
const patienceMs = 4_000;

/** How many feeds it follows each time. */
const feeds = 3;

/** A request, answered; one that the connection does not outlive is rejected. */
type Ask = (cmd: string, fields?: Json) => Promise<Json>;

/** A position that the log cannot have, made from one that it has. */
export function forge(pos: string, prng: Prng): string {
  const [epoch, seq, id = "", signature = "aaaaaaaaaaaaa"] = pos.split(".");
  return prng.pick([
    `${epoch}.99999999.aaaaaa`,
    `${epoch}.99999999.aaaaaa.${signature}`,
    `${epoch}.${Number(seq) + 1_000_000}.${id}.${signature}`,
    Number(seq) === 0 ? `${epoch}.1000000.` : `${epoch}.${seq}.aaaaaa.${signature}`,
  ]);
}

/**
 * Goes where others are, loses its connection, and comes back with forged positions, twice.
 *
 * @param nodes where it begins, and where it comes back
 * @returns what makes it leave
 * @throws {Error} where a connection ends on the way: its session ends by itself
 */
export async function resumeForged(
  [one, other]: readonly [ServerNode, ServerNode],
  ways: Ways,
  { rooms, users, prng }: { readonly rooms: readonly string[]; readonly users: readonly string[]; readonly prng: Prng },
): Promise<() => Promise<void>> {
  let at = await enter(one, ways);
  try {
    const answer = await at.ask("register", account).catch(() => at.ask("login", account));
    const known: Record<string, string> = { ...answer.positions };
    Object.assign(known, (await at.ask("join", { room: prng.pick(rooms) })).positions);
    for (const user of prng.shuffled(users).slice(0, feeds)) {
      Object.assign(known, (await at.ask("subscribe", { user })).positions);
    }
    let token = answer.resume;
    for (const node of [other, one]) {
      at.connection.drop("to come back with what it made up");
      at = await enter(node, ways);
      const positions = Object.fromEntries(Object.entries(known).map(([topic, pos]) => [topic, forge(pos, prng)]));
      token = (await at.ask("resume", { token, positions })).resume;
      await at.ask("seen", { pos: forge(known[`inbox:${account.user}`], prng) });
    }
  } catch (error) {
    at.connection.drop("it did not get in");
    throw error;
  }
  return async () => void await at.ask("logout").catch(() => {}).finally(() => at.connection.drop("it has left"));
}

async function enter(node: ServerNode, ways: Ways): Promise<{ connection: Connection; ask: Ask }> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  ended.catch(() => {});
  const listener = { event: () => {}, ended: (why: string) => reject(new Error(why)) };
  const connection = await Connection.open(node, account.user, ways, listener);
  const answered = (cmd: string, fields: Json) =>
    new Promise<Json>((resolve, refuse) =>
      connection.request(
        cmd,
        fields,
        (reply) => reply.type === "ok" ? resolve(reply) : refuse(new Error(`${cmd} is refused: ${reply.code}`)),
      )
    );
  const ask: Ask = async (cmd, fields = {}) => {
    const inTime = new AbortController();
    void pause(patienceMs, inTime.signal).then(() => {
      if (!inTime.signal.aborted) connection.drop("no answer");
    });
    try {
      return await Promise.race([ended, answered(cmd, fields)]);
    } finally {
      inTime.abort();
    }
  };
  return { connection, ask };
}
