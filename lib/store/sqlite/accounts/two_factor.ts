import type { DatabaseSync } from "node:sqlite";
import { fold } from "../../../wire/names.ts";
import type { TwoFactor, TwoFactorRecord, TwoFactors } from "../../accounts/two_factor.ts";
import { guarded, transaction } from "../file/database.ts";

/** Second factors in SQLite. The promises are those of {@linkcode TwoFactors}. */
export class SqliteTwoFactors implements TwoFactors {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  // deno-lint-ignore require-await
  async find(user: string): Promise<TwoFactor | undefined> {
    return guarded(() => this.#find(user));
  }

  // deno-lint-ignore require-await
  async begin(user: string, secret: string): Promise<boolean> {
    return guarded(() =>
      this.#database.prepare(
        "INSERT INTO two_factor (user, secret) SELECT key, ? FROM accounts WHERE key = ? " +
          "ON CONFLICT (user) DO UPDATE SET secret = excluded.secret WHERE confirmed = 0",
      ).run(secret, fold(user)).changes === 1
    );
  }

  // deno-lint-ignore require-await
  async confirm(user: string, secret: string, step: number, recovery: readonly string[]): Promise<boolean> {
    return guarded(() =>
      this.#database.prepare(
        "UPDATE two_factor SET confirmed = 1, step = ?, recovery = ? WHERE user = ? AND secret = ? AND confirmed = 0",
      ).run(step, recovery.join(" "), fold(user), secret).changes === 1
    );
  }

  // deno-lint-ignore require-await
  async spendStep(user: string, step: number): Promise<boolean> {
    return guarded(() =>
      this.#database.prepare("UPDATE two_factor SET step = ? WHERE user = ? AND confirmed = 1 AND step < ?")
        .run(step, fold(user), step).changes === 1
    );
  }

  // deno-lint-ignore require-await
  async spendRecovery(user: string, hash: string): Promise<boolean> {
    return transaction(this.#database, () => {
      const left = this.#find(user)?.recovery ?? [];
      if (!left.includes(hash)) return false;
      this.#database.prepare("UPDATE two_factor SET recovery = ? WHERE user = ?")
        .run(left.filter((other) => other !== hash).join(" "), fold(user));
      return true;
    });
  }

  // deno-lint-ignore require-await
  async remove(user: string): Promise<boolean> {
    return transaction(this.#database, () => {
      const on = this.#find(user)?.on === true;
      this.#database.prepare("DELETE FROM two_factor WHERE user = ?").run(fold(user));
      return on;
    });
  }

  #find(user: string): TwoFactor | undefined {
    const row = this.#database.prepare("SELECT * FROM two_factor WHERE user = ?").get(fold(user));
    return row && toTwoFactor(row);
  }
}

/** What is exported of an account's second factor; undefined where none is on. */
export function twoFactorOf(database: DatabaseSync, key: string): TwoFactorRecord | undefined {
  const row = database.prepare("SELECT * FROM two_factor WHERE user = ? AND confirmed = 1").get(key);
  if (!row) return undefined;
  const { on: _, ...record } = toTwoFactor(row);
  return record;
}

/** Puts in what was exported. */
export function putTwoFactor(database: DatabaseSync, key: string, { secret, step, recovery }: TwoFactorRecord): void {
  database.prepare(
    "INSERT OR REPLACE INTO two_factor (user, secret, confirmed, step, recovery) VALUES (?, ?, 1, ?, ?)",
  ).run(key, secret, step, recovery.join(" "));
}

function toTwoFactor({ secret, confirmed, step, recovery }: Record<string, unknown>): TwoFactor {
  const left = (recovery as string).split(" ").filter((hash) => hash !== "");
  return { secret: secret as string, on: confirmed === 1, step: step as number, recovery: left };
}
