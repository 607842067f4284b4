/**
 * Logs in SQLite, live delivery within the process. The promises are those of {@linkcode Topics}.
 *
 * Publishes are gathered for one turn of the event loop and committed as one transaction: what costs is the commit, not
 * the message. Listeners hear a message after its commit, never before.
 *
 * What costs in a commit is its pages: see {@linkcode TopicRows}.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { inboxTopic, roomTopic, sentTopic, type Topic, topicKind, topicName } from "../../wire/names.ts";
import type { Head } from "../topics.ts";
import { randomWord } from "../log_position.ts";
import { PositionSigner } from "../position_signer.ts";
import type { Session } from "../sessions.ts";
import type { StoreLimits } from "../store.ts";
import {
  type AccountChange,
  type Draft,
  isCopied,
  type Page,
  type PresenceChange,
  type PublishResult,
  type Range,
  type Subscription,
  type TalkPage,
  type TalkRange,
  type Topics,
  type TopicSignal,
} from "../topics.ts";
import { guarded, secretOf, transaction } from "./file/database.ts";
import { Channels } from "./channels.ts";
import { SqliteCids } from "./cids.ts";
import { atRevision, type Fence, isExpelled, type RecordFields, SqliteGate } from "./gate.ts";
import { type LogPorts, pieceSize, SqliteHistory } from "./history.ts";
import { SqliteMoments } from "./moments.ts";
import { type Body, copyFor, type EntrySignal, otherOf, SqliteTalks } from "./talks.ts";
import { entriesOf, nothing, renewal, type TopicRow, TopicRows } from "./topic_rows.ts";
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
  overrides: boolean;
  resolve(result: PublishResult): void;
  reject(error: unknown): void;
}

/** What became of a message, and what listeners are told after the commit. */
interface Outcome {
  readonly result: PublishResult;
  readonly signal?: EntrySignal;
  readonly copy?: { readonly topic: Topic; readonly signal: EntrySignal };
}

/** See {@linkcode Topics}. */
export class SqliteTopics implements Topics {
  readonly positions: PositionSigner;
  readonly #database: DatabaseSync;
  readonly #fence: Fence;
  readonly #now: () => number;
  readonly #channels = new Channels();
  #waiting: Waiting[] = [];
  readonly #rows: TopicRows;
  readonly #unread: UnreadCounts;
  readonly #gate: SqliteGate;
  readonly #history: SqliteHistory;
  readonly #talks: SqliteTalks;
  readonly #append: StatementSync;
  readonly #cids: SqliteCids;
  readonly #readForward: StatementSync;
  readonly #readBack: StatementSync;

  constructor(
    database: DatabaseSync,
    limits: StoreLimits,
    fence: Fence,
    { now, uptime, checkpoints }: LogPorts,
    records: RecordFields,
  ) {
    this.#database = database;
    this.#fence = fence;
    this.#now = now;
    this.#unread = new UnreadCounts(database);
    this.#gate = new SqliteGate(database, limits, this.#unread, records);
    this.positions = new PositionSigner(secretOf(database));
    const moments = new SqliteMoments(database);
    this.#talks = new SqliteTalks(database, moments);

    this.#rows = new TopicRows(database);
    this.#append = database.prepare("INSERT INTO log (topic, seq, id, time, body) VALUES (?, ?, ?, ?, ?)");
    this.#cids = new SqliteCids(database, uptime);
    const indexes = { moments, talks: this.#talks, unread: this.#unread, cids: this.#cids };
    this.#history = new SqliteHistory(database, limits, indexes, { now, uptime, checkpoints });
    this.#readForward = database.prepare("SELECT * FROM log WHERE topic = ? AND seq >= ? ORDER BY seq LIMIT ?");
    this.#readBack = database.prepare(
      "SELECT * FROM log WHERE topic = ? AND seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?",
    );
  }

  publish(
    topic: Topic,
    draft: Draft,
    writer: Session | undefined,
    existing = false,
    overrides = false,
  ): Promise<PublishResult> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ topic, draft, writer, existing, overrides, resolve, reject }) === 1) {
        setImmediate(() => this.#commit());
      }
    });
  }

  /** Commits what is waiting, and settles; the last step before the file is closed. */
  flush(): void {
    while (this.#waiting.length > 0) this.#commit();
    try {
      while (this.#rows.settleSome((work) => this.#inTransaction(work)));
    } catch {
      // On a full disk the rows stay behind, and their logs tell.
    }
  }

  /** Commits a batch, and leaves the rest to the next turn: connections must get to write what they were pushed. */
  #commit(): void {
    const batch = this.#waiting.splice(0, batchSize);
    if (batch.length === 0) return;
    if (this.#waiting.length > 0) setImmediate(() => this.#commit());
    this.#rows.shrink();
    try {
      const outcomes = this.#inTransaction(() => {
        const done = batch.map((waiting) => this.#publish(waiting));
        for (const topic of topicsOf(batch, done)) this.#rows.advance(topic);
        return done;
      });
      for (let index = 0; index < batch.length; index++) {
        const { topic, resolve } = batch[index];
        const { result, signal, copy } = outcomes[index];
        if (signal) this.#channels.emit(topic, signal);
        if (copy) this.#channels.emit(copy.topic, copy.signal);
        resolve(result);
      }
    } catch (error) {
      // What came behind is refused as well: it would go before those that failed, once these are sent again.
      for (const { reject } of [...batch, ...this.#waiting.splice(0)]) reject(error);
    }
  }

  /** Brings rows up to date that are behind their logs, a few at a time. */
  async settle(): Promise<void> {
    while (this.#rows.settleSome((work) => this.#inTransaction(work))) {
      await new Promise((resolve) => setImmediate(resolve));
    }
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

  #publish({ topic, draft, writer, existing, overrides }: Waiting): Outcome {
    const kind = topicKind(topic);
    const { from, cid } = draft;
    const room = kind === "room" ? topicName(topic) : undefined;
    const verdict = this.#gate.ofRoom(room, from, overrides, this.#now());
    if (writer && !this.#fence.mayWrite(writer, room) && !isExpelled(verdict)) return { result: { kind: "fenced" } };
    const known = cid === undefined ? undefined : this.#cids.find(topic, from, cid);
    if (known) return { result: { kind: "published", ...known, repeated: true } };
    if (existing && !this.#rows.find(topic)) return { result: { kind: "missing" } };
    if (verdict.refusal) return { result: verdict.refusal };
    const row = this.#rows.make(topic);
    const refusal = kind === "inbox" && this.#gate.ofInbox(topic, row, from);
    if (refusal) return { result: refusal };
    const { via, ...body } = draft;
    const put = this.#put(topic, row, this.#now(), randomWord(6), body);
    const signal = atRevision(put, verdict);
    const { seq, time } = signal.entry;
    this.#gate.spoke(room, from, time);
    if (cid !== undefined) this.#cids.add(topic, from, cid, { seq, time });
    if (seq % trimEvery === 0) this.#cids.forget(pieceSize);
    const result = { kind: "published", seq, time, repeated: false } as const;
    return isCopied(topic, draft) ? { result, signal, copy: this.#copy(signal, via) } : { result, signal };
  }

  /** Puts a message into a log, which forgets what is over its limits now and then. */
  #put(topic: Topic, row: TopicRow, now: number, id: string, body: Body): EntrySignal {
    const prev = row.id;
    const seq = ++row.seq;
    row.id = id;
    const time = row.time = Math.max(now, row.time);
    this.#append.run(topic, seq, id, time, JSON.stringify(body));
    if (topicKind(topic) === "inbox") this.#unread.add(body.from, topic, seq);
    const other = otherOf(topic, body);
    if (other !== undefined && row.indexed === seq - 1) this.#talks.add(topic, other, row.indexed = seq);
    if (seq % trimEvery === 0) this.#history.trim(topic, seq, row.read);
    return { kind: "entry", epoch: row.epoch, prev, entry: { seq, id, time, ...body } };
  }

  /** Puts a private message's copy into the log of what its sender sent. */
  #copy(original: EntrySignal, via: string | undefined): { topic: Topic; signal: EntrySignal } {
    const { from, id, time } = original.entry;
    const topic = sentTopic(from);
    const body = copyFor(original, this.#rows.find(inboxTopic(from))?.seq ?? 0, via);
    return { topic, signal: this.#put(topic, this.#rows.make(topic), time, id, body) };
  }

  // deno-lint-ignore require-await
  async read(topic: Topic, range: Range): Promise<Page> {
    return guarded(() => {
      if (range.make === false && !this.#rows.find(topic)) return nothing();
      const { epoch, seq, id, read, previous, since } = this.#rows.make(topic);
      const first = this.#history.first(topic, seq, read);
      const rows = "after" in range
        ? this.#readForward.all(topic, Math.max(first, range.after + 1), range.limit)
        : this.#readBack.all(topic, first, range.before ?? Number.MAX_SAFE_INTEGER, range.limit).reverse();
      const entries = entriesOf(this.#database, rows);
      return { epoch, head: { epoch, seq, id }, first, entries, ...renewal(previous, since ?? 0) };
    });
  }

  async readTalk(topic: Topic, other: string, range: TalkRange): Promise<TalkPage> {
    while (!this.#isIndexed(topic)) await new Promise((resolve) => setImmediate(resolve));
    return guarded(() => {
      const { epoch, seq, read } = this.#rows.make(topic);
      const first = this.#history.first(topic, seq, read);
      const rows = this.#talks.read(topic, other, first, seq, range);
      const received = this.#rows.find(inboxTopic(topicName(topic)))?.seq ?? 0;
      return { epoch, time: this.#now(), received, entries: entriesOf(this.#database, rows) };
    });
  }

  /** Whether the talks have all of a private log; a step is done where they do not. */
  #isIndexed(topic: Topic): boolean {
    const row = guarded(() => this.#rows.make(topic));
    if (row.indexed === row.seq) return true;
    row.indexed = this.#inTransaction(() => this.#talks.catchUp(topic, row.indexed, row.seq));
    return row.indexed === row.seq;
  }

  // deno-lint-ignore require-await
  async head(topic: Topic): Promise<Head> {
    return guarded(() => this.#rows.head(topic));
  }

  // deno-lint-ignore require-await
  async renewEpoch(topic: Topic, epoch: string, since?: number): Promise<void> {
    const renew = "UPDATE topics SET epoch = ?, previous = epoch, since = ? WHERE topic = ? AND epoch = ?";
    guarded(() => {
      const from = since ?? this.#rows.find(topic)?.seq ?? 0;
      this.#database.prepare(renew).run(randomWord(8), from, topic, epoch);
    });
    this.#rows.forget(topic);
  }

  // deno-lint-ignore require-await
  async readMark(inbox: Topic): Promise<number> {
    return guarded(() => this.#rows.make(inbox).read);
  }

  // deno-lint-ignore require-await
  async markRead(inbox: Topic, seq: number): Promise<boolean> {
    const move = "UPDATE topics SET read = min(seq, ?) WHERE topic = ? AND read < min(seq, ?)";
    const { changes } = guarded(() => this.#database.prepare(move).run(seq, inbox, seq));
    this.#rows.forget(inbox);
    return changes === 1;
  }

  // deno-lint-ignore require-await
  async subscribe(topic: Topic, listener: (signal: TopicSignal) => void): Promise<Subscription> {
    return this.#channels.subscribe(topic, listener);
  }

  // deno-lint-ignore require-await
  async tellAccount(user: string, change: AccountChange): Promise<void> {
    this.#channels.emit(inboxTopic(user), { kind: "account", change });
  }

  // deno-lint-ignore require-await
  async announce(room: string, presence: PresenceChange): Promise<void> {
    const topic = roomTopic(room);
    const isThere = this.#fence.isIn(topicName(topic), presence.user);
    if (isThere === (presence.state === "joined")) this.#channels.announce(topic, presence);
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

  /** A topic's row, with its last message; undefined where there is no such topic. */
  newest(topic: Topic): Readonly<TopicRow> | undefined {
    return this.#rows.find(topic);
  }

  /** The number of the oldest message that is kept; one more than the newest where none is. */
  first(topic: Topic): number {
    const row = this.#rows.find(topic);
    return row ? this.#history.first(topic, row.seq, row.read) : 1;
  }

  /** Tells a topic's listeners. */
  tell(topic: Topic, signal: TopicSignal): void {
    this.#channels.emit(topic, signal);
  }

  /** A user is no longer in a room: whoever tells it so later tells nothing new. */
  strike(room: Topic, user: string): void {
    this.#channels.strike(room, user);
  }

  /** Whether anybody listens to a topic. */
  isHeard(topic: Topic): boolean {
    return this.#channels.isHeard(topic);
  }

  /** Forgets what is known of a topic's row: somebody else wrote to it. */
  forget(topic: Topic): void {
    this.#rows.forget(topic);
  }
}

/** The topics that messages of a batch, and their copies, are in. */
function topicsOf(batch: readonly Waiting[], outcomes: readonly Outcome[]): Iterable<Topic> {
  if (batch.length === 1 && !outcomes[0].copy) return [batch[0].topic];
  const copies = outcomes.flatMap(({ copy }) => copy ? [copy.topic] : []);
  return new Set([...batch.map(({ topic }) => topic), ...copies]);
}
