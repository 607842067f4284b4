import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fold, type Topic, topicKind } from "../../wire/names.ts";
import type { Entry, TalkRange, TopicSignal } from "../topics.ts";
import type { SqliteMoments } from "./moments.ts";

/** How many messages of a log are indexed in one step. */
const indexedAtOnce = 200;

/** How many numbers of a talk are looked at in one go, from the end, for a place in it. */
const steppedOver = 256;

/** A message as its log has it, without what the log gives it. */
export type Body = Omit<Entry, "seq" | "id" | "time">;

/** What a log's listeners are told of a message. */
export type EntrySignal = Extract<TopicSignal, { readonly kind: "entry" }>;

/** Whose talk a message is of, in a private log. */
export function otherOf(topic: Topic, { from, to }: Body): string | undefined {
  const kind = topicKind(topic);
  return kind === "inbox" ? from : kind === "sent" ? to : undefined;
}

/**
 * The copy of a private message that was just put into an inbox.
 *
 * @param received the number of the newest message in the sender's own inbox
 * @param via the connection that sent it: nobody but the sender is to know
 */
export function copyFor({ epoch, entry }: EntrySignal, received: number, via: string | undefined): Body {
  const { seq, id: _, time, ...draft } = entry;
  return { ...draft, ...(via === undefined ? {} : { via }), copyOf: { seq, epoch, time }, received };
}

/** In SQL: whose talk a row of a private log is of. */
const other = "lower(json_extract(body, CASE WHEN topic LIKE 'sent:%' THEN '$.to' ELSE '$.from' END))";

/**
 * Which messages of a private log are of which talk: in an inbox sender → numbers, in a log of copies recipient → numbers,
 * a row each.
 *
 * It knows no limits of the history: who reads says which numbers still count.
 */
export class SqliteTalks {
  readonly #moments: SqliteMoments;
  readonly #insert: StatementSync;
  readonly #others: StatementSync;
  readonly #forget: StatementSync;
  readonly #step: StatementSync;
  readonly #fill: StatementSync;
  readonly #mark: StatementSync;
  readonly #read: StatementSync;
  readonly #readOn: StatementSync;
  readonly #numbers: StatementSync;
  readonly #entry: StatementSync;

  constructor(database: DatabaseSync, moments: SqliteMoments) {
    this.#moments = moments;
    this.#insert = database.prepare("INSERT INTO talks (topic, sender, seq) VALUES (?, ?, ?)");
    this.#others = database.prepare(`SELECT DISTINCT ${other} AS other FROM log WHERE topic = ? AND seq < ?`);
    this.#forget = database.prepare("DELETE FROM talks WHERE topic = ? AND sender = ? AND seq < ?");
    this.#step = database.prepare(
      "SELECT max(seq) AS last FROM (SELECT seq FROM log WHERE topic = ? AND seq > ? ORDER BY seq LIMIT ?)",
    );
    this.#fill = database.prepare(
      `INSERT INTO talks SELECT topic, ${other}, seq FROM log WHERE topic = ? AND seq > ? AND seq <= ?`,
    );
    this.#mark = database.prepare("UPDATE topics SET indexed = ? WHERE topic = ?");
    const rows = "SELECT log.* FROM talks JOIN log ON log.topic = talks.topic AND log.seq = talks.seq " +
      "WHERE talks.topic = ? AND talks.sender = ? AND talks.seq >= ? AND talks.seq < ? ORDER BY talks.seq";
    this.#read = database.prepare(`${rows} DESC LIMIT ?`);
    this.#readOn = database.prepare(`${rows} LIMIT ?`);
    this.#numbers = database.prepare(
      "SELECT seq FROM talks WHERE topic = ? AND sender = ? AND seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?",
    );
    this.#entry = database.prepare("SELECT body FROM log WHERE topic = ? AND seq = ?");
  }

  /** Adds a message that was just put into the log. */
  add(topic: Topic, other: string, seq: number): void {
    this.#insert.run(topic, fold(other), seq);
  }

  /** Forgets what is older than a number; to be called while the log still has it. */
  forget(topic: Topic, first: number): void {
    for (const { other } of this.#others.all(topic, first)) this.#forget.run(topic, other as string, first);
  }

  /**
   * Indexes the next messages of a log that was written without; to be called in a transaction.
   *
   * @param indexed up to which number all are indexed
   * @param seq the log's newest message
   * @returns up to which number all are indexed now
   */
  catchUp(topic: Topic, indexed: number, seq: number): number {
    const { last } = this.#step.get(topic, indexed, indexedAtOnce) as { last: number | null };
    if (last !== null) this.#fill.run(topic, indexed, last);
    this.#mark.run(last ?? seq, topic);
    return last ?? seq;
  }

  /**
   * Reads the rows of a talk's messages, ascending.
   *
   * @param first the oldest number that counts
   * @param seq the log's newest message
   */
  read(
    topic: Topic,
    other: string,
    first: number,
    seq: number,
    { after, before = seq + 1, olderThan, receivedBelow, copiesBelow, limit }: TalkRange,
  ): Record<string, unknown>[] {
    let bound = before;
    if (olderThan !== undefined) bound = Math.min(bound, this.#moments.firstSince(topic, first, seq, olderThan));
    if (receivedBelow !== undefined || copiesBelow !== undefined) {
      const isBelow = ({ copyOf, received = 0 }: Entry) =>
        received < (receivedBelow ?? Infinity) && (copyOf?.seq ?? 0) < (copiesBelow ?? Infinity);
      bound = this.#firstNot(isBelow, topic, other, first, bound);
    }
    if (after !== undefined) return this.#readOn.all(topic, fold(other), Math.max(first, after + 1), bound, limit);
    return this.#read.all(topic, fold(other), first, bound, limit).reverse();
  }

  /** The number of a talk's first message that is not below something that grows with the numbers; `last` where all are. */
  #firstNot(isBelow: (entry: Entry) => boolean, topic: Topic, other: string, first: number, last: number): number {
    const isOver = (seq: number) => !isBelow(JSON.parse(this.#entry.get(topic, seq)!.body as string));
    for (let bound = last;;) {
      const numbers = this.#numbers.all(topic, fold(other), first, bound, steppedOver).map(({ seq }) => seq as number);
      let [low, high] = [0, numbers.length];
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        if (isOver(numbers[middle])) low = middle + 1;
        else high = middle;
      }
      if (low > 0) bound = numbers[low - 1];
      if (low < steppedOver) return bound;
    }
  }
}
