/**
 * Access tokens in SQLite. The promises are those of {@linkcode AccessTokens}.
 */

import type { DatabaseSync } from "node:sqlite";
import { fold, type Topic } from "../../../wire/names.ts";
import type { AccessToken, AccessTokens } from "../../accounts/access_tokens.ts";
import { guarded, transaction } from "../file/database.ts";

/** See {@linkcode AccessTokens}. */
export class SqliteAccessTokens implements AccessTokens {
  readonly #database: DatabaseSync;
  readonly #now: () => number;

  constructor(database: DatabaseSync, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  // deno-lint-ignore require-await
  async add(user: string, token: AccessToken, most: number): Promise<"added" | "taken" | "full"> {
    const key = fold(user);
    return transaction(this.#database, () => {
      this.#database.prepare("DELETE FROM access_tokens WHERE user = ? AND expires <= ?").run(key, this.#now());
      const there = accessTokensOf(this.#database, key);
      if (there.some(({ name }) => name === token.name)) return "taken";
      if (there.length >= most) return "full";
      putAccessToken(this.#database, key, token);
      return "added";
    });
  }

  // deno-lint-ignore require-await
  async list(user: string): Promise<AccessToken[]> {
    return guarded(() => accessTokensOf(this.#database, fold(user)).filter((token) => this.#isGood(token)));
  }

  // deno-lint-ignore require-await
  async use(user: string, hash: string): Promise<AccessToken | undefined> {
    return transaction(this.#database, () => {
      const row = this.#database.prepare("SELECT * FROM access_tokens WHERE user = ? AND hash = ?")
        .get(fold(user), hash);
      const token = row && toAccessToken(row);
      if (!token || !this.#isGood(token)) return undefined;
      const used = this.#now();
      this.#database.prepare("UPDATE access_tokens SET used = ? WHERE user = ? AND name = ?")
        .run(used, fold(user), token.name);
      return { ...token, used };
    });
  }

  // deno-lint-ignore require-await
  async revoke(user: string, name: string): Promise<AccessToken | undefined> {
    return guarded(() => {
      const row = this.#database.prepare("DELETE FROM access_tokens WHERE user = ? AND name = ? RETURNING *")
        .get(fold(user), name);
      const token = row && toAccessToken(row);
      return token && this.#isGood(token) ? token : undefined;
    });
  }

  #isGood({ expires = Infinity }: AccessToken): boolean {
    return expires > this.#now();
  }
}

/** All that are stored of a user's, expired ones too, by name. @param user folded */
export function accessTokensOf(database: DatabaseSync, user: string): AccessToken[] {
  return database.prepare("SELECT * FROM access_tokens WHERE user = ? ORDER BY name").all(user).map(toAccessToken);
}

/** Writes a token. @param user folded */
export function putAccessToken(database: DatabaseSync, user: string, token: AccessToken): void {
  const { name, id, hash, scopes, topics, created, expires = null, used = null } = token;
  database.prepare(
    "INSERT OR REPLACE INTO access_tokens (user, name, id, hash, scopes, topics, created, expires, used) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  ).run(user, name, id, hash, scopes.join(" "), topics.join(" "), created, expires, used);
}

function toAccessToken(row: Record<string, unknown>): AccessToken {
  const { name, id, hash, created, expires, used } = row as unknown as AccessToken & Record<string, null>;
  const [scopes, topics] = [row.scopes, row.topics].map((words) => (words as string).split(" ").filter(Boolean));
  return {
    ...{ id, name, hash, scopes, topics: topics as Topic[], created },
    ...(expires === null ? {} : { expires }),
    ...(used === null ? {} : { used }),
  };
}
