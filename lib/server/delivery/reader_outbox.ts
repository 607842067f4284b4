/**
 * What joins a connection's outbox to the topics: the hub and the replays push here, and nothing above is asked.
 */

import { randomWord } from "../../store/log_position.ts";
import type { Topics } from "../../store/topics.ts";
import type { ErrorEvent, Format } from "../../wire/event.ts";
import type { Encoding } from "../../wire/format.ts";
import { inboxTopic, type Topic } from "../../wire/names.ts";
import type { Outbox, ReadMarks } from "./outbox.ts";
import type { PacedFollower } from "./topic_readers.ts";

/** The connection of a reader, as far as its topics need it. */
export interface ReaderConnection {
  readonly id: string;
  readonly format: Format;
  readonly outbox: Pick<Outbox, "closed" | "push" | "written">;
  /** Sends a last event and closes. */
  end(last: ErrorEvent): void;
}

/** Settings and ports of a reader's outbox. */
export interface ReaderOutboxOptions {
  /** The user's name, as registered. */
  readonly user: string;
  /** Whether it may be in many rooms. */
  readonly many: boolean;
  readonly connection: ReaderConnection;
  readonly topics: Pick<Topics, "markRead">;
  /** A replay reads its next page when all but so many bytes of the last are written. */
  readonly replayBelow: number;
}

/**
 * The outbox of one connection, for one login.
 *
 * A person who reads text has read what was written: the read mark of the inbox moves when the sink has taken the bytes.
 * Where they are lost or the store is away, the message stays unread and comes again. A program moves its mark itself.
 */
export class ReaderOutbox implements PacedFollower, ReadMarks {
  readonly user: string;
  readonly encoding: Encoding;
  readonly many: boolean;
  readonly connection: string;
  /** The rooms that the user is in, or listens to; its session sets them. */
  rooms: readonly string[] = [];
  readonly #connection: ReaderConnection;
  readonly #outbox: ReaderConnection["outbox"];
  readonly #topics: Pick<Topics, "markRead">;
  readonly #replayBelow: number;
  readonly #inbox: Topic;
  /** The inbox, if its mark follows what is written. */
  readonly #marked: Topic | undefined;

  constructor({ user, many, connection, topics, replayBelow }: ReaderOutboxOptions) {
    this.user = user;
    this.encoding = connection.format === "json" && many ? "json_many" : connection.format;
    this.many = many;
    this.connection = connection.id;
    this.#connection = connection;
    this.#outbox = connection.outbox;
    this.#topics = topics;
    this.#replayBelow = replayBelow;
    this.#inbox = inboxTopic(user);
    this.#marked = connection.format === "text" ? this.#inbox : undefined;
  }

  get closed(): boolean {
    return this.#outbox.closed;
  }

  isIn(room: string): boolean {
    return this.rooms.includes(room);
  }

  push(bytes: Uint8Array, topic: Topic, seq: number | undefined): void {
    if (seq !== undefined && topic === this.#marked) this.#outbox.push(bytes, seq, this);
    else this.#outbox.push(bytes);
  }

  drained(): Promise<void> {
    return this.#outbox.written(this.#replayBelow);
  }

  fail(): string {
    const reference = randomWord(8);
    const message = `Something went wrong; its reference is ${reference}`;
    this.#connection.end({ type: "error", code: "internal", message });
    return reference;
  }

  written(seq: number): void {
    this.#topics.markRead(this.#inbox, seq).catch(() => {}); // it stays unread, and comes again
  }
}
