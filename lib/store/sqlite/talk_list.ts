import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fold, inboxTopic, sentTopic, type Topic } from "../../wire/names.ts";
import { type MarkPosition, maxUnread } from "../marks.ts";
import { talkMark, type TalkPlace, type Talks, type TalkState } from "../talks.ts";
import type { Entry, Topics } from "../topics.ts";
import { guarded } from "./file/database.ts";
import { type MarkedLogs, numberIn, type SqliteMarks } from "./marks.ts";
import { entriesOf } from "./topic_rows.ts";

/** The last message of a talk in one log. */
interface Last {
  readonly other: string;
  readonly seq: number;
}

/** What listing asks of the logs. */
export type ListedLogs = MarkedLogs & Pick<Topics, "readTalk">;

/** A user's talks in SQLite: see {@linkcode Talks}. */
export class SqliteTalkList implements Talks {
  readonly #logs: ListedLogs;
  readonly #marks: SqliteMarks;
  readonly #last: StatementSync;
  readonly #database: DatabaseSync;
  readonly #entry: StatementSync;
  readonly #find: StatementSync;
  readonly #count: StatementSync;

  constructor(database: DatabaseSync, logs: ListedLogs, marks: SqliteMarks) {
    this.#database = database;
    this.#logs = logs;
    this.#marks = marks;
    // From one other to the next by the index: as many steps as there are others.
    this.#last = database.prepare(
      "WITH RECURSIVE others(other) AS (SELECT min(sender) FROM talks WHERE topic = ?1 UNION ALL " +
        "SELECT (SELECT min(sender) FROM talks WHERE topic = ?1 AND sender > other) FROM others WHERE other IS NOT NULL) " +
        "SELECT other, (SELECT max(seq) FROM talks WHERE topic = ?1 AND sender = other) AS seq FROM others " +
        "WHERE other IS NOT NULL ORDER BY seq DESC",
    );
    this.#entry = database.prepare("SELECT * FROM log WHERE topic = ? AND seq = ?");
    this.#find = database.prepare("SELECT epoch, seq FROM marks WHERE user = ? AND topic = ?");
    this.#count = database.prepare(
      "SELECT count(*) AS n FROM (SELECT 1 FROM talks WHERE topic = ? AND sender = ? AND seq >= ? " +
        `LIMIT ${maxUnread})`,
    );
  }

  async list(user: string, { before, limit }: { before?: TalkPlace | undefined; limit: number }): Promise<TalkState[]> {
    const [inbox, sent] = [inboxTopic(user), sentTopic(user)];
    // Which also indexes them, where an earlier release wrote them.
    for (const topic of [inbox, sent]) await this.#logs.readTalk(topic, user, { limit: 1 });
    return guarded(() => {
      const lists = [this.#kept(inbox), this.#kept(sent)];
      const sides = lists.map((list) => new Map(list.map((last) => [last.other, last])));
      const place = (side: number, { seq }: Last): TalkPlace =>
        side === 0 ? { received: seq, sent: 0 } : { received: this.#at(sent, seq).received!, sent: seq };
      const found: TalkState[] = [];
      while (found.length < limit && (lists[0].length > 0 || lists[1].length > 0)) {
        const [received, copy] = [lists[0][0], lists[1][0]];
        const side = received && !(copy && isBefore(place(0, received), place(1, copy))) ? 0 : 1;
        const last = lists[side].shift()!;
        const across = sides[1 - side].get(last.other);
        const at = place(side, last);
        // A talk is where its last message is: the other side has, or had, its turn where that one is later.
        if (across && isBefore(at, place(1 - side, across))) continue;
        if (before && !isBefore(at, before)) continue;
        const topic = side === 0 ? inbox : sent;
        const entry = this.#at(topic, last.seq);
        const { epoch } = this.#logs.newest(topic)!;
        const name = side === 0 ? entry.from : entry.to!;
        found.push({ user: name, topic, epoch, entry, unread: this.#unread(user, inbox, last.other) });
      }
      return found;
    });
  }

  async unread(user: string): Promise<Record<string, number>> {
    const inbox = inboxTopic(user);
    await this.#logs.readTalk(inbox, user, { limit: 1 });
    return guarded(() => {
      const counts = this.#kept(inbox).map(({ other }) => [other, this.#unread(user, inbox, other)] as const);
      return Object.fromEntries(counts.filter(([, count]) => count > 0));
    });
  }

  // deno-lint-ignore require-await
  async mark(user: string, other: string, position: MarkPosition): Promise<boolean> {
    return this.#marks.markIn(inboxTopic(user), user, talkMark(fold(other)), position);
  }

  /** The last message of each talk that a log has, of those that count, the newest first. */
  #kept(topic: Topic): Last[] {
    const first = this.#logs.first(topic);
    return (this.#last.all(topic) as unknown as Last[]).filter(({ seq }) => seq >= first);
  }

  #at(topic: Topic, seq: number): Entry {
    return entriesOf(this.#database, [this.#entry.get(topic, seq)!])[0];
  }

  #unread(user: string, inbox: Topic, other: string): number {
    const log = this.#logs.newest(inbox);
    if (!log || other === fold(user)) return 0;
    const known = this.#find.get(fold(user), talkMark(other)) ?? this.#find.get(fold(user), talkMark(""));
    const mark = known ? numberIn(log, known as unknown as MarkPosition) : 0;
    return this.#count.get(inbox, other, Math.max(mark + 1, this.#logs.first(inbox)))!.n as number;
  }
}

function isBefore(one: TalkPlace, two: TalkPlace): boolean {
  return one.received < two.received || (one.received === two.received && one.sent < two.sent);
}
