/**
 * Files in SQLite. The promises are those of {@linkcode Files}.
 *
 * Whatever has expired is treated as if it were gone; its rows go with the next sweep, a file at a time.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { countedBytes, type FileDraft, type Files, type StoredFile } from "../files.ts";
import { randomWord } from "../place.ts";
import type { StoreLimits } from "../store.ts";
import { guarded, transaction } from "./database.ts";

/** See {@linkcode Files}. */
export class SqliteFiles implements Files {
  readonly #database: DatabaseSync;
  readonly #limits: StoreLimits;
  readonly #now: () => number;
  readonly #find: StatementSync;
  readonly #have: StatementSync;
  readonly #put: StatementSync;
  readonly #get: StatementSync;
  readonly #expired: StatementSync;

  constructor(database: DatabaseSync, limits: StoreLimits, now: () => number) {
    this.#database = database;
    this.#limits = limits;
    this.#now = now;
    this.#find = database.prepare(
      "SELECT id, owner, topic, name, size, sha256, expires FROM files WHERE id = ? AND expires > ?",
    );
    this.#have = database.prepare("SELECT coalesce(max(n) + 1, 0) AS have FROM chunks WHERE file = ?");
    this.#put = database.prepare("INSERT INTO chunks (file, n, data) VALUES (?, ?, ?)");
    this.#get = database.prepare("SELECT data FROM chunks WHERE file = ? AND n = ?");
    this.#expired = database.prepare("SELECT id FROM files WHERE expires <= ? LIMIT 1");
  }

  // deno-lint-ignore require-await
  async begin({ owner, topic, name, size, sha256 }: FileDraft): Promise<StoredFile | "full"> {
    return transaction(this.#database, () => {
      const now = this.#now();
      const expires = now + this.#limits.fileTtl;
      const same = this.#database.prepare(
        "SELECT id, expires FROM files WHERE owner = ? AND topic = ? AND sha256 = ? AND name = ? AND size = ?",
      ).get(owner, topic, sha256, name, size) as { id: string; expires: number } | undefined;
      if (same && same.expires > now) {
        this.#database.prepare("UPDATE files SET expires = ? WHERE id = ?").run(expires, same.id);
        return { id: same.id, owner, topic, name, size, sha256, expires, have: this.#chunks(same.id) };
      }
      if (same) this.#forget(same.id);
      const { all, own } = this.#database.prepare(
        'SELECT coalesce(sum(counted), 0) AS "all", ' +
          "coalesce(sum(CASE WHEN owner = ? THEN counted END), 0) AS own FROM files WHERE expires > ?",
      ).get(owner, now) as { all: number; own: number };
      const counted = countedBytes(size);
      const { maxFilesBytes, maxUserFilesBytes } = this.#limits;
      if (all + counted > maxFilesBytes || own + counted > maxUserFilesBytes) return "full";
      const id = randomWord(26);
      this.#database.prepare(
        "INSERT INTO files (id, owner, topic, name, size, sha256, expires, counted) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      ).run(id, owner, topic, name, size, sha256, expires, counted);
      return { id, owner, topic, name, size, sha256, expires, have: 0 };
    });
  }

  // deno-lint-ignore require-await
  async find(id: string): Promise<StoredFile | undefined> {
    return guarded(() => {
      const row = this.#live(id);
      return row && { ...row, have: this.#chunks(id) };
    });
  }

  // deno-lint-ignore require-await
  async put(id: string, n: number, data: string): Promise<number | undefined> {
    return transaction(this.#database, () => {
      if (!this.#live(id)) return undefined;
      const have = this.#chunks(id);
      if (n !== have) return have;
      this.#put.run(id, n, data);
      return have + 1;
    });
  }

  // deno-lint-ignore require-await
  async get(id: string, n: number): Promise<string | undefined> {
    return guarded(() => this.#live(id) && this.#get.get(id, n)?.data as string | undefined);
  }

  // deno-lint-ignore require-await
  async remove(id: string): Promise<void> {
    transaction(this.#database, () => this.#forget(id));
  }

  async sweep(): Promise<void> {
    for (;;) {
      const gone = transaction(this.#database, () => {
        const row = this.#expired.get(this.#now()) as { id: string } | undefined;
        if (row) this.#forget(row.id);
        return row;
      });
      if (!gone) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #live(id: string): Omit<StoredFile, "have"> | undefined {
    const row = this.#find.get(id, this.#now());
    return row && { ...row } as unknown as Omit<StoredFile, "have">;
  }

  #chunks(id: string): number {
    return this.#have.get(id)!.have as number;
  }

  #forget(id: string): void {
    this.#database.prepare("DELETE FROM chunks WHERE file = ?").run(id);
    this.#database.prepare("DELETE FROM files WHERE id = ?").run(id);
  }
}
