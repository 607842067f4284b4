/**
 * A talk: the private messages between two users, in the order in which one's own account has them.
 */

import { ChatError } from "../../common/errors.ts";
import { decodePosition, type LogPosition } from "../../store/log_position.ts";
import type { TalkPlace } from "../../store/talks.ts";
import type { Entry, TalkPage, TalkRange, Topics } from "../../store/topics.ts";
import { quote } from "../../wire/command.ts";
import type { TopicEvent } from "../../wire/event.ts";
import { fold, inboxTopic, sentTopic, type Topic } from "../../wire/names.ts";
import { topicEvent } from "../delivery/events.ts";
import { HistorySize } from "./history.ts";

/** The most messages that are read from the store at once, so that nobody else waits for a long page. */
const pieceSize = 100;

/** What reading a talk asks of the store. */
export type TalkTopics = Pick<Topics, "positions" | "read" | "readTalk">;

/**
 * The messages between two users, both ways, oldest first, as the one's account got them: those that it received, and the
 * copies of those that it sent, each of which knows what had been received before. Before the first copy is what an
 * earlier release kept of what was sent, which is in the other's inbox only: merged by time, and in one millisecond what
 * was received comes first.
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
  const talk = new TalkReader(topics, me, other, Math.min(n, pieceSize));
  if (before === undefined) await talk.startNewest();
  else if (!await talk.startBefore(before)) return [];

  const newestFirst: TopicEvent[] = [];
  const size = new HistorySize();
  while (newestFirst.length < n) {
    const event = await talk.take();
    if (!event || !size.add(event)) break;
    newestFirst.push(event);
  }
  return newestFirst.reverse();
}

/**
 * The number of one's inbox that a message of a talk stands for: up to there one has seen what the other wrote.
 *
 * @param pos the message's
 * @throws {ChatError} `usage` where it is not of this talk
 */
export async function receivedBy(topics: TalkTopics, me: string, other: string, pos: string): Promise<number> {
  return await new TalkReader(topics, me, other, 1).receivedBy(pos);
}

/**
 * Where in one's talks a message is, by its `pos` in one's inbox or among the copies of what one sent.
 *
 * @throws {ChatError} `usage` where it is none of these
 */
export async function placeOf(topics: TalkTopics, me: string, pos: string): Promise<TalkPlace> {
  const position = decodePosition(pos);
  for (const topic of position ? [inboxTopic(me), sentTopic(me)] : []) {
    const { seq, id } = position!;
    const { entries: [entry] } = await topics.read(topic, { after: Math.max(0, seq - 1), limit: 1, make: false });
    if (entry?.seq !== seq || entry.id !== id) continue;
    return entry.copyOf ? { received: entry.received!, sent: seq } : { received: seq, sent: 0 };
  }
  throw new ChatError("usage", `${quote(pos)} is not the pos of a talk`);
}

/** A talk, read backward. With oneself it has one side. */
class TalkReader {
  readonly #topics: TalkTopics;
  readonly #received: Side;
  readonly #copies: Side | undefined;
  /** What was sent before there were copies, in the other's inbox. */
  readonly #older: Side | undefined;
  /** Where the older ones end that are still to be given, unless they are begun. */
  #olderEnd: Bounds | undefined = {};

  constructor(topics: TalkTopics, me: string, other: string, piece: number) {
    this.#topics = topics;
    this.#received = new Side(topics, inboxTopic(me), other, piece);
    if (fold(me) === fold(other)) return;
    this.#copies = new Side(topics, sentTopic(me), other, piece);
    this.#older = new Side(topics, inboxTopic(other), me, piece);
  }

  /** Begins at the end. What comes in after the copies were read is left out: copies of what was sent then are as well. */
  async startNewest(): Promise<void> {
    const copies = await this.#copies?.start({});
    await this.#received.start(copies ? { before: copies.received + 1 } : {});
  }

  /**
   * Begins before a message: by the position that it has in the inbox of whom it was sent to, or as a copy.
   *
   * @returns whether there is anything before it: false where the log has forgotten the message
   * @throws {ChatError} `usage` where it is not of this talk
   */
  async startBefore(before: string): Promise<boolean> {
    const position = decodePosition(before);
    const found = position && position.seq > 0 ? await this.#startBefore(position) : undefined;
    if (found === undefined) throw notOfThisTalk(before);
    return found;
  }

  /** See {@linkcode receivedBy}. What was sent before there were copies, or is forgotten, stands for nothing. */
  async receivedBy(pos: string): Promise<number> {
    const position = decodePosition(pos);
    if (!position || position.seq === 0) throw notOfThisTalk(pos);
    const received = await this.#received.find(position);
    if (typeof received === "object") return received.seq;
    const copy = await this.#copies?.findCopy(position) ?? await this.#copies?.find(position);
    if (typeof copy === "object") return copy.received!;
    if (received ?? copy ?? await this.#older?.find(position)) return 0;
    throw notOfThisTalk(pos);
  }

  async #startBefore(position: LogPosition): Promise<boolean | undefined> {
    const [received, copies, older] = [this.#received, this.#copies, this.#older];
    const inReceived = await received.find(position);
    if (typeof inReceived === "object") {
      await received.start({ before: inReceived.seq });
      const earlier = await copies?.start({ receivedBelow: inReceived.seq });
      if (earlier?.entries.length === 0) this.#olderEnd = { olderThan: inReceived.time };
      return true;
    }
    const copy = await copies?.findCopy(position) ?? await copies?.find(position);
    if (typeof copy === "object") {
      await copies!.start({ before: copy.seq });
      await received.start({ before: copy.received! + 1 });
      return true;
    }
    const inOlder = await older?.find(position);
    if (typeof inOlder === "object") {
      const { entries: [first] } = await copies!.peek({ after: 0, limit: 1 });
      await received.start({ olderThan: inOlder.time + 1, ...(first ? { before: first.received! + 1 } : {}) });
      this.#olderEnd = { before: inOlder.seq };
      return true;
    }
    return [inReceived, copy, inOlder].includes("forgotten") ? false : undefined;
  }

  /** The newest message that was not taken yet. */
  async take(): Promise<TopicEvent | undefined> {
    const copy = await this.#copies?.last();
    const received = await this.#received.last();
    if (copy) {
      if (received && received.seq > copy.received!) return this.#received.take();
      return this.#eventOf(this.#copies!.pop());
    }
    const older = await this.#lastOlder();
    if (!received && !older) return undefined;
    return received && !(older && older.time >= received.time) ? this.#received.take() : this.#older!.take();
  }

  async #lastOlder(): Promise<Entry | undefined> {
    if (this.#older && this.#olderEnd) {
      const { entries: [first] } = await this.#copies!.peek({ after: 0, limit: 1 });
      await this.#older.start(first ? { before: first.copyOf!.seq, ...this.#olderEnd } : this.#olderEnd);
      this.#olderEnd = undefined;
    }
    return await this.#older?.last();
  }

  /** What was sent is told as it is in the other's inbox. */
  #eventOf({ copyOf, ...copy }: Entry): TopicEvent {
    const { epoch, seq, time } = copyOf!;
    return topicEvent(this.#topics.positions, inboxTopic(copy.to!), epoch, { ...copy, seq, time });
  }
}

function notOfThisTalk(pos: string): ChatError {
  return new ChatError("usage", `${quote(pos)} is not the pos of a message of this talk`);
}

/** What bounds a side, beside how much of it is read. */
type Bounds = Omit<TalkRange, "limit">;

/** One side of a talk, in one log, read backward, a piece at a time. */
class Side {
  readonly #topics: TalkTopics;
  readonly #topic: Topic;
  readonly #other: string;
  readonly #piece: number;
  #epoch = "";
  /** Those of the last piece that were not taken, ascending. */
  #entries: Entry[] = [];
  #next: Bounds | undefined;

  /** @param other of an inbox the sender, of copies the recipient */
  constructor(topics: TalkTopics, topic: Topic, other: string, piece: number) {
    this.#topics = topics;
    this.#topic = topic;
    this.#other = other;
    this.#piece = piece;
  }

  /** Reads, and keeps nothing of it. */
  peek(range: TalkRange): Promise<TalkPage> {
    return this.#topics.readTalk(this.#topic, this.#other, range);
  }

  /** Begins anew. @returns the first piece */
  async start(bounds: Bounds): Promise<TalkPage> {
    const page = await this.peek({ ...bounds, limit: this.#piece });
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
  pop(): Entry {
    return this.#entries.pop()!;
  }

  /** Takes the one that {@linkcode last} gave, as an event of its log. */
  take(): TopicEvent {
    return topicEvent(this.#topics.positions, this.#topic, this.#epoch, this.pop());
  }

  /** The message at a position, or that it is forgotten; undefined where it is none of this side's. */
  async find({ epoch, seq, id }: LogPosition): Promise<Entry | "forgotten" | undefined> {
    const page = await this.#topics.read(this.#topic, { after: seq - 1, limit: 1, make: false });
    const [entry] = page.entries;
    if (entry?.seq === seq) return entry.id === id && this.#isOf(entry) ? entry : undefined;
    return page.epoch === epoch && seq < page.first ? "forgotten" : undefined;
  }

  /** The copy of the message at a position in its recipient's inbox. */
  async findCopy({ seq, id }: LogPosition): Promise<Entry | undefined> {
    const { entries: [copy] } = await this.peek({ copiesBelow: seq + 1, limit: 1 });
    return copy && copy.copyOf!.seq === seq && copy.id === id ? copy : undefined;
  }

  #isOf({ copyOf, from, to }: Entry): boolean {
    return fold(copyOf ? to! : from) === fold(this.#other);
  }
}
