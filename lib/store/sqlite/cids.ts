import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Topic } from "../../wire/names.ts";
import { cidMemoryMs } from "../topics.ts";

/** What a `cid` was published as. */
export interface KnownCid {
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/**
 * The `cid`s of the last {@linkcode cidMemoryMs}, by topic and user.
 *
 * They are forgotten by how long servers have had the file, not by the time of day: a clock that is set forward must
 * not let a message in twice. That count goes on where the newest row of the file has it, so the time between two runs
 * of a server is not counted.
 */
export class SqliteCids {
  readonly #uptime: () => number;
  /** What the file's servers were up before, less what this process was up by then, in milliseconds. */
  readonly #offset: number;
  readonly #find: StatementSync;
  readonly #add: StatementSync;
  readonly #forget: StatementSync;

  /** @param uptime milliseconds, by a clock that nobody sets */
  constructor(database: DatabaseSync, uptime: () => number) {
    this.#uptime = uptime;
    const { newest } = database.prepare("SELECT max(uptime) AS newest FROM cids").get() as { newest: number | null };
    this.#offset = (newest ?? 0) - uptime();
    this.#find = database.prepare(
      "SELECT seq, time FROM cids WHERE topic = ? AND user = ? AND cid = ? AND uptime > ?",
    );
    this.#add = database.prepare(
      "INSERT OR REPLACE INTO cids (topic, user, cid, seq, time, uptime) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#forget = database.prepare(
      "DELETE FROM cids WHERE (topic, user, cid) IN " +
        "(SELECT topic, user, cid FROM cids WHERE uptime <= ? ORDER BY uptime LIMIT ?)",
    );
  }

  /** What a user's `cid` was published as, if it is known. */
  find(topic: Topic, user: string, cid: string): KnownCid | undefined {
    const known = this.#find.get(topic, user, cid, this.#now - cidMemoryMs);
    return known && { ...known } as unknown as KnownCid;
  }

  /** Remembers a `cid`. */
  add(topic: Topic, user: string, cid: string, { seq, time }: KnownCid): void {
    this.#add.run(topic, user, cid, seq, time, this.#now);
  }

  /** Forgets the oldest that are no longer known, so many at most. @returns how many */
  forget(most: number): number {
    return Number(this.#forget.run(this.#now - cidMemoryMs, most).changes);
  }

  get #now(): number {
    return Math.round(this.#offset + this.#uptime());
  }
}
