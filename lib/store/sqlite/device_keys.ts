/**
 * Public keys in SQLite. The promises are those of {@linkcode DeviceKeys}.
 */

import type { DatabaseSync } from "node:sqlite";
import { fold } from "../../wire/names.ts";
import type { DeviceKeys, StoredKey } from "../device_keys.ts";
import { guarded, transaction } from "./file/database.ts";

/** See {@linkcode DeviceKeys}. */
export class SqliteDeviceKeys implements DeviceKeys {
  readonly #database: DatabaseSync;
  readonly #now: () => number;

  constructor(database: DatabaseSync, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  // deno-lint-ignore require-await
  async announce(user: string, key: string, most: number): Promise<"added" | "known" | "full"> {
    const folded = fold(user);
    return transaction(this.#database, () => {
      const run = (sql: string, ...values: (string | number)[]) => this.#database.prepare(sql).run(...values);
      const now = this.#moment(folded);
      const known = run("UPDATE device_keys SET used = ? WHERE user = ? AND public = ?", now, folded, key);
      if (known.changes > 0) return "known";
      if (keysOf(this.#database, folded).length >= most) return "full";
      run("INSERT INTO device_keys (user, public, added, used) VALUES (?, ?, ?, ?)", folded, key, now, now);
      return "added";
    });
  }

  /** What time it is, or later by what it takes for no two of a user's times to be the same. */
  #moment(user: string): number {
    const { last } = this.#database.prepare("SELECT max(used) AS last FROM device_keys WHERE user = ?")
      .get(user) as { last: number | null };
    return Math.max(this.#now(), (last ?? 0) + 1);
  }

  // deno-lint-ignore require-await
  async revoke(user: string, key: string): Promise<boolean> {
    const sql = "DELETE FROM device_keys WHERE user = ? AND public = ?";
    return guarded(() => this.#database.prepare(sql).run(fold(user), key).changes === 1);
  }

  // deno-lint-ignore require-await
  async list(user: string): Promise<StoredKey[]> {
    return guarded(() => keysOf(this.#database, fold(user)));
  }
}

/** The keys of a user, in the order in which they were added. */
export function keysOf(database: DatabaseSync, user: string): StoredKey[] {
  const rows = database.prepare("SELECT public, added, used FROM device_keys WHERE user = ? ORDER BY added")
    .all(user);
  return rows.map((row) => ({ ...row }) as unknown as StoredKey);
}
