/**
 * Whether a log goes on from where a reader stands, and what the reader is told if it does not.
 *
 * A number alone proves nothing: a store that came back with older data gives numbers out again. So a place carries the
 * id of its message, and the log is read from that message on, itself included.
 */

import type { Entry, Page, Place, Topics } from "../../store/store.ts";
import type { Topic } from "../../wire/names.ts";

/** What a reader gets next. */
export interface Continuation {
  /** Told first: messages that are missing, by number; `to` is null where it cannot be known how far. */
  readonly gap: { readonly from: number; readonly to: number | null } | undefined;
  /** Where the reader stands after the gap. */
  readonly place: Place;
  /** What goes on from there. */
  readonly entries: readonly Entry[];
  /** The log's newest message. */
  readonly head: Place;
}

/**
 * Reads what follows a place.
 *
 * @param limit how many messages are read at most
 * @throws {ChatError} `store_unavailable`
 */
export async function readOn(topics: Topics, topic: Topic, place: Place, limit: number): Promise<Continuation> {
  for (;;) {
    const verify = place.id !== "" && place.seq > 0;
    const page = await topics.read(topic, { after: verify ? place.seq - 1 : place.seq, limit: limit + 1 });
    if (page.epoch !== place.epoch || !isRolledBack(place, page)) return continueFrom(place, page);
    // The same epoch, another log. Whoever finds that out says so for everybody.
    await topics.renewEpoch(topic, page.epoch);
  }
}

/**
 * Whether the log is still the one that a place is from, as far as it reaches back.
 *
 * @throws {ChatError} `store_unavailable`
 */
export async function isContinuous(topics: Topics, topic: Topic, place: Place): Promise<boolean> {
  return (await readOn(topics, topic, place, 1)).gap?.to !== null;
}

/** Whether the log, of the same epoch, is not the one that the place is from. */
function isRolledBack(place: Place, page: Page): boolean {
  return page.head.seq < place.seq || !mayHold(place, page);
}

/** Whether the log has the place's message, as far as it can tell. */
function mayHold({ seq, id }: Place, { entries, head }: Page): boolean {
  if (id === "" || seq === 0) return true;
  return [head, ...entries].every((found) => found.seq !== seq || found.id === id);
}

function continueFrom(place: Place, page: Page): Continuation {
  const { epoch, head, first, entries, renewed } = page;
  if (epoch !== place.epoch) {
    // What was lost is not known: anything after the place may be. What there is is given all the same, from where the
    // two logs are known to be one.
    const shared = renewed?.previous === place.epoch && place.seq <= renewed.since && mayHold(place, page);
    const seq = Math.max(shared ? place.seq : renewed?.since ?? 0, first - 1);
    const next = { epoch, seq, id: shared && seq === place.seq ? place.id : "" };
    return { gap: { from: place.seq + 1, to: null }, place: next, entries: goingOn(seq, entries), head };
  }
  const next = entries.find(({ seq }) => seq > place.seq)?.seq ?? Math.max(first, place.seq + 1);
  if (next === place.seq + 1) return { gap: undefined, place, entries: goingOn(place.seq, entries), head };
  const after = { epoch, seq: next - 1, id: "" };
  return { gap: { from: place.seq + 1, to: next - 1 }, place: after, entries: goingOn(next - 1, entries), head };
}

/** The entries that go on from a number, up to the first hole. */
function goingOn(seq: number, entries: readonly Entry[]): readonly Entry[] {
  const start = entries.findIndex((entry) => entry.seq === seq + 1);
  if (start < 0) return [];
  const end = entries.findIndex((entry, index) => index >= start && entry.seq !== seq + 1 + index - start);
  return entries.slice(start, end < 0 ? undefined : end);
}
