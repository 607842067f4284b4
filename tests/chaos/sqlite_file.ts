/**
 * The run's SQLite file. Its one server has it locked, so the truth is read from a copy of it and its write-ahead log:
 * what a kill at that moment would leave, and a new server find.
 */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Log } from "./record.ts";
import type { Head, Store, StoredMark, StoreOptions } from "./store.ts";

/** The database and its write-ahead log. */
const files = ["chat.db", "chat.db-wal"] as const;

/** See the file's first lines. */
export class SqliteFile implements Store {
  readonly #folder: string;
  readonly #look: string;

  private constructor(folder: string) {
    this.#folder = join(folder, "data");
    this.#look = join(folder, "look");
  }

  static async start({ folder }: StoreOptions): Promise<SqliteFile> {
    const file = new SqliteFile(folder);
    for (const path of [file.#folder, file.#look]) await Deno.mkdir(path);
    return file;
  }

  settings(): Readonly<Record<string, string>> {
    return { DATA_DIR: this.#folder };
  }

  /** How large the larger of its files is, in bytes. */
  get size(): number {
    return Math.max(...files.map((name) => Deno.statSync(join(this.#folder, name)).size));
  }

  /** A copy that a checkpoint came into the middle of may be of an older state, or none: whoever waits looks again. */
  heads(): Promise<Map<string, Head>> {
    return this.#read((database) => new Map(headsOf(database).map(({ topic, epoch, seq }) => [topic, { epoch, seq }])));
  }

  /** @throws {Error} where the file is damaged */
  logs(): Promise<Log[]> {
    return this.#read((database) => {
      const { integrity_check: found } = database.prepare("PRAGMA integrity_check").get()!;
      if (found !== "ok") throw new Error(`The file is damaged: ${found}`);
      const rows = database.prepare("SELECT topic, seq, id, body FROM log ORDER BY topic, seq").all();
      const entries = Map.groupBy(rows, ({ topic }) => topic as string);
      return headsOf(database).map(({ topic, epoch, seq }) => ({
        topic,
        epoch,
        head: seq,
        entries: (entries.get(topic) ?? []).map(({ seq, id, body }) => {
          const { from, text, cid } = JSON.parse(body as string);
          return { seq: seq as number, id: id as string, from, text, cid };
        }),
      }));
    });
  }

  memberships(): Promise<Map<string, readonly string[]>> {
    return this.#read((database) => {
      const rows = database.prepare("SELECT user, room FROM memberships ORDER BY user, room").all();
      const rooms = Map.groupBy(rows, ({ user }) => user as string);
      return new Map([...rooms].map(([user, of]) => [user, of.map(({ room }) => room as string)]));
    });
  }

  marks(): Promise<StoredMark[]> {
    const inboxes = "SELECT substr(topic, 7) AS user, topic, read AS seq FROM topics WHERE topic LIKE 'inbox:%'";
    return this.#read((database) =>
      database.prepare(`SELECT user, topic, seq FROM marks UNION ALL ${inboxes}`).all() as unknown as StoredMark[]
    );
  }

  /** Who is online stands in its server's memory alone. */
  leftovers(): Promise<string[]> {
    return Promise.resolve([]);
  }

  async #read<T>(work: (database: DatabaseSync) => T): Promise<T> {
    await copyFiles(this.#folder, this.#look);
    const database = new DatabaseSync(join(this.#look, files[0]));
    try {
      return work(database);
    } finally {
      database.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its files are in the run's folder.
  }
}

function headsOf(database: DatabaseSync): { topic: string; epoch: string; seq: number }[] {
  // A row may be behind its log.
  const last = "max(seq, coalesce((SELECT max(seq) FROM log WHERE log.topic = topics.topic), 0))";
  return database.prepare(`SELECT topic, epoch, ${last} AS seq FROM topics`).all() as ReturnType<typeof headsOf>;
}

/** Copies the files of one folder to another, where nothing else of them stays. */
async function copyFiles(from: string, to: string): Promise<void> {
  for (const name of [...files, `${files[0]}-shm`]) await Deno.remove(join(to, name)).catch(orNone);
  for (const name of files) await Deno.copyFile(join(from, name), join(to, name)).catch(orNone);
}

/** Only the first is always there. */
function orNone(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
