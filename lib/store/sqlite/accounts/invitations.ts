import type { DatabaseSync } from "node:sqlite";
import type { Account } from "../../accounts.ts";
import { type Accepted, type Invitation, invitationMemoryMs, type Invitations } from "../../accounts/invitations.ts";
import { guarded, transaction } from "../file/database.ts";
import { insertAccount } from "./new_account.ts";

const good = "hash = ? AND user IS NULL AND expires > ?";

/** Invitations in SQLite. The promises are those of {@linkcode Invitations}. */
export class SqliteInvitations implements Invitations {
  readonly #database: DatabaseSync;
  readonly #now: () => number;

  constructor(database: DatabaseSync, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  // deno-lint-ignore require-await
  async add({ hash, maker, created, expires, user }: Invitation): Promise<boolean> {
    return transaction(this.#database, () => {
      this.#database.prepare("DELETE FROM invitations WHERE expires < ?").run(this.#now() - invitationMemoryMs);
      return this.#database.prepare(
        "INSERT INTO invitations (hash, maker, created, expires, user) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      ).run(hash, maker, created, expires, user ?? null).changes === 1;
    });
  }

  // deno-lint-ignore require-await
  async isGood(hash: string): Promise<boolean> {
    return guarded(() => this.#isGood(hash));
  }

  #isGood(hash: string): boolean {
    return this.#database.prepare(`SELECT 1 FROM invitations WHERE ${good}`).get(hash, this.#now()) !== undefined;
  }

  // deno-lint-ignore require-await
  async accept(hash: string, account: Account): Promise<Accepted> {
    return transaction(this.#database, () => {
      if (!this.#isGood(hash)) return "invalid";
      if (!insertAccount(this.#database, account)) return "taken";
      this.#database.prepare("UPDATE invitations SET user = ? WHERE hash = ?").run(account.name, hash);
      return "created";
    });
  }

  // deno-lint-ignore require-await
  async list(): Promise<Invitation[]> {
    return guarded(() => {
      const rows = this.#database.prepare("SELECT * FROM invitations ORDER BY created DESC, hash").all();
      return rows.map(({ user, ...rest }) =>
        ({ ...rest, ...(user === null ? {} : { user }) }) as unknown as Invitation
      );
    });
  }

  // deno-lint-ignore require-await
  async revoke(hash: string): Promise<boolean> {
    return guarded(() =>
      this.#database.prepare("DELETE FROM invitations WHERE hash = ? AND user IS NULL").run(hash).changes === 1
    );
  }
}
