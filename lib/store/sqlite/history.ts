import type { DatabaseSync, StatementSync } from "node:sqlite";
import { isPrivate, type Topic } from "../../wire/names.ts";
import type { StoreLimits } from "../store.ts";
import type { Checkpoints } from "./file/checkpoints.ts";
import type { SqliteCids } from "./cids.ts";
import { guarded, transaction } from "./file/database.ts";
import type { SqliteMoments } from "./moments.ts";
import { FileSpace } from "./file/space.ts";
import type { SqliteTalks } from "./talks.ts";
import type { UnreadCounts } from "./unread.ts";

/** How many messages are forgotten in one transaction at most, so that it holds the event loop up for a millisecond or two. */
export const pieceSize = 200;

/** How many topics are looked at in one turn of the event loop. */
const pageSize = 100;

/** A topic's newest message, and its read mark. */
interface TopicState {
  readonly seq: number;
  readonly read: number;
}

/** What hangs on the messages of a log. */
export interface LogIndexes {
  readonly moments: SqliteMoments;
  readonly talks: SqliteTalks;
  readonly unread: UnreadCounts;
  readonly cids: SqliteCids;
}

/** Clocks and ports of the logs. */
export interface LogPorts {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds, by a clock that nobody sets. */
  readonly uptime: () => number;
  readonly checkpoints: Pick<Checkpoints, "truncate">;
}

/** What a log keeps: which of its messages are within the limits, and how the others are forgotten. */
export class SqliteHistory {
  readonly #database: DatabaseSync;
  readonly #limits: StoreLimits;
  readonly #indexes: LogIndexes;
  readonly #now: () => number;
  readonly #steadyNow: () => number;
  readonly #space: FileSpace;
  readonly #oldest: StatementSync;
  readonly #state: StatementSync;
  readonly #page: StatementSync;
  readonly #forget: StatementSync;

  constructor(
    database: DatabaseSync,
    limits: StoreLimits,
    indexes: LogIndexes,
    { now, uptime, checkpoints }: LogPorts,
  ) {
    this.#database = database;
    this.#limits = limits;
    this.#indexes = indexes;
    this.#now = now;
    const offset = now() - uptime();
    this.#steadyNow = () => Math.min(now(), offset + uptime());
    this.#space = new FileSpace(database, checkpoints);
    this.#oldest = database.prepare("SELECT seq FROM log WHERE topic = ? ORDER BY seq LIMIT 1");
    this.#state = database.prepare("SELECT seq, read FROM topics WHERE topic = ?");
    this.#page = database.prepare("SELECT topic FROM topics WHERE topic > ? ORDER BY topic LIMIT ?");
    this.#forget = database.prepare("DELETE FROM log WHERE topic = ? AND seq < ?");
  }

  /**
   * The number of the oldest message that is within the limits or, in an inbox, unread; `head` + 1 where none is.
   *
   * @param head the topic's newest message
   * @param read its read mark, where it is an inbox
   * @param now milliseconds since 1970
   */
  first(topic: Topic, head: number, read: number, now = this.#now()): number {
    const { historyMaxMessages, historyMaxAge } = this.#limits;
    const from = Math.max(1, head - historyMaxMessages + 1);
    const young = this.#indexes.moments.firstSince(topic, from, head, Math.max(0, now - historyMaxAge));
    return topic.startsWith("inbox:") ? Math.min(young, read + 1) : young;
  }

  /**
   * Forgets the oldest of what is over the limits; to be called in a transaction. A clock that is set forward makes nothing
   * old here.
   *
   * @returns how many messages that were: where it is {@linkcode pieceSize}, there may be more
   */
  trim(topic: Topic, head: number, read: number): number {
    const first = this.#firstOfRest(topic, head, read);
    if (first === undefined) return 0;
    if (isPrivate(topic)) this.#indexes.talks.forget(topic, first);
    return Number(this.#forget.run(topic, first).changes);
  }

  /** Goes through all topics, see {@linkcode Topics.sweep}; between two pieces, the event loop has a turn. */
  async sweep(): Promise<number> {
    let forgotten = 0;
    for (let after = "", more = true; more;) {
      const [page, due] = guarded(() => {
        const page = this.#page.all(after, pageSize) as { topic: Topic }[];
        return [page, page.filter(({ topic }) => this.#isDue(topic))];
      });
      for (const { topic } of due) forgotten += await this.#inPieces(() => this.#trimNow(topic));
      more = page.length === pageSize;
      after = page.at(-1)?.topic ?? "";
      await turn();
    }
    const cids = await this.#inPieces(() => this.#indexes.cids.forget(pieceSize));
    await this.#space.giveBack(forgotten + cids > 0);
    return forgotten;
  }

  /** Forgets a topic's messages before a number, some at a time. @returns how many */
  async purge(topic: Topic, first: number): Promise<number> {
    const before = (oldest: number) => Math.min(first, oldest + pieceSize);
    const forgotten = await this.#inPieces(() => {
      const oldest = this.#oldest.get(topic) as { seq: number } | undefined;
      return oldest ? Number(this.#forget.run(topic, before(oldest.seq)).changes) : 0;
    });
    await this.#space.giveBack(true);
    return forgotten;
  }

  /** The number before which messages are forgotten in one step; undefined where none is over the limits. */
  #firstOfRest(topic: Topic, head: number, read: number): number | undefined {
    const oldest = this.#oldest.get(topic) as { seq: number } | undefined;
    const first = oldest && Math.min(this.first(topic, head, read, this.#steadyNow()), oldest.seq + pieceSize);
    return first !== undefined && first > oldest!.seq ? first : undefined;
  }

  #isDue(topic: Topic): boolean {
    const state = this.#state.get(topic) as TopicState | undefined;
    return state !== undefined && this.#firstOfRest(topic, state.seq, state.read) !== undefined;
  }

  #trimNow(topic: Topic): number {
    const state = this.#state.get(topic) as TopicState | undefined;
    const trimmed = state ? this.trim(topic, state.seq, state.read) : 0;
    if (trimmed > 0) this.#indexes.unread.forget(topic);
    return trimmed;
  }

  /** Repeats a step, each time in a transaction of its own, until it has nothing left to do. @returns what it did in all */
  async #inPieces(step: () => number): Promise<number> {
    for (let sum = 0;;) {
      const done = transaction(this.#database, step);
      sum += done;
      if (done < pieceSize) return sum;
      await turn();
    }
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
