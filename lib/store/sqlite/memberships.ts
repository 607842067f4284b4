import type { DatabaseSync, StatementSync } from "node:sqlite";

/** The rooms of accounts, which last: those of an account's sessions that are in many rooms. */
export class SqliteMemberships {
  readonly #rooms: StatementSync;
  readonly #add: StatementSync;
  readonly #remove: StatementSync;
  readonly #begin: StatementSync;

  constructor(database: DatabaseSync) {
    this.#rooms = database.prepare("SELECT room, position FROM memberships WHERE user = ? ORDER BY room");
    this.#add = database.prepare(
      "INSERT INTO memberships (user, room, position) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#remove = database.prepare("DELETE FROM memberships WHERE user = ? AND room = ?");
    this.#begin = database.prepare("UPDATE accounts SET has_rooms = 1 WHERE key = ? AND has_rooms = 0");
  }

  /** An account's rooms, sorted; the first time, this one. @param key the user's name, folded */
  begin(key: string, first: string): string[] {
    if (this.#begin.run(key).changes === 1) this.#add.run(key, first, "");
    return this.of(key);
  }

  /** An account's rooms, sorted. */
  of(key: string): string[] {
    return [...this.joined(key).keys()];
  }

  /** An account's rooms, sorted, and where each was joined; empty where that is not known. */
  joined(key: string): Map<string, string> {
    return new Map(this.#rooms.all(key).map(({ room, position }) => [room as string, position as string]));
  }

  /**
   * Adds a room, unless there are as many as there may be.
   *
   * @param position where it is joined; one that is there keeps its own
   * @returns whether it is there
   */
  add(key: string, room: string, most: number, position: string): boolean {
    const rooms = this.of(key);
    if (!rooms.includes(room)) {
      if (rooms.length >= most) return false;
      this.#add.run(key, room, position);
    }
    return true;
  }

  /** Takes a room away. */
  remove(key: string, room: string): void {
    this.#remove.run(key, room);
  }

  /** Puts an account's rooms in, as an export has them. */
  put(key: string, rooms: readonly string[], joined: ReadonlyMap<string, string>): void {
    this.#begin.run(key);
    for (const room of rooms) this.#add.run(key, room, joined.get(room) ?? "");
  }
}
