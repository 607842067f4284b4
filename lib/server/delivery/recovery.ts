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
    if (page.epoch !== position.epoch || !isRolledBack(position, page)) return continueFrom(position, page);
    // The same epoch, another log. The first reader to find that out says so for all.
    await topics.renewEpoch(topic, page.epoch);
  }
}

/**
 * Whether the log is still the one that a position is from, as far as it reaches back.
 *
 * @throws {ChatError} `store_unavailable`
 */
export async function isContinuous(topics: Topics, topic: Topic, position: LogPosition): Promise<boolean> {
  return (await readOn(topics, topic, position, 1)).gap?.to !== null;
}

/** Whether the log, of the same epoch, is not the one that the position is from. */
function isRolledBack(position: LogPosition, page: Page): boolean {
  return page.head.seq < position.seq || !mayHold(position, page);
}

/** Whether the log has the position's message, as far as it can tell. */
function mayHold({ seq, id }: LogPosition, { entries, head }: Page): boolean {
  if (id === "" || seq === 0) return true;
  return [head, ...entries].every((found) => found.seq !== seq || found.id === id);
}

function continueFrom(position: LogPosition, page: Page): Continuation {
  const { epoch, head, first, entries, renewed } = page;
  if (epoch !== position.epoch) {
    // Nobody knows what was lost: any message after the position may be. The reader gets all that the log has, from where
    // the two logs are known to be the same.
    const shared = renewed?.previous === position.epoch && position.seq <= renewed.since && mayHold(position, page);
    const seq = Math.max(shared ? position.seq : renewed?.since ?? 0, first - 1);
    const next = { epoch, seq, id: shared && seq === position.seq ? position.id : "" };
    return { gap: { from: position.seq + 1, to: null }, position: next, entries: goingOn(seq, entries), head };
  }
  const next = entries.find(({ seq }) => seq > position.seq)?.seq ?? Math.max(first, position.seq + 1);
  if (next === position.seq + 1) return { gap: undefined, position, entries: goingOn(position.seq, entries), head };
  const after = { epoch, seq: next - 1, id: "" };
  return { gap: { from: position.seq + 1, to: next - 1 }, position: after, entries: goingOn(next - 1, entries), head };
}

/** The entries that go on from a number, up to the first hole. */
function goingOn(seq: number, entries: readonly Entry[]): readonly Entry[] {
  const start = entries.findIndex((entry) => entry.seq === seq + 1);
  if (start < 0) return [];
  const end = entries.findIndex((entry, index) => index >= start && entry.seq !== seq + 1 + index - start);
  return entries.slice(start, end < 0 ? undefined : end);
}
