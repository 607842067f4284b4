/**
 * What was said in a topic, read backward in pieces, within the bytes that one answer may take.
 */

import type { Topics } from "../../store/topics.ts";
import type { TopicEvent } from "../../wire/event.ts";
import type { Topic } from "../../wire/names.ts";
import { topicEvent } from "../delivery/events.ts";

/** The most that the messages of one answer take, in bytes; a single message is always given. */
export const maxHistoryBytes = 1_048_576;

/** The most messages that are read from the store at once, so that nobody else waits for a long page. */
const pieceSize = 100;

/** What a message takes beside its texts, in bytes: names, times, positions, and the words of JSON. */
const frameBytes = 512;

/** Counts messages until the next would be too much for one answer. */
export class HistorySize {
  #bytes = 0;

  /** Counts a message. @returns whether there is room for it */
  add({ text, ...rest }: TopicEvent): boolean {
    const first = this.#bytes === 0;
    const sealed = rest.type === "direct" ? rest.sealed?.length ?? 0 : 0;
    this.#bytes += frameBytes + sealed + bytesOf(text);
    return first || this.#bytes <= maxHistoryBytes;
  }
}

/**
 * The last messages of a topic, oldest first.
 *
 * @param n how many at most; there are fewer where the log has no more, or they would exceed {@linkcode maxHistoryBytes}
 * @param before the number before which they are; without it they are the newest
 * @throws {ChatError} `store_unavailable`
 */
export async function readHistory(
  topics: Pick<Topics, "positions" | "read">,
  topic: Topic,
  n: number,
  before?: number,
): Promise<TopicEvent[]> {
  const newestFirst: TopicEvent[] = [];
  const size = new HistorySize();
  let epoch: string | undefined;
  for (let next = before; newestFirst.length < n;) {
    const limit = Math.min(pieceSize, n - newestFirst.length);
    const range = { limit, make: false, ...(next === undefined ? {} : { before: next }) };
    const page = await topics.read(topic, range);
    epoch ??= page.epoch;
    if (page.epoch !== epoch) break; // another log by now: what is older is not before what was read
    for (const entry of page.entries.toReversed()) {
      const event = topicEvent(topics.positions, topic, epoch, entry);
      if (!size.add(event)) return newestFirst.reverse();
      newestFirst.push(event);
    }
    if (page.entries.length < limit) break;
    next = page.entries[0].seq;
  }
  return newestFirst.reverse();
}

/** As many bytes as a text takes in JSON, or somewhat more. */
function bytesOf(text: string): number {
  // deno-lint-ignore no-control-regex
  return JSON.stringify(text).length * (/^[\x00-\x7f]*$/.test(text) ? 1 : 3);
}
