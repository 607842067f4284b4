/**
 * Whether a log goes on from a reader's position, and what the reader is told if it does not.
 *
 * A number alone proves nothing: a store that came back with older data gives numbers out again. So a position carries the
 * id of its message, and the log is read from that message on, itself included.
 */

import type { Entry, Page, Topics } from "../../store/topics.ts";
import type { LogPosition } from "../../store/log_position.ts";
import type { Topic } from "../../wire/names.ts";

/** The next part of a log for a reader. */
export interface Continuation {
  /** Told first: messages that are missing, by number; `to` is null where it cannot be known how far. */
  readonly gap: { readonly from: number; readonly to: number | null } | undefined;
  /** The reader's position after the gap. */
  readonly position: LogPosition;
  /** The messages that follow it, without a hole. */
  readonly entries: readonly Entry[];
  /** The log's newest message. */
  readonly head: LogPosition;
}

/**
 * Reads the messages that follow a position. Gives the log a new epoch where it turns out to be rolled back.
 *
 * 1. A position that this server knows itself, or that bears a server's signature, proves a loss: all readers are told.
 * 2. Anything else that a client shows proves nothing: its reader alone is told of a gap.
 *
 * @param limit how many messages are read at most
 * @throws {ChatError} `store_unavailable`
 */
export async function readOn(
  topics: Topics,
  topic: Topic,
  position: LogPosition,
  limit: number,
): Promise<Continuation> {
  for (;;) {
    const verify = position.id !== "" && position.seq > 0;
    const page = await topics.read(topic, { after: verify ? position.seq - 1 : position.seq, limit: limit + 1 });
    if (page.epoch !== position.epoch) return continueFrom(position, page, sharedUpTo(position, page));
    if (!isRolledBack(position, page)) return goOn(position, page);
    if (position.given === "unsigned") return continueFrom(position, page, 0);
    // The same epoch, another log. The first reader to find that out says so for all. This server's own position is of
    // just now, so the loss is; whoever comes back may be the first since it, and others have written meanwhile.
    await topics.renewEpoch(topic, page.epoch, position.given === "signed" ? 0 : undefined);
  }
}

/**
 * Whether the log is still the one that a position is from, as far as it reaches back.
 *
 * @throws {ChatError} `store_unavailable`
 */
export async function isContinuous(topics: Topics, topic: Topic, position: LogPosition): Promise<boolean> {
  return isKnown(await readOn(topics, topic, position, 1));
}

/** Whether it is known what is missing. */
export function isKnown({ gap }: Continuation): boolean {
  return gap?.to !== null;
}

/** Whether the log, of the same epoch, is not the one that the position is from. */
function isRolledBack(position: LogPosition, page: Page): boolean {
  return page.head.seq < position.seq || compare(position, page) === "other";
}

/** What the log has in the position's place; undefined where it cannot tell. */
function compare({ seq, id }: LogPosition, { entries, head }: Page): "same" | "other" | undefined {
  if (id === "" || seq === 0) return undefined;
  const found = [head, ...entries].find((entry) => entry.seq === seq);
  return found && (found.id === id ? "same" : "other");
}

/** Up to which number the log of another epoch is known to be the one that the position is from. */
function sharedUpTo(position: LogPosition, page: Page): number {
  const { seq, epoch } = position;
  const { renewed } = page;
  if (renewed?.previous !== epoch) return 0;
  const found = compare(position, page);
  if (seq > renewed.since) return found === "same" ? seq : renewed.since;
  return found === "other" ? 0 : seq;
}

/** Nobody knows what was lost: any message after the position may be. The reader gets all that the log has after `seq`. */
function continueFrom(position: LogPosition, { epoch, head, first, entries }: Page, shared: number): Continuation {
  const seq = Math.max(shared, first - 1);
  // Only an id that was found here: the server answers for the position from now on.
  const id = [head, ...entries].find((entry) => entry.seq === seq)?.id ?? "";
  const next = { epoch, seq, id };
  return { gap: { from: position.seq + 1, to: null }, position: next, entries: goingOn(seq, entries), head };
}

/** The log goes on from the position, perhaps after a part that it forgot. */
function goOn(position: LogPosition, page: Page): Continuation {
  const { epoch, head, first, entries } = page;
  const { seq, id } = position;
  const next = entries.find((entry) => entry.seq > seq)?.seq ?? Math.max(first, seq + 1);
  if (next === seq + 1) {
    const found = compare(position, page) === "same" ? { epoch, seq, id } : position;
    return { gap: undefined, position: found, entries: goingOn(seq, entries), head };
  }
  const after = { epoch, seq: next - 1, id: "" };
  return { gap: { from: seq + 1, to: next - 1 }, position: after, entries: goingOn(next - 1, entries), head };
}

/** The entries that go on from a number, up to the first hole. */
function goingOn(seq: number, entries: readonly Entry[]): readonly Entry[] {
  const start = entries.findIndex((entry) => entry.seq === seq + 1);
  if (start < 0) return [];
  const end = entries.findIndex((entry, index) => index >= start && entry.seq !== seq + 1 + index - start);
  return entries.slice(start, end < 0 ? undefined : end);
}
