import type { DatabaseSync } from "node:sqlite";
import { guarded, transaction } from "./database.ts";
import { writeBeside } from "../../data_folder/disk_room.ts";

/**
 * Whether the embedded store can be written.
 *
 * SQLite does not notice that its file was moved away or emptied: it goes on with what it has open. And a short write may
 * still find room within the file where the next message does not. So both are looked at beside it.
 */
export class SqliteProbe {
  readonly #database: DatabaseSync;
  readonly #path: string | undefined;
  /** Which file it is, where the system numbers files. */
  readonly #file: number | null = null;

  /** @param path the database file, or `:memory:` */
  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    if (path === ":memory:") return;
    this.#path = path;
    this.#file = Deno.statSync(path).ino;
  }

  /** @throws {ChatError} `store_unavailable` where it cannot be written */
  write(): void {
    guarded(() => {
      if (this.#path !== undefined) {
        this.#lookAtFile(this.#path);
        writeBeside(this.#path);
      }
    });
    transaction(this.#database, () => {
      const { user_version: version } = this.#database.prepare("PRAGMA user_version").get() as { user_version: number };
      this.#database.exec(`PRAGMA user_version = ${version}`); // changes nothing, and writes a page
    });
  }

  #lookAtFile(path: string): void {
    let info: Deno.FileInfo;
    try {
      info = Deno.statSync(path);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new Error(`${path} was moved or deleted while the server runs`);
    }
    if (this.#file !== null && info.ino !== this.#file) {
      throw new Error(`${path} was moved or deleted while the server runs, and another file is in its place`);
    }
    if (info.size === 0) throw new Error(`${path}: it is empty`);
  }
}
