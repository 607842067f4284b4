import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fold, type Topic } from "../../wire/names.ts";
import type { TalkRange } from "../topics.ts";
import type { SqliteMoments } from "./moments.ts";

/** How many messages of an inbox are indexed in one step. */
const indexedAtOnce = 200;

/**
 * Which of an inbox's messages came from whom: sender → numbers, a row each.
 *
 * It knows no limits of the history: who reads says which numbers still count.
 */
export class SqliteTalks {
  readonly #moments: SqliteMoments;
  readonly #insert: StatementSync;
  readonly #senders: StatementSync;
  readonly #forget: StatementSync;
  readonly #step: StatementSync;
  readonly #fill: StatementSync;
  readonly #mark: StatementSync;
  readonly #read: StatementSync;

  constructor(database: DatabaseSync, moments: SqliteMoments) {
    this.#moments = moments;
    this.#insert = database.prepare("INSERT INTO talks (topic, sender, seq) VALUES (?, ?, ?)");
    this.#senders = database.prepare(
      "SELECT DISTINCT lower(json_extract(body, '$.from')) AS sender FROM log WHERE topic = ? AND seq < ?",
    );
    this.#forget = database.prepare("DELETE FROM talks WHERE topic = ? AND sender = ? AND seq < ?");
    this.#step = database.prepare(
      "SELECT max(seq) AS last FROM (SELECT seq FROM log WHERE topic = ? AND seq > ? ORDER BY seq LIMIT ?)",
    );
    this.#fill = database.prepare(
      "INSERT INTO talks SELECT topic, lower(json_extract(body, '$.from')), seq FROM log " +
        "WHERE topic = ? AND seq > ? AND seq <= ?",
    );
    this.#mark = database.prepare("UPDATE topics SET indexed = ? WHERE topic = ?");
    this.#read = database.prepare(
      "SELECT log.* FROM talks JOIN log ON log.topic = talks.topic AND log.seq = talks.seq " +
        "WHERE talks.topic = ? AND talks.sender = ? AND talks.seq >= ? AND talks.seq < ? ORDER BY talks.seq DESC LIMIT ?",
    );
  }

  /** Adds a message that was just put into the log. */
  add(inbox: Topic, sender: string, seq: number): void {
    this.#insert.run(inbox, fold(sender), seq);
  }

  /** Forgets what is older than a number; to be called while the log still has it. */
  forget(inbox: Topic, first: number): void {
    for (const { sender } of this.#senders.all(inbox, first)) this.#forget.run(inbox, sender as string, first);
  }

  /**
   * Indexes the next messages of an inbox that an earlier release wrote; to be called in a transaction.
   *
   * @param indexed up to which number all are indexed
   * @param seq the inbox's newest message
   * @returns up to which number all are indexed now
   */
  catchUp(inbox: Topic, indexed: number, seq: number): number {
    const { last } = this.#step.get(inbox, indexed, indexedAtOnce) as { last: number | null };
    if (last !== null) this.#fill.run(inbox, indexed, last);
    this.#mark.run(last ?? seq, inbox);
    return last ?? seq;
  }

  /**
   * Reads the rows of one sender's messages, ascending.
   *
   * @param first the oldest number that counts
   * @param seq the inbox's newest message
   */
  read(
    inbox: Topic,
    sender: string,
    first: number,
    seq: number,
    { before = seq + 1, olderThan, limit }: TalkRange,
  ): Record<string, unknown>[] {
    const bound = olderThan === undefined
      ? before
      : Math.min(before, this.#moments.firstSince(inbox, first, seq, olderThan));
    return this.#read.all(inbox, fold(sender), first, bound, limit).reverse();
  }
}
