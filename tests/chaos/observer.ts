/**
 * Somebody who looks at the servers from outside and is not seen: side connections, and Redis itself.
 */

import { Connection, type Json, type Ways } from "./connection.ts";
import type { ServerNode } from "./server_node.ts";

/** Who the observer logs in as. */
const account = { user: "observer", password: "password of the observer" };

/** See the file's first line. */
export class Observer {
  readonly #ways: Ways;

  constructor(ways: Ways) {
    this.#ways = ways;
  }

  /** Makes the observer's account. */
  async register(node: ServerNode): Promise<void> {
    await this.#on(node, async (ask) => {
      await ask("register", account);
      await ask("quit", {});
    });
  }

  /** Who is online as a server says, sorted. */
  async users(node: ServerNode): Promise<string[]> {
    return await this.#aside(node, async (ask) => (await ask("users", {})).users);
  }

  /** Who is in rooms as a server says, sorted. */
  async members(node: ServerNode, rooms: readonly string[]): Promise<Map<string, string[]>> {
    return await this.#aside(node, async (ask) => {
      const members = new Map<string, string[]>();
      for (const room of rooms) members.set(room, (await ask("who", { room })).members);
      return members;
    });
  }

  #aside<T>(node: ServerNode, work: (ask: (cmd: string, fields: Json) => Promise<Json>) => Promise<T>): Promise<T> {
    return this.#on(node, async (ask) => {
      await ask("login", { ...account, side: true });
      return await work(ask);
    });
  }

  async #on<T>(node: ServerNode, work: (ask: (cmd: string, fields: Json) => Promise<Json>) => Promise<T>): Promise<T> {
    const { promise: ended, reject } = Promise.withResolvers<never>();
    ended.catch(() => {});
    const listener = { event: () => {}, ended: (why: string) => reject(new Error(why)) };
    const connection = await Connection.open(node, "the observer", this.#ways, listener);
    const ask = (cmd: string, fields: Json) =>
      Promise.race([
        ended,
        new Promise<Json>((resolve, refuse) =>
          connection.request(cmd, fields, (reply) => {
            if (reply.type === "ok") resolve(reply);
            else refuse(new Error(`${cmd} is refused: ${reply.code}`));
          })
        ),
      ]);
    try {
      return await work(ask);
    } finally {
      connection.drop("seen enough");
    }
  }
}
