/**
 * Files in SQLite. The promises are those of {@linkcode Files}.
 *
 * What has expired is treated as if it were gone; its rows go with the next sweep, a file at a time.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { chunkCount } from "../../wire/files.ts";
import { countedBytes, type FileDraft, fileLife, type Files, type Full, type StoredFile } from "../files.ts";
import { randomWord } from "../log_position.ts";
import type { StoreLimits } from "../store.ts";
import { guarded, transaction } from "./file/database.ts";

/** See {@linkcode Files}. */
export class SqliteFiles implements Files {
  readonly #database: DatabaseSync;
  readonly #limits: StoreLimits;
  readonly #now: () => number;
  readonly #find: StatementSync;
  readonly #have: StatementSync;
  readonly #used: StatementSync;
  readonly #counted: StatementSync;
  readonly #count: StatementSync;
  readonly #prolong: StatementSync;
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
    this.#used = database.prepare(
      'SELECT coalesce(sum(counted), 0) AS "all", ' +
        "coalesce(sum(CASE WHEN owner = ? THEN counted END), 0) AS own FROM files WHERE expires > ?",
    );
    this.#counted = database.prepare("SELECT counted FROM files WHERE id = ?");
    this.#count = database.prepare("UPDATE files SET counted = counted + ? WHERE id = ?");
    this.#prolong = database.prepare("UPDATE files SET expires = max(expires, ?) WHERE id = ? RETURNING expires");
    this.#put = database.prepare("INSERT INTO chunks (file, n, data) VALUES (?, ?, ?)");
    this.#get = database.prepare("SELECT data FROM chunks WHERE file = ? AND n = ?");
    this.#expired = database.prepare("SELECT id FROM files WHERE expires <= ? LIMIT 1");
  }

  // deno-lint-ignore require-await
  async begin({ owner, topic, name, size, sha256 }: FileDraft): Promise<StoredFile | Full> {
    return transaction(this.#database, () => {
      const now = this.#now();
      const same = this.#database.prepare(
        "SELECT id, expires FROM files WHERE owner = ? AND topic = ? AND sha256 = ? AND name = ? AND size = ?",
      ).get(owner, topic, sha256, name, size) as { id: string; expires: number } | undefined;
      if (same && same.expires > now) {
        const found = { id: same.id, owner, topic, name, size, sha256, have: this.#chunks(same.id) };
        if (found.have < chunkCount(size)) return { ...found, expires: same.expires };
        return { ...found, expires: this.#renew(found) };
      }
      if (same) this.#forget(same.id);
      const full = this.#full(owner, countedBytes(size));
      if (full) return full;
      const id = randomWord(26);
      const expires = now + fileLife({ size, have: 0 }, this.#limits.fileTtl);
      this.#database.prepare(
        "INSERT INTO files (id, owner, topic, name, size, sha256, expires, counted) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      ).run(id, owner, topic, name, size, sha256, expires, countedBytes(size, 0));
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
  async put({ id, owner, size }: StoredFile, n: number, data: string): Promise<number | Full | undefined> {
    return transaction(this.#database, () => {
      const counted = this.#live(id) && this.#counted.get(id)!.counted as number;
      if (counted === undefined) return undefined;
      const have = this.#chunks(id);
      if (n !== have || n >= chunkCount(size)) return have;
      const more = countedBytes(size, n + 1) - counted;
      if (more > 0) {
        const full = this.#full(owner, more);
        if (full) return full;
        this.#count.run(more, id);
      }
      this.#put.run(id, n, data);
      this.#renew({ id, size, have: n + 1 });
      return n + 1;
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

  /** Why there is no room for so many bytes more of an owner's; undefined where there is. */
  #full(owner: string, bytes: number): Full | undefined {
    const { all, own } = this.#used.get(owner, this.#now()) as { all: number; own: number };
    const { maxFilesBytes, maxUserFilesBytes, maxUserFilesPercent } = this.#limits;
    if (own + bytes > maxUserFilesBytes) return "full_user";
    if (all + bytes > maxFilesBytes) return "full_all";
    const left = maxFilesBytes - (all - own);
    return (own + bytes) * 100 > left * maxUserFilesPercent ? "full_share" : undefined;
  }

  /** @returns until when the file is kept now */
  #renew(file: Pick<StoredFile, "id" | "size" | "have">): number {
    return this.#prolong.get(this.#now() + fileLife(file, this.#limits.fileTtl), file.id)!.expires as number;
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
