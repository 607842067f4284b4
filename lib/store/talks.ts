import type { Topic } from "../wire/names.ts";
import type { MarkPosition } from "./marks.ts";
import type { Entry } from "./topics.ts";

/**
 * Where in a user's talks a message is: by the inbox's newest number then, itself included, and by its number in the
 * `sent:` log, 0 for one that was received. Compared in that order.
 */
export interface TalkPlace {
  readonly received: number;
  readonly sent: number;
}

/** A talk, by its last message. */
export interface TalkState {
  /** The other user's name. */
  readonly user: string;
  /** The log of the last message, and the log's epoch. */
  readonly topic: Topic;
  readonly epoch: string;
  readonly entry: Entry;
  /** How many messages of the other's there are after the talk's read mark: see {@linkcode Talks}. */
  readonly unread: number;
}

/** The topic under which the read mark of a talk is kept among an account's other marks. */
export function talkMark(other: string): Topic {
  return `talk:${other}` as Topic;
}

/**
 * A user's talks with others. Each has a read mark of its own, apart from the inbox's: a number of the inbox.
 *
 * 1. A mark never goes back. One that was never set is before the first message that this release has stored.
 * 2. Unread messages are counted up to {@linkcode maxUnread}, of what the log still has; one's own to oneself never.
 */
export interface Talks {
  /** The talks whose last messages are before a place, the newest first. It costs what it gives. */
  list(user: string, range: { readonly before?: TalkPlace | undefined; readonly limit: number }): Promise<TalkState[]>;
  /** How much is unread in each talk that has any: the other's name in lower case → how many. */
  unread(user: string): Promise<Record<string, number>>;
  /** Moves a talk's mark forward. @returns false where it was there already, or the inbox is of another epoch */
  mark(user: string, other: string, position: MarkPosition): Promise<boolean>;
}
