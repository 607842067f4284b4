/** Who is in which room, as a reader was told of those who came and went. */

import type { Json } from "./connection.ts";

/** See the file's first line. It knows what was heard on one connection: what comes between two of them is not told again. */
export class Roster {
  /** Room → user → what was told last. */
  readonly #heard = new Map<string, Map<string, string>>();

  /** Takes a `presence` event. */
  take({ room, user, state }: Json): void {
    const users = this.#heard.get(room) ?? new Map();
    this.#heard.set(room, users.set(user, state));
  }

  /** Forgets all but some rooms: of others nothing is told. */
  keep(rooms: ReadonlySet<string>): void {
    for (const room of [...this.#heard.keys()]) if (!rooms.has(room)) this.#heard.delete(room);
  }

  /** Forgets everything, as for a new connection. */
  clear(): void {
    this.#heard.clear();
  }

  /** What was told last and is not so, a line each. @param members the users in a room */
  wrong(members: ReadonlyMap<string, readonly string[]>): string[] {
    return [...this.#heard].flatMap(([room, users]) =>
      [...users].flatMap(([user, state]) => {
        const isThere = members.get(room)?.includes(user) ?? false;
        return isThere === (state === "joined")
          ? []
          : `${user} has ${state} ${room}, and is ${isThere ? "" : "not "}there`;
      })
    );
  }
}
