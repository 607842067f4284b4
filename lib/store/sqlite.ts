/**
 * The embedded store: one server process, one SQLite file, no service beside it.
 *
 * It keeps the promises of {@linkcode Store} for that one server: a second process on the same file is refused, so there
 * is nobody to share a lease with, and live delivery never leaves the process.
 */

import type { DatabaseSync } from "node:sqlite";
import type { Accounts, Servers, Sessions, Store, StoreLimits, Topics } from "./store.ts";
import { SqliteAccounts } from "./sqlite/accounts.ts";
import { type Durability, openDatabase } from "./sqlite/database.ts";
import { SqliteSessions } from "./sqlite/sessions.ts";
import { SqliteTopics } from "./sqlite/topics.ts";

/** What the embedded store is made from. */
export interface SqliteOptions extends StoreLimits {
  /** The database file, or `:memory:`. */
  readonly path: string;
  readonly durability: Durability;
  /** Milliseconds since 1970; the clock of every entry. */
  readonly now?: () => number;
}

/** See {@linkcode Store}. */
export class SqliteStore implements Store {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly topics: Topics;
  readonly servers: Servers;
  readonly available = true;
  readonly #database: DatabaseSync;
  readonly #topics: SqliteTopics;

  /** @throws {Error} where the file cannot be opened, another process has it, or a later release wrote it */
  constructor(options: SqliteOptions) {
    const now = options.now ?? Date.now;
    this.#database = openDatabase(options.path, options.durability);
    const servers = new OnlyServer();
    const sessions = new SqliteSessions(this.#database, () => servers.id, now);
    this.#topics = new SqliteTopics(this.#database, options, sessions, now);
    this.accounts = new SqliteAccounts(this.#database);
    this.sessions = sessions;
    this.topics = this.#topics;
    this.servers = servers;
  }

  onReturn(): void {
    // It is never away without its server.
  }

  // deno-lint-ignore require-await
  async [Symbol.asyncDispose](): Promise<void> {
    this.#topics.flush();
    this.#database.close();
  }
}

/** The one server that has the file: nobody can take its lease, and no other can die. */
class OnlyServer implements Servers {
  id = "server1";

  join(wanted: string): Promise<string> {
    this.id = wanted || "server1";
    return Promise.resolve(this.id);
  }

  renew(): Promise<"kept"> {
    return Promise.resolve("kept");
  }

  sweep(): Promise<[]> {
    return Promise.resolve([]);
  }

  signal(): Promise<void> {
    return Promise.resolve();
  }

  probe(): Promise<void> {
    return Promise.resolve();
  }

  leave(): Promise<void> {
    return Promise.resolve();
  }
}
