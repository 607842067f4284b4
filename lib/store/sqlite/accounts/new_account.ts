import type { DatabaseSync } from "node:sqlite";
import { fold } from "../../../wire/names.ts";
import type { Account } from "../../accounts.ts";

/** Makes an account. @returns false where the name is taken */
export function insertAccount(database: DatabaseSync, { name, hash, role, created }: Account): boolean {
  return database.prepare(
    "INSERT INTO accounts (key, name, hash, role, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  ).run(fold(name), name, hash, role, created).changes === 1;
}
