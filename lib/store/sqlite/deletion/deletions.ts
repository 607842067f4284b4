import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fold, sentTopic, type Topic, topicKind, topicName } from "../../../wire/names.ts";
import type { Deletion, DeletionPlace, Deletions, Erased, Target } from "../../topics.ts";
import { blankBody, type TalkPage, type TalkRange, type TopicSignal } from "../../topics.ts";
import type { Checkpoints } from "../file/checkpoints.ts";
import { guarded, transaction } from "../file/database.ts";
import { toEntry } from "../topic_rows.ts";

/** What deleting asks of the logs. */
export interface ErasableLogs {
  /** Tells a topic's listeners. */
  tell(topic: Topic, signal: TopicSignal): void;
  /** A topic's row; undefined where there is no such topic. */
  newest(topic: Topic): { readonly epoch: string; readonly seq: number } | undefined;
  readTalk(topic: Topic, other: string, range: TalkRange): Promise<TalkPage>;
}

/** What listeners are told when the transaction is over. */
type Told = { readonly topic: Topic; readonly epoch: string; readonly deletion: Deletion };

/**
 * Deletions in SQLite. The promises are those of {@linkcode Deletions}.
 *
 * The file has nothing of the text when {@linkcode erase} resolves: what is freed in a page is overwritten
 * (`secure_delete`), and the write-ahead log is copied and emptied. Deletions that come meanwhile share the next emptying.
 */
export class SqliteDeletions implements Deletions {
  readonly #database: DatabaseSync;
  readonly #logs: ErasableLogs;
  readonly #checkpoints: Pick<Checkpoints, "truncate">;
  readonly #entry: StatementSync;
  readonly #blank: StatementSync;
  readonly #newest: StatementSync;
  readonly #insert: StatementSync;
  readonly #forget: StatementSync;
  readonly #since: StatementSync;
  /** Whether the write-ahead log may have something that was deleted. */
  #owed = false;
  #emptying: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(database: DatabaseSync, logs: ErasableLogs, checkpoints: Pick<Checkpoints, "truncate">) {
    this.#database = database;
    this.#logs = logs;
    this.#checkpoints = checkpoints;
    this.#entry = database.prepare("SELECT * FROM log WHERE topic = ? AND seq = ?");
    this.#blank = database.prepare("UPDATE log SET body = ? WHERE topic = ? AND seq = ?");
    this.#newest = database.prepare(
      "SELECT head, number FROM deletions WHERE topic = ? ORDER BY head DESC, number DESC LIMIT 1",
    );
    this.#insert = database.prepare(
      "INSERT INTO deletions (topic, head, number, seq, deleter, author, room) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    this.#forget = database.prepare(
      "DELETE FROM deletions WHERE topic = ? AND head < (SELECT min(seq) FROM log WHERE log.topic = deletions.topic)",
    );
    this.#since = database.prepare(
      "SELECT head, number, seq, deleter, author, room FROM deletions " +
        "WHERE topic = ? AND (head, number) > (?, ?) ORDER BY head, number",
    );
  }

  async erase(topic: Topic, target: Target, by: string, via?: string): Promise<Erased> {
    const copy = await this.#copyOf(topic, target);
    const told: Told[] = [];
    const erased = transaction(this.#database, () => {
      if (copy) this.#erase(copy.topic, copy, by, via, told);
      return this.#erase(topic, target, by, via, told);
    });
    for (const { topic, epoch, deletion } of told) {
      this.#logs.tell(topic, { kind: "deleted", epoch, deletion });
    }
    if (erased === "missing") return erased;
    this.#owed = true;
    await this.#empty();
    return erased;
  }

  // deno-lint-ignore require-await
  async since(topic: Topic, { at, number }: DeletionPlace): Promise<readonly Deletion[]> {
    return guarded(() => this.#since.all(topic, at, number).map(toDeletion));
  }

  async sweep(): Promise<void> {
    if (this.#owed) await this.#empty();
  }

  /** The newest deletion of a topic. */
  newest(topic: Topic): DeletionPlace | undefined {
    const row = this.#newest.get(topic) as { head: number; number: number } | undefined;
    return row && { at: row.head, number: row.number };
  }

  #erase(topic: Topic, { seq, id }: Target, by: string, via: string | undefined, told: Told[]): Erased {
    const row = this.#entry.get(topic, seq);
    const head = this.#logs.newest(topic);
    if (!row || !head || row.id !== id) return "missing";
    const entry = toEntry(row);
    if (entry.deleted) return "known";
    this.#blank.run(JSON.stringify(blankBody(entry)), topic, seq);
    const number = (this.newest(topic)?.number ?? 0) + 1;
    const { from, room } = entry;
    this.#insert.run(topic, head.seq, number, seq, by, from, room ?? null);
    this.#forget.run(topic);
    const deletion = { at: head.seq, number, seq, by, from, ...(room === undefined ? {} : { room }) };
    told.push({ topic, epoch: head.epoch, deletion: via === undefined ? deletion : { ...deletion, via } });
    return "erased";
  }

  /** The copy of a private message: it is there from the same transaction on, unless it is forgotten. */
  async #copyOf(topic: Topic, { seq, id }: Target): Promise<Target & { readonly topic: Topic } | undefined> {
    if (topicKind(topic) !== "inbox") return undefined;
    const row = guarded(() => this.#entry.get(topic, seq));
    const from = row && toEntry(row).from;
    if (from === undefined || fold(from) === topicName(topic)) return undefined;
    const sent = sentTopic(from);
    if (!this.#logs.newest(sent)) return undefined;
    const { entries: [copy] } = await this.#logs.readTalk(sent, topicName(topic), { copiesBelow: seq + 1, limit: 1 });
    return copy?.copyOf?.seq === seq && copy.id === id ? { topic: sent, seq: copy.seq, id } : undefined;
  }

  /** Empties the write-ahead log, from now on: one that is under way may have begun too early. */
  #empty(): Promise<void> {
    if (!this.#emptying) return this.#emptying = this.#truncate();
    return this.#next ??= this.#emptying.then(() => {
      this.#next = undefined;
      return this.#emptying = this.#truncate();
    });
  }

  async #truncate(): Promise<void> {
    try {
      this.#owed = false;
      await this.#checkpoints.truncate();
    } catch (error) {
      this.#owed = true;
      throw error;
    } finally {
      this.#emptying = undefined;
    }
  }
}

function toDeletion(row: Record<string, unknown>): Deletion {
  const { head, number, seq, deleter, author, room } = row as Record<string, never>;
  return { at: head, number, seq, by: deleter, from: author, ...(room === null ? {} : { room }) };
}
