/**
 * A talk: the private messages between two users, of which each one's inbox has what the other wrote.
 */

import { ChatError } from "../../common/errors.ts";
import { decodePosition } from "../../store/log_position.ts";
import type { Entry, TalkPage, TalkRange, Topics } from "../../store/topics.ts";
import { quote } from "../../wire/command.ts";
import type { TopicEvent } from "../../wire/event.ts";
import { fold, inboxTopic, type Topic } from "../../wire/names.ts";
import { topicEvent } from "../delivery/events.ts";
import { HistorySize } from "./history.ts";

/** The most messages that are read from the store at once, so that nobody else waits for a long page. */
const pieceSize = 100;

/** How often the newest messages are read before it is left at that. */
const maxAttempts = 3;

/** What reading a talk asks of the store. */
export type TalkTopics = Pick<Topics, "positions" | "read" | "readTalk">;

/**
 * The messages between two users, both ways, oldest first: by time and, in one millisecond, what was received first.
 *
 * Promises:
 * 1. pages that go on `before` the first message of the page before them give every message once;
 * 2. it costs what it gives.
 *
 * @param me whose talk it is
 * @param n how many messages at most; there are fewer where they would be too much for one answer
 * @param before the `pos` of the message before which they are; without it they are the newest
 * @throws {ChatError} `usage` where `before` is not a message of this talk
 */
export async function readTalk(
  topics: TalkTopics,
  me: string,
  other: string,
  n: number,
  before?: string,
): Promise<TopicEvent[]> {
  const piece = Math.min(n, pieceSize);
  const received = new Side(topics, inboxTopic(me), other, piece);
  const sent = fold(me) === fold(other) ? undefined : new Side(topics, inboxTopic(other), me, piece);
  if (before === undefined) await readNewest(received, sent);
  else if (!await startBefore(before, received, sent)) return [];

  const newestFirst: TopicEvent[] = [];
  const size = new HistorySize();
  while (newestFirst.length < n) {
    const [last, lastSent] = [await received.last(), await sent?.last()];
    if (!last && !lastSent) break;
    const side = last && !(lastSent && lastSent.time >= last.time) ? received : sent!;
    const event = side.take();
    if (!size.add(event)) break;
    newestFirst.push(event);
  }
  return newestFirst.reverse();
}

/**
 * Reads the newest messages of both sides. What was sent is read last: of what was received until then, nothing may be
 * missing that is older. So both are read again where something was sent meanwhile.
 */
async function readNewest(received: Side, sent: Side | undefined): Promise<void> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const { time } = await received.start({});
    const newest = (await sent?.start({}))?.entries.at(-1);
    if (!newest || newest.time < time) return;
  }
}

/**
 * Has both sides begin before a message.
 *
 * @returns whether there is anything before it: false where the log has forgotten the message
 */
async function startBefore(before: string, received: Side, sent: Side | undefined): Promise<boolean> {
  const inReceived = await received.find(before);
  const found = inReceived ?? await sent?.find(before);
  if (found === undefined) throw new ChatError("usage", `${quote(before)} is not the pos of a message of this talk`);
  if (found === "forgotten") return false;
  const { seq, time } = found;
  const [own, across] = inReceived ? [received, sent] : [sent!, received];
  await own.start({ before: seq });
  await across?.start({ olderThan: inReceived ? time : time + 1 });
  return true;
}

/** One user's messages in the other's inbox, read backward, a piece at a time. */
class Side {
  readonly #topics: TalkTopics;
  readonly #inbox: Topic;
  readonly #sender: string;
  readonly #piece: number;
  #epoch = "";
  /** Those of the last piece that were not taken, ascending. */
  #entries: Entry[] = [];
  #next: Omit<TalkRange, "limit"> | undefined;

  constructor(topics: TalkTopics, inbox: Topic, sender: string, piece: number) {
    this.#topics = topics;
    this.#inbox = inbox;
    this.#sender = sender;
    this.#piece = piece;
  }

  /** Begins anew. @returns the first piece */
  async start(range: Omit<TalkRange, "limit">): Promise<TalkPage> {
    const page = await this.#topics.readTalk(this.#inbox, this.#sender, { ...range, limit: this.#piece });
    this.#epoch = page.epoch;
    this.#entries = [...page.entries];
    const [oldest] = page.entries;
    this.#next = page.entries.length < this.#piece ? undefined : { before: oldest.seq };
    return page;
  }

  /** The newest message that was not taken yet. */
  async last(): Promise<Entry | undefined> {
    if (this.#entries.length === 0 && this.#next) await this.start(this.#next);
    return this.#entries.at(-1);
  }

  /** Takes the one that {@linkcode last} gave. */
  take(): TopicEvent {
    return topicEvent(this.#topics.positions, this.#inbox, this.#epoch, this.#entries.pop()!);
  }

  /** The message at a position, or that it is forgotten; undefined where it is none of this side's. */
  async find(pos: string): Promise<Entry | "forgotten" | undefined> {
    const position = decodePosition(pos);
    if (!position || position.seq === 0) return undefined;
    const { epoch, seq, id } = position;
    const page = await this.#topics.read(this.#inbox, { after: seq - 1, limit: 1 });
    const [entry] = page.entries;
    if (entry?.seq === seq) return entry.id === id && fold(entry.from) === fold(this.#sender) ? entry : undefined;
    return page.epoch === epoch && seq < page.first ? "forgotten" : undefined;
  }
}
