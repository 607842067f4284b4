/**
 * Messages of strangers in SQLite. The promises are those of {@linkcode Requests}.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fold } from "../../../wire/names.ts";
import type { HeldMessage, MessagesFrom, Requests } from "../../accounts/requests.ts";
import { guarded, transaction } from "../file/database.ts";

/** The contact of a user who gets messages of contacts only: no user has this name. */
const contactsOnly = "";

/** See {@linkcode Requests}. */
export class SqliteRequests implements Requests {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  // deno-lint-ignore require-await
  async from(user: string): Promise<MessagesFrom> {
    const sql = "SELECT 1 FROM contacts WHERE user = ? AND target = ?";
    return guarded(() => this.#database.prepare(sql).get(fold(user), contactsOnly) ? "contacts" : "everyone");
  }

  async setFrom(user: string, from: MessagesFrom): Promise<void> {
    if (from === "contacts") return await this.accept(user, contactsOnly);
    const sql = "DELETE FROM contacts WHERE user = ? AND target = ?";
    guarded(() => this.#database.prepare(sql).run(fold(user), contactsOnly));
  }

  // deno-lint-ignore require-await
  async hold(user: string, held: HeldMessage, most: number): Promise<"held" | "waiting" | "full"> {
    const [key, sender] = [fold(user), fold(held.draft.from)];
    return transaction(this.#database, () => {
      const known = this.#find(key, sender);
      if (known) return known.draft.cid === held.draft.cid ? "held" : "waiting";
      const { count } = this.#database.prepare("SELECT count(*) AS count FROM requests WHERE user = ?")
        .get(key) as { count: number };
      if (count >= most) return "full";
      putRequest(this.#database, key, held);
      return "held";
    });
  }

  // deno-lint-ignore require-await
  async list(user: string): Promise<string[]> {
    return guarded(() => requestsOf(this.#database, fold(user)).map(({ draft }) => draft.from).sort());
  }

  // deno-lint-ignore require-await
  async find(user: string, sender: string): Promise<HeldMessage | undefined> {
    return guarded(() => this.#find(fold(user), fold(sender)));
  }

  // deno-lint-ignore require-await
  async accept(user: string, sender: string): Promise<void> {
    const sql = "INSERT OR IGNORE INTO contacts (user, target) VALUES (?, ?)";
    guarded(() => this.#database.prepare(sql).run(fold(user), fold(sender)));
  }

  // deno-lint-ignore require-await
  async remove(user: string, sender: string): Promise<boolean> {
    const sql = "DELETE FROM requests WHERE user = ? AND sender = ?";
    return guarded(() => this.#database.prepare(sql).run(fold(user), fold(sender)).changes === 1);
  }

  #find(key: string, sender: string): HeldMessage | undefined {
    const row = this.#database.prepare("SELECT held FROM requests WHERE user = ? AND sender = ?").get(key, sender);
    return row && JSON.parse(row.held as string);
  }
}

/** What waits for a user. @param user folded */
export function requestsOf(database: DatabaseSync, user: string): HeldMessage[] {
  return database.prepare("SELECT held FROM requests WHERE user = ? ORDER BY sender").all(user)
    .map(({ held }) => JSON.parse(held as string));
}

/** Writes a message that waits. @param user folded */
export function putRequest(database: DatabaseSync, user: string, held: HeldMessage): void {
  database.prepare("INSERT OR REPLACE INTO requests (user, sender, held) VALUES (?, ?, ?)")
    .run(user, fold(held.draft.from), JSON.stringify(held));
}

/** The contacts that a user has, without those whom the user follows. @param user folded */
export function contactsOf(database: DatabaseSync, user: string): string[] {
  return database.prepare("SELECT target FROM contacts WHERE user = ? ORDER BY target").all(user)
    .map(({ target }) => target as string);
}

/** Who is whose contact, asked in the transaction that would store a message. Names are folded. */
export class SqliteContacts {
  readonly #isContact: StatementSync;
  readonly #wrote: StatementSync;

  constructor(database: DatabaseSync) {
    this.#isContact = database.prepare(
      "SELECT 1 FROM contacts WHERE user = ?1 AND target = '' AND " +
        "NOT EXISTS (SELECT 1 FROM contacts WHERE user = ?1 AND target = ?2) AND " +
        "NOT EXISTS (SELECT 1 FROM follows WHERE user = ?1 AND target = ?2)",
    );
    this.#wrote = database.prepare("INSERT OR IGNORE INTO contacts (user, target) VALUES (?, ?)");
  }

  /** Whether a user gets messages of contacts only, and a sender is none. */
  isStranger(user: string, sender: string): boolean {
    return user !== sender && this.#isContact.get(user, sender) !== undefined;
  }

  /** Somebody writes to a user, who is a contact from now on. */
  wrote(sender: string, user: string): void {
    if (sender !== user) this.#wrote.run(sender, user);
  }
}
