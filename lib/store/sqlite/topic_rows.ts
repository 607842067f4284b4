import { deletedNamesOf } from "../accounts/deleted_names.ts";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { isPrivate, type Topic } from "../../wire/names.ts";
import type { Head } from "../topics.ts";
import { randomWord } from "../log_position.ts";
import type { Entry, Page } from "../topics.ts";

/** A topic as the file has it, or will when the present transaction is over. */
export interface TopicRow {
  epoch: string;
  seq: number;
  id: string;
  /** The read mark. */
  read: number;
  /** Of a private log: up to which number the talks have all. Elsewhere: {@linkcode behind}, or 0. */
  indexed: number;
  /** When the log's last message was stored, in milliseconds since 1970; 0 where the log is empty. */
  time: number;
  previous: string | null;
  since: number | null;
}

/** Says in a topic's row that `seq` and `id` are those of its log's last message, and not the row's own. */
const behind = -1;

/** How many rows are brought up to date in one step. */
const settledAtOnce = 200;

/** How many topics' rows are kept in memory: nobody else writes to the file, so that they are always true. */
const maxRows = 20_000;

/**
 * The rows of topics, as they are in the file and, those of topics in use, in memory.
 *
 * What costs in a commit is its pages. So a room's or a feed's row is not written with each message: it is marked as behind
 * its log, whose last message tells the rest, after a kill as well. {@linkcode settleSome} brings it up to date; that comes
 * before the last message of a log is deleted.
 */
export class TopicRows {
  readonly #rows = new Map<Topic, TopicRow>();
  /** The topics whose rows are behind, as far as this process knows; others are found where they are read. */
  readonly #behind = new Set<Topic>();
  readonly #row: StatementSync;
  readonly #newest: StatementSync;
  readonly #deletion: StatementSync;
  readonly #make: StatementSync;
  readonly #advance: StatementSync;

  constructor(database: DatabaseSync) {
    this.#row = database.prepare("SELECT epoch, seq, id, read, indexed, previous, since FROM topics WHERE topic = ?");
    this.#newest = database.prepare("SELECT seq, id, time FROM log WHERE topic = ? ORDER BY seq DESC LIMIT 1");
    this.#deletion = database.prepare(
      "SELECT head AS at, number FROM deletions WHERE topic = ? ORDER BY head DESC, number DESC LIMIT 1",
    );
    this.#make = database.prepare("INSERT INTO topics (topic, epoch) VALUES (?, ?) ON CONFLICT DO NOTHING");
    this.#advance = database.prepare("UPDATE topics SET seq = ?, id = ?, indexed = ? WHERE topic = ?");
  }

  /** A topic's row; undefined where there is no such topic. */
  find(topic: Topic): TopicRow | undefined {
    const known = this.#rows.get(topic);
    if (known) return known;
    const row = this.#row.get(topic) as unknown as TopicRow | undefined;
    if (!row) return undefined;
    const newest = this.#newest.get(topic) as Pick<TopicRow, "seq" | "id" | "time"> | undefined;
    row.time = newest?.time ?? 0;
    if (row.indexed === behind && !isPrivate(topic)) {
      Object.assign(row, newest);
      this.#behind.add(topic);
    }
    this.#rows.set(topic, row);
    return row;
  }

  /** A topic's row, made where there is none. */
  make(topic: Topic): TopicRow {
    const known = this.find(topic);
    if (known) return known;
    this.#make.run(topic, randomWord(8));
    return this.find(topic)!;
  }

  /** Where a topic's log ends; the topic is made where there is none. */
  head(topic: Topic): Head {
    const { epoch, seq, id } = this.make(topic);
    const deletion = this.#deletion.get(topic) as unknown as Head["deletion"];
    return { epoch, seq, id, ...(deletion ? { deletion: { ...deletion } } : {}) };
  }

  /** Writes down how far a topic is, where its row does not say that the log tells it; to be called in a transaction. */
  advance(topic: Topic): void {
    const row = this.#rows.get(topic);
    if (!row || row.indexed === behind) return;
    if (!isPrivate(topic)) {
      row.indexed = behind;
      this.#behind.add(topic);
    }
    this.#advance.run(row.seq, row.id, row.indexed, topic);
  }

  /** Brings some rows up to date that are behind. @returns whether there are more */
  settleSome(transaction: (work: () => void) => void): boolean {
    const some = [...this.#behind].slice(0, settledAtOnce);
    if (some.length === 0) return false;
    transaction(() => {
      for (const topic of some) {
        const row = this.find(topic);
        if (row?.indexed !== behind) continue; // forgotten meanwhile
        this.#advance.run(row.seq, row.id, row.indexed = 0, topic);
      }
    });
    for (const topic of some) this.#behind.delete(topic);
    return this.#behind.size > 0;
  }

  /** Forgets what is in memory of a topic: it was written to elsewhere. */
  forget(topic: Topic): void {
    this.#rows.delete(topic);
  }

  /** Forgets all that is in memory: a transaction has failed. */
  clear(): void {
    this.#rows.clear();
  }

  /** Makes room in memory where there is little left. */
  shrink(): void {
    if (this.#rows.size > maxRows) this.#rows.clear();
  }
}

/** Messages from their rows, under the names that their users have now. */
export function entriesOf(database: DatabaseSync, rows: readonly Record<string, unknown>[]): Entry[] {
  const names = deletedNamesOf(database);
  return rows.map((row) => names.rename(toEntry(row)));
}

/** A message from its row, as it was stored. */
export function toEntry(row: Record<string, unknown>): Entry {
  const { seq, id, time, body } = row as { seq: number; id: string; time: number; body: string };
  return { seq, id, time, ...JSON.parse(body) };
}

/** What a page tells of the epoch before. */
export function renewal(previous: string | null, since: number): Pick<Page, "renewed"> {
  return previous === null ? {} : { renewed: { previous, since } };
}

/** What is read of a topic that does not exist. */
export function nothing(): Page {
  const epoch = randomWord(8);
  return { epoch, head: { epoch, seq: 0, id: "" }, first: 1, entries: [] };
}
