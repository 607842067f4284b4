/**
 * Logs in SQLite, live delivery within the process. The promises are those of {@linkcode Topics}.
 *
 * Publishes are gathered for one turn of the event loop and committed as one transaction: what costs is the commit, not
 * the message. Listeners hear a message after its commit, never before.
 *
 * What costs in a commit is its pages. So a room's or a feed's row is not written with each message: it is marked as behind
 * its log, whose last message tells the rest, and brought up to date by {@linkcode SqliteTopics.settle}.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { inboxTopic, roomTopic, type Topic, topicKind, topicName } from "../../wire/names.ts";
import { type LogPosition, randomWord } from "../log_position.ts";
import { PositionSigner } from "../position_signer.ts";
import type { Session } from "../sessions.ts";
import type { StoreLimits } from "../store.ts";
import {
  type Draft,
  type Entry,
  type Page,
  type PublishResult,
  type Range,
  type Subscription,
  type TalkPage,
  type TalkRange,
  type Topics,
  type TopicSignal,
} from "../topics.ts";
import { guarded, secretOf, transaction } from "./database.ts";
import { SqliteCids } from "./cids.ts";
import { type LogPorts, pieceSize, SqliteHistory } from "./history.ts";
import { SqliteMoments } from "./moments.ts";
import { SqliteTalks } from "./talks.ts";
import { UnreadCounts } from "./unread.ts";

/** Trims a log once in so many messages: what is over the limit meanwhile is not worth a DELETE each. */
const trimEvery = 64;

/** How many messages are committed in one transaction, and so delivered in one turn of the event loop. */
const batchSize = 256;

interface Waiting {
  topic: Topic;
  draft: Draft;
  writer: Session | undefined;
  existing: boolean;
  resolve(result: PublishResult): void;
  reject(error: unknown): void;
}

/** A topic as the file has it, or will when the present transaction is over. */
interface TopicRow {
  epoch: string;
  seq: number;
  id: string;
  /** The read mark. */
  read: number;
  /** In an inbox: up to which number the talks have all. Elsewhere: {@linkcode behind}, or 0. */
  indexed: number;
  previous: string | null;
  since: number | null;
}

/** Says in a topic's row that `seq` and `id` are those of its log's last message, and not the row's own. */
const behind = -1;

/** How many rows are brought up to date in one turn of the event loop. */
const settledAtOnce = 200;

/** How many topics' rows are kept in memory: nobody else writes to the file, so that they are always true. */
const maxRows = 20_000;

/** What publishing asks of the sessions. */
export interface Fence {
  mayWrite(session: Session, room: string | undefined): boolean;
}

/** See {@linkcode Topics}. */
export class SqliteTopics implements Topics {
  readonly positions: PositionSigner;
  readonly #database: DatabaseSync;
  readonly #limits: StoreLimits;
  readonly #fence: Fence;
  readonly #now: () => number;
  readonly #listeners = new Map<Topic, Set<(signal: TopicSignal) => void>>();
  #waiting: Waiting[] = [];
  readonly #rows = new Map<Topic, TopicRow>();
  /** The topics whose rows are behind, as far as this process knows; others are found where they are read. */
  readonly #behind = new Set<Topic>();
  readonly #unread: UnreadCounts;
  readonly #history: SqliteHistory;
  readonly #talks: SqliteTalks;
  readonly #row: StatementSync;
  readonly #newest: StatementSync;
  readonly #make: StatementSync;
  readonly #advance: StatementSync;
  readonly #append: StatementSync;
  readonly #cids: SqliteCids;
  readonly #readForward: StatementSync;
  readonly #readBack: StatementSync;

  constructor(
    database: DatabaseSync,
    limits: StoreLimits,
    fence: Fence,
    { now, uptime, checkpoints }: LogPorts,
  ) {
    this.#database = database;
    this.#limits = limits;
    this.#fence = fence;
    this.#now = now;
    this.#unread = new UnreadCounts(database);
    this.positions = new PositionSigner(secretOf(database));
    const moments = new SqliteMoments(database);
    this.#talks = new SqliteTalks(database, moments);

    this.#row = database.prepare("SELECT epoch, seq, id, read, indexed, previous, since FROM topics WHERE topic = ?");
    this.#newest = database.prepare("SELECT seq, id FROM log WHERE topic = ? ORDER BY seq DESC LIMIT 1");
    this.#make = database.prepare("INSERT INTO topics (topic, epoch) VALUES (?, ?) ON CONFLICT DO NOTHING");
    this.#advance = database.prepare("UPDATE topics SET seq = ?, id = ?, indexed = ? WHERE topic = ?");
    this.#append = database.prepare("INSERT INTO log (topic, seq, id, time, body) VALUES (?, ?, ?, ?, ?)");
    this.#cids = new SqliteCids(database, uptime);
    const indexes = { moments, talks: this.#talks, unread: this.#unread, cids: this.#cids };
    this.#history = new SqliteHistory(database, limits, indexes, { now, uptime, checkpoints });
    this.#readForward = database.prepare("SELECT * FROM log WHERE topic = ? AND seq >= ? ORDER BY seq LIMIT ?");
    this.#readBack = database.prepare(
      "SELECT * FROM log WHERE topic = ? AND seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?",
    );
  }

  publish(topic: Topic, draft: Draft, writer: Session | undefined, existing = false): Promise<PublishResult> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ topic, draft, writer, existing, resolve, reject }) === 1) {
        setImmediate(() => this.#commit());
      }
    });
  }

  /** Commits what is waiting, and settles; the last step before the file is closed. */
  flush(): void {
    while (this.#waiting.length > 0) this.#commit();
    while (this.#behind.size > 0) this.#settleSome();
  }

  /** Commits a batch, and leaves the rest to the next turn: connections must get to write what they were pushed. */
  #commit(): void {
    const batch = this.#waiting.splice(0, batchSize);
    if (batch.length === 0) return;
    if (this.#waiting.length > 0) setImmediate(() => this.#commit());
    if (this.#rows.size > maxRows) this.#rows.clear();
    try {
      const outcomes = this.#inTransaction(() => {
        const done = batch.map((waiting) => this.#publish(waiting));
        for (const topic of topicsOf(batch)) this.#advanceRow(topic);
        return done;
      });
      for (let index = 0; index < batch.length; index++) {
        const { topic, resolve } = batch[index];
        const { result, signal } = outcomes[index];
        if (signal) this.#emit(topic, signal);
        resolve(result);
      }
    } catch (error) {
      // What came behind is refused as well: it would go before those that failed, once these are sent again.
      for (const { reject } of [...batch, ...this.#waiting.splice(0)]) reject(error);
    }
  }

  /** Writes down how far a topic's log is, where its row does not say that the log tells it. */
  #advanceRow(topic: Topic): void {
    const row = this.#rows.get(topic);
    if (!row || row.indexed === behind) return;
    if (topicKind(topic) !== "inbox") {
      row.indexed = behind;
      this.#behind.add(topic);
    }
    this.#advance.run(row.seq, row.id, row.indexed, topic);
  }

  /** Brings rows up to date that are behind their logs, a few at a time. */
  async settle(): Promise<void> {
    while (this.#behind.size > 0) {
      this.#settleSome();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #settleSome(): void {
    const some = [...this.#behind].slice(0, settledAtOnce);
    this.#inTransaction(() => {
      for (const topic of some) {
        const row = this.#known(topic);
        if (row?.indexed !== behind) continue; // forgotten meanwhile
        this.#advance.run(row.seq, row.id, row.indexed = 0, topic);
      }
    });
    for (const topic of some) this.#behind.delete(topic);
  }

  /** What was kept in memory is true no more where the transaction fails. */
  #inTransaction<T>(work: () => T): T {
    try {
      return transaction(this.#database, work);
    } catch (error) {
      this.#rows.clear();
      this.#unread.clear();
      throw error;
    }
  }

  #publish({ topic, draft, writer, existing }: Waiting): { result: PublishResult; signal?: TopicSignal } {
    const kind = topicKind(topic);
    if (writer && !this.#fence.mayWrite(writer, kind === "room" ? topicName(topic) : undefined)) {
      return { result: { kind: "fenced" } };
    }
    const { from, cid } = draft;
    const time = this.#now();
    const known = cid === undefined ? undefined : this.#cids.find(topic, from, cid);
    if (known) return { result: { kind: "published", ...known, repeated: true } };
    if (existing && !this.#known(topic)) return { result: { kind: "missing" } };
    const row = this.#topic(topic);
    const full = kind === "inbox" && this.#full(topic, row, from);
    if (full) return { result: full };
    const prev = row.id;
    const seq = ++row.seq;
    const id = row.id = randomWord(6);
    this.#append.run(topic, seq, id, time, JSON.stringify(draft));
    if (kind === "inbox") {
      this.#unread.add(from, topic, seq);
      if (row.indexed === seq - 1) this.#talks.add(topic, from, row.indexed = seq);
    }
    if (cid !== undefined) this.#cids.add(topic, from, cid, { seq, time });
    if (seq % trimEvery === 0) {
      this.#history.trim(topic, seq, row.read);
      this.#cids.forget(pieceSize);
    }
    return {
      result: { kind: "published", seq, time, repeated: false },
      signal: { kind: "entry", epoch: row.epoch, prev, entry: { seq, id, time, ...draft } },
    };
  }

  #full(inbox: Topic, { read, seq }: TopicRow, from: string): PublishResult | undefined {
    const { maxInbox, maxInboxPerSender } = this.#limits;
    const theirs = this.#unread.of(from, inbox, read, seq);
    if (theirs >= maxInboxPerSender && inbox !== inboxTopic(from)) return { kind: "full", theirs };
    return seq - read >= maxInbox ? { kind: "full", theirs: undefined } : undefined;
  }

  #topic(topic: Topic): TopicRow {
    const known = this.#known(topic);
    if (known) return known;
    this.#make.run(topic, randomWord(8));
    return this.#known(topic)!;
  }

  #known(topic: Topic): TopicRow | undefined {
    const known = this.#rows.get(topic);
    if (known) return known;
    const row = this.#row.get(topic) as unknown as TopicRow | undefined;
    if (!row) return undefined;
    if (row.indexed === behind && topicKind(topic) !== "inbox") {
      Object.assign(row, this.#newest.get(topic));
      this.#behind.add(topic);
    }
    this.#rows.set(topic, row);
    return row;
  }

  // deno-lint-ignore require-await
  async read(topic: Topic, range: Range): Promise<Page> {
    return guarded(() => {
      if (range.make === false && !this.#known(topic)) return nothing();
      const { epoch, seq, id, read, previous, since } = this.#topic(topic);
      const first = this.#history.first(topic, seq, read);
      const rows = "after" in range
        ? this.#readForward.all(topic, Math.max(first, range.after + 1), range.limit)
        : this.#readBack.all(topic, first, range.before ?? Number.MAX_SAFE_INTEGER, range.limit).reverse();
      return { epoch, head: { epoch, seq, id }, first, entries: rows.map(toEntry), ...renewal(previous, since ?? 0) };
    });
  }

  async readTalk(inbox: Topic, sender: string, range: TalkRange): Promise<TalkPage> {
    while (!this.#isIndexed(inbox)) await new Promise((resolve) => setImmediate(resolve));
    return guarded(() => {
      const { epoch, seq, read } = this.#topic(inbox);
      const first = this.#history.first(inbox, seq, read);
      const rows = this.#talks.read(inbox, sender, first, seq, range);
      return { epoch, time: this.#now(), entries: rows.map(toEntry) };
    });
  }

  /** Whether the talks have all of an inbox; a step is done where they do not. */
  #isIndexed(inbox: Topic): boolean {
    const row = guarded(() => this.#topic(inbox));
    if (row.indexed === row.seq) return true;
    row.indexed = this.#inTransaction(() => this.#talks.catchUp(inbox, row.indexed, row.seq));
    return row.indexed === row.seq;
  }

  // deno-lint-ignore require-await
  async head(topic: Topic): Promise<LogPosition> {
    return guarded(() => {
      const { epoch, seq, id } = this.#topic(topic);
      return { epoch, seq, id };
    });
  }

  // deno-lint-ignore require-await
  async renewEpoch(topic: Topic, epoch: string, since?: number): Promise<void> {
    const renew = "UPDATE topics SET epoch = ?, previous = epoch, since = ? WHERE topic = ? AND epoch = ?";
    guarded(() => {
      const from = since ?? this.#known(topic)?.seq ?? 0;
      this.#database.prepare(renew).run(randomWord(8), from, topic, epoch);
    });
    this.#rows.delete(topic);
  }

  // deno-lint-ignore require-await
  async readMark(inbox: Topic): Promise<number> {
    return guarded(() => this.#topic(inbox).read);
  }

  // deno-lint-ignore require-await
  async markRead(inbox: Topic, seq: number): Promise<void> {
    guarded(() =>
      this.#database.prepare("UPDATE topics SET read = max(read, min(seq, ?)) WHERE topic = ?").run(seq, inbox)
    );
    this.#rows.delete(inbox);
  }

  // deno-lint-ignore require-await
  async subscribe(topic: Topic, listener: (signal: TopicSignal) => void): Promise<Subscription> {
    const listeners = this.#listeners.get(topic) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(topic, listeners);
    return {
      // deno-lint-ignore require-await
      close: async () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
      },
    };
  }

  // deno-lint-ignore require-await
  async announce(room: string, presence: { user: string; state: "joined" | "left"; claim: number }): Promise<void> {
    this.#emit(roomTopic(room), { kind: "presence", ...presence });
  }

  async sweep(): Promise<number> {
    await this.settle();
    return await this.#history.sweep();
  }

  /** Forgets a topic's messages before a number, see {@linkcode SqliteHistory.purge}. */
  async purge(topic: Topic, first: number): Promise<number> {
    await this.settle(); // the log may have no message left by which its end is known
    return await this.#history.purge(topic, first);
  }

  /** The last message of a topic; undefined where there is no such topic. */
  newest(topic: Topic): { readonly seq: number; readonly id: string } | undefined {
    return this.#known(topic);
  }

  /** The number of the oldest message that is kept; one more than the newest where none is. */
  first(topic: Topic): number {
    const row = this.#known(topic);
    return row ? this.#history.first(topic, row.seq, row.read) : 1;
  }

  /** Whether anybody listens to a topic. */
  isHeard(topic: Topic): boolean {
    return this.#listeners.has(topic);
  }

  /** Forgets what is known of a topic's row: somebody else wrote to it. */
  forget(topic: Topic): void {
    this.#rows.delete(topic);
  }

  #emit(topic: Topic, signal: TopicSignal): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(signal);
  }
}

function topicsOf(batch: readonly Waiting[]): Iterable<Topic> {
  return batch.length === 1 ? [batch[0].topic] : new Set(batch.map(({ topic }) => topic));
}

/** What is read of a topic that does not exist. */
function nothing(): Page {
  const epoch = randomWord(8);
  return { epoch, head: { epoch, seq: 0, id: "" }, first: 1, entries: [] };
}

function renewal(previous: string | null, since: number): Pick<Page, "renewed"> {
  return previous === null ? {} : { renewed: { previous, since } };
}

/** A message from its row. */
export function toEntry(row: Record<string, unknown>): Entry {
  const { seq, id, time, body } = row as { seq: number; id: string; time: number; body: string };
  return { seq, id, time, ...JSON.parse(body) };
}
