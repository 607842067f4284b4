/**
 * Somebody who is logged in on this server: the session that the connection holds, and the topics that it follows.
 *
 * A side connection is a member without a session: it has no presence and at most one room to listen to.
 */

import { ChatError } from "../../common/errors.ts";
import type { TokenBucket } from "../../common/rate_limit.ts";
import type { LogPosition, Session, Store } from "../../store/store.ts";
import { encodePosition } from "../../store/log_position.ts";
import type { Format, Positions, ServerEvent } from "../../wire/event.ts";
import { inboxTopic, roomTopic, type Topic } from "../../wire/names.ts";
import { type Feeds, type PacedFollower, TopicReaders } from "../delivery/topic_readers.ts";

/** The connection of a member, as far as members need it. */
export interface ClientChannel {
  /** Unique for ever. */
  readonly id: string;
  /** The peer's IP address. */
  readonly address: string;
  readonly format: Format;
  readonly closed: boolean;
  /** Queues an event's bytes; a reader that is too slow is disconnected. */
  push(bytes: Uint8Array): void;
  /** Resolves when all but so many bytes of what was pushed are written, or when the connection is closed. */
  written(allBut?: number): Promise<void>;
  /** Resolves when nothing that the client asked for is unanswered. */
  answered(): Promise<void>;
  /** Sends a last event and closes. */
  end(last: ServerEvent): void;
}

/** What a member is made from. */
export interface UserSessionOptions {
  readonly user: string;
  /** Undefined for a side connection. */
  readonly record: Session | undefined;
  /** Hash of the session's present resume token. */
  readonly tokenHash: string;
  readonly channel: ClientChannel;
  readonly store: Store;
  readonly feeds: Feeds;
  /** A replay reads its next page when all but this of the last is written, in bytes. */
  readonly replayBelow: number;
  /** How often rooms may be changed; undefined where that is not limited. */
  readonly joins: TokenBucket | undefined;
  /** Told of what could not be done because the store was away, where nothing depends on it. */
  readonly onFault: (what: string, error: unknown) => void;
}

/** See the file's first lines. */
export class UserSession implements PacedFollower {
  readonly user: string;
  readonly topics: TopicReaders;
  readonly joins: TokenBucket | undefined;
  /** Hash of the session's present resume token. */
  tokenHash: string;
  readonly #channel: ClientChannel;
  readonly #store: Store;
  readonly #replayBelow: number;
  readonly #inbox: Topic;
  readonly #onFault: (what: string, error: unknown) => void;
  #session: Session | undefined;
  #sideRoom: string | undefined;
  #unmarked = 0;

  constructor(options: UserSessionOptions) {
    this.user = options.user;
    this.joins = options.joins;
    this.tokenHash = options.tokenHash;
    this.#session = options.record;
    this.#channel = options.channel;
    this.#store = options.store;
    this.#replayBelow = options.replayBelow;
    this.#inbox = inboxTopic(options.user);
    this.#onFault = options.onFault;
    this.topics = new TopicReaders(options.feeds, this);
  }

  /** The session, or undefined on a side connection. */
  get record(): Session | undefined {
    return this.#session;
  }

  /** Whether this is a side connection. */
  get side(): boolean {
    return this.#session === undefined;
  }

  get room(): string | undefined {
    return this.#session?.room ?? this.#sideRoom;
  }

  get format(): Format {
    return this.#channel.format;
  }

  get closed(): boolean {
    return this.#channel.closed;
  }

  get connectionId(): string {
    return this.#channel.id;
  }

  push(bytes: Uint8Array, topic: Topic, seq: number | undefined): void {
    this.#channel.push(bytes);
    if (topic === this.#inbox && seq !== undefined && this.format === "text" && !this.closed) this.#markWritten(seq);
  }

  drained(): Promise<void> {
    return this.#channel.written(this.#replayBelow);
  }

  /** Resolves when nothing that the client asked for is unanswered. */
  answered(): Promise<void> {
    return this.#channel.answered();
  }

  /** Takes the session as the store holds it now; it is the same connection's. */
  reasserted(session: Session): void {
    this.#session = session;
  }

  /** Sends a last event and closes the connection. */
  end(last: ServerEvent): void {
    this.#channel.end(last);
  }

  /**
   * Goes to a room, or listens to one on a side connection.
   *
   * @returns the positions for the reply, what is to be done once it is queued, and the room that was left; undefined
   *   where the store does not know the session as this one's
   * @throws {ChatError} `store_unavailable`: the store may hold the session in either room
   */
  async join(room: string): Promise<{ positions: Positions; start: () => void; left: string | undefined } | undefined> {
    const topic = roomTopic(room);
    const old = this.room;
    if (room === old) return { positions: this.#positionOf(topic), start: () => {}, left: undefined };
    const position = await this.topics.open(topic);
    if (this.#session) {
      let moved: Session | undefined;
      try {
        moved = await this.#store.sessions.move(this.#session, room);
      } catch (error) {
        this.topics.stop(topic);
        throw error;
      }
      if (!moved) {
        this.topics.stop(topic);
        return undefined;
      }
      this.#session = moved;
    } else {
      this.#sideRoom = room;
    }
    if (old !== undefined) this.topics.stop(roomTopic(old));
    const positions = { [topic]: encodePosition(position) };
    await this.remember(positions);
    return { positions, start: () => this.topics.start(topic, position), left: old };
  }

  /** On a side connection: listens to no room any more. */
  leaveRoom(): void {
    if (this.#sideRoom !== undefined) this.topics.stop(roomTopic(this.#sideRoom));
    this.#sideRoom = undefined;
  }

  /**
   * Follows a topic from where it stands.
   *
   * @returns the positions for the reply, and what is to be done once it is queued
   */
  async follow(topic: Topic): Promise<{ positions: Positions; start: () => void }> {
    if (this.topics.has(topic)) return { positions: this.#positionOf(topic), start: () => {} };
    const position: LogPosition = await this.topics.open(topic);
    const positions = { [topic]: encodePosition(position) };
    await this.remember(positions);
    return { positions, start: () => this.topics.start(topic, position) };
  }

  /**
   * Writes down where the session stands, for a resume that does not say; only a JSON client can resume.
   *
   * What it stands for has happened already, so that nothing fails where this does: the client knows its places itself,
   * and they are written again when its connection drops.
   */
  async remember(positions: Positions): Promise<void> {
    if (!this.#session || this.format !== "json") return;
    try {
      await this.#store.sessions.savePositions(this.#session, positions);
    } catch (error) {
      this.#onFault("stand", error);
    }
  }

  #positionOf(topic: Topic): Positions {
    const position = this.topics.positions()[topic];
    return position === undefined ? {} : { [topic]: position };
  }

  /** A person who reads text has read what was written: moves the read mark once the bytes are out. */
  #markWritten(seq: number): void {
    const scheduled = this.#unmarked > 0;
    this.#unmarked = seq;
    if (scheduled) return;
    void this.#channel.written().then(async () => {
      const written = this.#unmarked;
      this.#unmarked = 0;
      // A connection that closed may not have written it: the message stays unread, and comes again.
      if (!this.closed) await this.#store.topics.markRead(this.#inbox, written);
    }).catch(() => {}); // the store is away: the message stays unread, and comes again
  }
}

/** What a connection is told whose session has gone to another. */
export function superseded(): ChatError {
  return new ChatError("already_logged_in", "Logged in from another location");
}
