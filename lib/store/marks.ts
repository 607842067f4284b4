import type { Topic } from "../wire/names.ts";
import type { LogPosition } from "./log_position.ts";

/** The most unread messages of a topic that are counted. */
export const maxUnread = 1_000;

/** The most marks that an account has. A further one takes the place of any other: honest users have far fewer. */
export const maxMarks = 10_000;

/** Where a mark is: a number, and the log that gave it. */
export type MarkPosition = Pick<LogPosition, "epoch" | "seq">;

/**
 * How far an account has read each topic, whatever its devices have received.
 *
 * Promises:
 * 1. a mark never goes back, and never beyond the newest message of its log;
 * 2. one in a log that was given a new epoch is where the log is still known to be that one; in a room that was forgotten
 *    and made anew it is at the beginning;
 * 3. an inbox has its own: {@linkcode Topics.readMark}. It is counted here, and neither set nor begun.
 */
export interface Marks {
  /** Moves a mark forward, or makes one. @returns false where it was there already, or the log is of another epoch */
  mark(user: string, topic: Topic, position: MarkPosition): Promise<boolean>;
  /** Makes marks in topics where the account has none; others stay where they are. */
  begin(user: string, positions: Readonly<Record<Topic, MarkPosition>>): Promise<void>;
  /**
   * How many messages there are after the account's marks that are not its own: counted up to {@linkcode maxUnread}, of
   * what the logs still have. Topics without any, and without a mark, are left out. Any number of topics takes two round
   * trips at most. Where more than {@linkcode maxUnread} messages follow a mark and some of them are forgotten, those of
   * one's own among the older may count.
   */
  unread(user: string, topics: readonly Topic[]): Promise<Record<Topic, number>>;
  /** Forgets the account's mark in a topic that it leaves, or all its marks. */
  forget(user: string, topic?: Topic): Promise<void>;
}
