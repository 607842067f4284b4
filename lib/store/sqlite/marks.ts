/**
 * Read marks in SQLite. The promises are those of {@linkcode Marks}.
 *
 * Nothing counts while messages are written, since each row that is written costs a page. What is unread is counted from
 * the log when it is asked for: that stops where the count does, and between topics the event loop has a turn.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fold, type Topic, topicKind } from "../../wire/names.ts";
import { encodePosition } from "../log_position.ts";
import { type MarkPosition, type Marks, maxMarks, maxUnread } from "../marks.ts";
import { guarded, transaction } from "./file/database.ts";
import type { TopicRow } from "./topic_rows.ts";

/** For how long topics are counted in one turn of the event loop, in milliseconds. */
const turnMs = 5;

/** What marks ask of the logs. */
export interface MarkedLogs {
  /** A topic's row; undefined where there is no such topic. */
  newest(topic: Topic): Readonly<TopicRow> | undefined;
  /** The number of the oldest message that is kept; one more than the newest where none is. */
  first(topic: Topic): number;
}

/** See {@linkcode Marks}. */
export class SqliteMarks implements Marks {
  readonly #database: DatabaseSync;
  readonly #logs: MarkedLogs;
  readonly #find: StatementSync;
  readonly #set: StatementSync;
  readonly #count: StatementSync;

  constructor(database: DatabaseSync, logs: MarkedLogs) {
    this.#database = database;
    this.#logs = logs;
    this.#find = database.prepare("SELECT epoch, seq FROM marks WHERE user = ? AND topic = ?");
    this.#set = database.prepare("INSERT OR REPLACE INTO marks (user, topic, epoch, seq) VALUES (?, ?, ?, ?)");
    // A message's text tells whose it is in a third of the time that parsing takes: it begins with that, if a server wrote it.
    this.#count = database.prepare(
      "SELECT count(*) AS n FROM (SELECT 1 FROM log WHERE topic = ? AND seq >= ? AND body NOT LIKE ? ESCAPE '\\' " +
        `AND (body >= '{"from":"' AND body < '{"from":#' OR lower(json_extract(body, '$.from')) <> ?) LIMIT ${maxUnread})`,
    );
  }

  // deno-lint-ignore require-await
  async mark(user: string, topic: Topic, position: MarkPosition): Promise<boolean> {
    return transaction(this.#database, () => this.#move(fold(user), topic, position, false));
  }

  /** Moves a mark that is of another log than its topic. */
  markIn(log: Topic, user: string, topic: Topic, position: MarkPosition): boolean {
    return transaction(this.#database, () => this.#move(fold(user), topic, position, false, log));
  }

  // deno-lint-ignore require-await
  async begin(user: string, positions: Readonly<Record<Topic, MarkPosition>>): Promise<void> {
    const folded = fold(user);
    const topics = Object.keys(positions) as Topic[];
    const missing = guarded(() => topics.filter((topic) => !this.#find.get(folded, topic)));
    if (missing.length === 0) return;
    transaction(this.#database, () => {
      for (const topic of missing) this.#move(folded, topic, positions[topic], true);
    });
  }

  async unread(user: string, topics: readonly Topic[]): Promise<Record<Topic, number>> {
    const folded = fold(user);
    const counts: [Topic, number][] = [];
    let since = performance.now();
    for (const topic of topics) {
      if (performance.now() - since > turnMs) {
        await new Promise((resolve) => setImmediate(resolve));
        since = performance.now();
      }
      const count = guarded(() => this.#unread(folded, topic));
      if (count > 0) counts.push([topic, count]);
    }
    return Object.fromEntries(counts);
  }

  // deno-lint-ignore require-await
  async forget(user: string, topic?: Topic): Promise<void> {
    const all = "DELETE FROM marks WHERE user = ?";
    const run = (sql: string, ...values: string[]) => this.#database.prepare(sql).run(...values);
    guarded(() => topic === undefined ? run(all, fold(user)) : run(`${all} AND topic = ?`, fold(user), topic));
  }

  /**
   * @param begin whether a mark that is there stays where it is
   * @param of the log that it is a number of
   */
  #move(user: string, topic: Topic, { epoch, seq }: MarkPosition, begin: boolean, of = topic): boolean {
    const log = this.#logs.newest(of);
    if (log?.epoch !== epoch) return false;
    const known = this.#find.get(user, topic) as MarkPosition | undefined;
    const at = Math.min(seq, log.seq);
    if (known && (begin || numberIn(log, known) >= at)) return false;
    if (!known) this.#makeRoom(user);
    this.#set.run(user, topic, epoch, at);
    return true;
  }

  #makeRoom(user: string): void {
    const { n } = this.#database.prepare("SELECT count(*) AS n FROM marks WHERE user = ?").get(user) as { n: number };
    if (n < maxMarks) return;
    const any = "DELETE FROM marks WHERE user = ? AND topic = (SELECT min(topic) FROM marks WHERE user = ?)";
    this.#database.prepare(any).run(user, user);
  }

  #unread(user: string, topic: Topic): number {
    const log = this.#logs.newest(topic);
    if (!log) return 0;
    const known = this.#find.get(user, topic) as MarkPosition | undefined;
    const mark = topicKind(topic) === "inbox" ? log.read : known && numberIn(log, known);
    if (mark === undefined || mark >= log.seq) return 0;
    const own = `{"from":"${user.replaceAll("_", "\\_")}"%`;
    return this.#count.get(topic, Math.max(mark + 1, this.#logs.first(topic)), own, user)!.n as number;
  }
}

/** Where a mark is in a log as it is now: see the promises of {@linkcode Marks}. */
export function numberIn({ epoch, previous, since }: Readonly<TopicRow>, mark: MarkPosition): number {
  if (mark.epoch === epoch) return mark.seq;
  return mark.epoch === previous ? Math.min(mark.seq, since ?? 0) : 0;
}

/** The marks of a user, as positions by topic. */
export function marksOf(database: DatabaseSync, user: string): Record<string, string> {
  const rows = database.prepare("SELECT topic, epoch, seq FROM marks WHERE user = ?").all(user);
  const marks = rows as unknown as (MarkPosition & { readonly topic: Topic })[];
  return Object.fromEntries(marks.map(({ topic, epoch, seq }) => [topic, encodePosition({ epoch, seq, id: "" })]));
}
