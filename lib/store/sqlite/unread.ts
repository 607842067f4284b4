import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fold, type Topic } from "../../wire/names.ts";

/** What is unread in one inbox. */
interface Unread {
  /** It counts the messages after this one, … */
  read: number;
  /** … up to this one. */
  seq: number;
  /** Sender, folded → how many. */
  readonly of: Map<string, number>;
}

/** How many inboxes are remembered. */
const maxInboxes = 10_000;

/**
 * How many messages in an inbox are unread, by sender.
 *
 * It is counted from the log when it is first asked for, and kept in memory: nobody else writes to the file. What is
 * unread is never trimmed, and what is trimmed was taken out of the count before, since publishing counts first.
 */
export class UnreadCounts {
  readonly #entries: StatementSync;
  readonly #inboxes = new Map<Topic, Unread>();

  constructor(database: DatabaseSync) {
    this.#entries = database.prepare("SELECT body FROM log WHERE topic = ? AND seq > ? AND seq <= ?");
  }

  /**
   * How many of a sender's messages are unread.
   *
   * @param read the inbox's read mark
   * @param seq its newest message
   */
  of(sender: string, inbox: Topic, read: number, seq: number): number {
    let unread = this.#inboxes.get(inbox);
    if (unread && unread.seq === seq && unread.read <= read) {
      this.#count(unread, inbox, unread.read, read, -1);
      unread.read = read;
    } else {
      if (this.#inboxes.size >= maxInboxes) this.#inboxes.clear();
      this.#inboxes.set(inbox, unread = { read, seq, of: new Map() });
      this.#count(unread, inbox, read, seq, 1);
    }
    return unread.of.get(fold(sender)) ?? 0;
  }

  /** Counts a message that was just put into the log. */
  add(sender: string, inbox: Topic, seq: number): void {
    const unread = this.#inboxes.get(inbox);
    if (!unread) return;
    unread.seq = seq;
    this.#add(unread, sender, 1);
  }

  /** Forgets an inbox of which messages were trimmed: those that are read are to be taken out of the count first. */
  forget(inbox: Topic): void {
    this.#inboxes.delete(inbox);
  }

  /** Forgets all: a transaction failed, and what was counted in it is true no more. */
  clear(): void {
    this.#inboxes.clear();
  }

  #count(unread: Unread, inbox: Topic, after: number, last: number, step: 1 | -1): void {
    if (after === last) return;
    for (const { body } of this.#entries.iterate(inbox, after, last)) {
      this.#add(unread, JSON.parse(body as string).from, step);
    }
  }

  #add({ of }: Unread, sender: string, step: 1 | -1): void {
    const key = fold(sender);
    const count = (of.get(key) ?? 0) + step;
    if (count > 0) of.set(key, count);
    else of.delete(key);
  }
}
