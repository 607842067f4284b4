/**
 * Accounts and follows in SQLite. The promises are those of {@linkcode Accounts}.
 */

import type { DatabaseSync } from "node:sqlite";
import { fold } from "../../wire/names.ts";
import type { Account, Accounts } from "../accounts.ts";
import { deletedNamesOf } from "../accounts/deleted_names.ts";
import type { Session } from "../sessions.ts";
import { insertAccount } from "./accounts/new_account.ts";
import { guarded, transaction } from "./file/database.ts";

/** Who is away: the sessions, which are in memory, know it. */
export interface AwayUsers {
  awayOf(user: string): string | undefined;
  setAway(user: string, away: string | undefined, session: Session | undefined): boolean;
}

/** What an account has beside itself. */
const ownTables = [
  ...["tokens", "stood", "memberships", "marks", "follows", "blocks", "device_keys"],
  ...["access_tokens", "two_factor", "contacts", "requests"],
];

function loadDeleted(database: DatabaseSync): void {
  const rows = database.prepare("SELECT key, deleted FROM accounts WHERE deleted IS NOT NULL").all();
  deletedNamesOf(database).load(rows.map(({ key, deleted }) => [key as string, deleted as string] as const));
}

/** See {@linkcode Accounts}. */
export class SqliteAccounts implements Accounts {
  readonly #database: DatabaseSync;
  readonly #users: AwayUsers;

  constructor(database: DatabaseSync, users: AwayUsers) {
    this.#database = database;
    this.#users = users;
    loadDeleted(database);
  }

  // deno-lint-ignore require-await
  async create(account: Account): Promise<boolean> {
    return guarded(() => insertAccount(this.#database, account));
  }

  // deno-lint-ignore require-await
  async find(name: string): Promise<Account | undefined> {
    return guarded(() => {
      const row = this.#database.prepare(
        "SELECT name, hash, role, created, passwords, disabled FROM accounts WHERE key = ? AND deleted IS NULL",
      )
        .get(fold(name));
      const away = this.#users.awayOf(name);
      return row && { ...toAccount(row), ...(away === undefined ? {} : { away }) };
    });
  }

  // deno-lint-ignore require-await
  async setHash(name: string, hash: string, passwords?: number): Promise<number | undefined> {
    return transaction(this.#database, () => {
      const changed = this.#database.prepare(
        "UPDATE accounts SET hash = ?, passwords = passwords + 1 WHERE key = ? AND passwords = coalesce(?, passwords) " +
          "RETURNING passwords",
      ).get(hash, fold(name), passwords ?? null);
      if (changed) this.#database.prepare("DELETE FROM tokens WHERE user = ?").run(fold(name));
      return changed?.passwords as number | undefined;
    });
  }

  // deno-lint-ignore require-await
  async delete(name: string, alias: string, passwords: number): Promise<number | undefined> {
    const key = fold(name);
    const changed = transaction(this.#database, () => {
      this.#database.prepare("DELETE FROM tokens WHERE user = ?").run(key);
      return this.#database.prepare(
        "UPDATE accounts SET deleted = ?, disabled = 1, hash = '', role = 'user', passwords = passwords + 1 " +
          "WHERE key = ? AND deleted IS NULL AND passwords = ? RETURNING passwords",
      ).get(alias, key, passwords)?.passwords as number | undefined;
    });
    if (changed !== undefined) deletedNamesOf(this.#database).add(name, alias);
    return changed;
  }

  // deno-lint-ignore require-await
  async clear(name: string): Promise<void> {
    const key = fold(name);
    transaction(this.#database, () => {
      for (const table of ownTables) this.#database.prepare(`DELETE FROM ${table} WHERE user = ?`).run(key);
      this.#database.prepare("DELETE FROM follows WHERE target = ?").run(key);
      this.#database.prepare("UPDATE accounts SET has_rooms = 0 WHERE key = ?").run(key);
    });
  }

  // deno-lint-ignore require-await
  async loadDeleted(): Promise<void> {
    guarded(() => loadDeleted(this.#database));
  }

  // deno-lint-ignore require-await
  async deleted(name: string): Promise<string | undefined> {
    return deletedNamesOf(this.#database).behind(name);
  }

  // deno-lint-ignore require-await
  async replaceHash(name: string, earlier: string, hash: string): Promise<boolean> {
    return guarded(() =>
      this.#database.prepare("UPDATE accounts SET hash = ? WHERE key = ? AND hash = ?").run(hash, fold(name), earlier)
        .changes === 1
    );
  }

  follow(user: string, target: string, limit: number): Promise<boolean> {
    return this.#add("follows", user, target, limit);
  }

  unfollow(user: string, target: string): Promise<void> {
    return this.#remove("follows", user, target);
  }

  follows(user: string): Promise<string[]> {
    return this.#names("JOIN follows ON follows.target = accounts.key WHERE follows.user = ?", user);
  }

  followers(user: string): Promise<string[]> {
    return this.#names("JOIN follows ON follows.user = accounts.key WHERE follows.target = ?", user);
  }

  block(user: string, target: string, limit: number): Promise<boolean> {
    return this.#add("blocks", user, target, limit);
  }

  unblock(user: string, target: string): Promise<void> {
    return this.#remove("blocks", user, target);
  }

  blocks(user: string): Promise<string[]> {
    return this.#names("JOIN blocks ON blocks.target = accounts.key WHERE blocks.user = ?", user);
  }

  // deno-lint-ignore require-await
  async setAway(user: string, away: string | undefined, session?: Session): Promise<boolean> {
    return this.#users.setAway(user, away, session);
  }

  // deno-lint-ignore require-await
  async away(users: readonly string[]): Promise<Map<string, string>> {
    const found = users.map((user) => [user, this.#users.awayOf(user)]);
    return new Map(found.filter((one): one is [string, string] => one[1] !== undefined));
  }

  /** @returns false where there are `limit` others already */
  // deno-lint-ignore require-await
  async #add(table: "follows" | "blocks", user: string, target: string, limit: number): Promise<boolean> {
    return transaction(this.#database, () => {
      const { others } = this.#database.prepare(
        `SELECT count(*) AS others FROM ${table} WHERE user = ? AND target <> ?`,
      ).get(fold(user), fold(target)) as { others: number };
      if (others >= limit) return false;
      this.#database.prepare(`INSERT INTO ${table} (user, target) VALUES (?, ?) ON CONFLICT DO NOTHING`)
        .run(fold(user), fold(target));
      return true;
    });
  }

  // deno-lint-ignore require-await
  async #remove(table: "follows" | "blocks", user: string, target: string): Promise<void> {
    guarded(() =>
      this.#database.prepare(`DELETE FROM ${table} WHERE user = ? AND target = ?`).run(fold(user), fold(target))
    );
  }

  // deno-lint-ignore require-await
  async #names(join: string, user: string): Promise<string[]> {
    return guarded(() => {
      const rows = this.#database.prepare(`SELECT name FROM accounts ${join}`).all(fold(user));
      return rows.map((row) => row.name as string).sort();
    });
  }
}

/** An account from its row. */
export function toAccount(row: Record<string, unknown>): Account {
  const { name, hash, role, created, passwords, disabled } = row as unknown as Account & { disabled: unknown };
  return { name, hash, role, created, ...(passwords ? { passwords } : {}), ...(disabled ? { disabled: true } : {}) };
}
