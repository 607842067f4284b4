/**
 * Somebody who is logged in on this server: the session that the connection holds, and the topics that it reads.
 */

import { ChatError } from "../../common/errors.ts";
import type { Peer } from "../../limits/peer.ts";
import type { Session } from "../../store/sessions.ts";
import type { Store } from "../../store/store.ts";
import { encodePositions, type LogPosition } from "../../store/log_position.ts";
import type { Format, Positions, ServerEvent, SystemEvent } from "../../wire/event.ts";
import { encodeEvent } from "../../wire/format.ts";
import { roomTopic, type Topic } from "../../wire/names.ts";
import { type ReaderConnection, ReaderOutbox } from "../delivery/reader_outbox.ts";
import { type Feeds, TopicReaders } from "../delivery/topic_readers.ts";

/** The connection of a session, as far as sessions need it. */
export interface ClientChannel extends ReaderConnection {
  /** Never used again, by any server. */
  readonly id: string;
  readonly peer: Peer;
  readonly closed: boolean;
  /** Resolves when every request of the client has its answer. */
  answered(): Promise<void>;
  /** Sends a last event and closes. */
  end(last: ServerEvent): void;
}

/** Settings and ports of a user's session. */
export interface UserSessionOptions {
  readonly user: string;
  /** Undefined for a side connection. */
  readonly record: Session | undefined;
  /** Hash of the session's present resume token. */
  readonly tokenHash: string;
  /** How often the password had been changed when the login began. */
  readonly passwords: number;
  /** When the user's account was made, in milliseconds since 1970. */
  readonly created: number;
  readonly channel: ClientChannel;
  readonly store: Store;
  readonly feeds: Feeds;
  /** A replay reads its next page when all but this of the last is written, in bytes. */
  readonly replayBelow: number;
  /** Told what failed because the store was away, where nothing depends on it. */
  readonly onFault: (what: string, error: unknown) => void;
}

/**
 * What a logged-in connection holds: its session in the store, and what it reads.
 *
 * A side connection has no {@linkcode record}: it has no presence, and listens to one room at most.
 */
export class UserSession {
  readonly user: string;
  /** When the user's account was made, in milliseconds since 1970: another one of the same name is somebody else's. */
  readonly created: number;
  readonly topics: TopicReaders;
  /** Hash of the session's present resume token. */
  tokenHash: string;
  /** How often the password had been changed when this began, or by this itself; a later change ends it. */
  passwords: number;
  /** Whether it was left for good: its resume token is to be worthless. */
  loggedOut = false;
  readonly #channel: ClientChannel;
  readonly #store: Store;
  readonly #reader: ReaderOutbox;
  readonly #onFault: (what: string, error: unknown) => void;
  #record: Session | undefined;

  constructor(options: UserSessionOptions) {
    this.user = options.user;
    this.created = options.created;
    this.tokenHash = options.tokenHash;
    this.passwords = options.passwords;
    this.#channel = options.channel;
    this.#store = options.store;
    this.#onFault = options.onFault;
    const { user, channel: connection, feeds, replayBelow } = options;
    this.#reader = new ReaderOutbox({ user, connection, topics: feeds.topics, replayBelow });
    this.topics = new TopicReaders(feeds, this.#reader);
    if (options.record) this.#hold(options.record);
  }

  /** The session, or undefined on a side connection. */
  get record(): Session | undefined {
    return this.#record;
  }

  /** Whether this is a side connection. */
  get side(): boolean {
    return this.#record === undefined;
  }

  /** The room that the user is in, or listens to; undefined on a side connection that listens to none. */
  get room(): string | undefined {
    return this.#reader.room;
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

  /** Resolves when every request of the client has its answer. */
  answered(): Promise<void> {
    return this.#channel.answered();
  }

  /** Takes the session as the store holds it now; it is the same connection's. */
  reasserted(record: Session): void {
    this.#hold(record);
  }

  /** Tells the client something; where it does not read, it is not told. */
  tell(event: SystemEvent): void {
    this.#channel.outbox.push(encodeEvent(event, this.format));
  }

  /** Sends a last event, then closes the connection. */
  end(last: ServerEvent): void {
    this.#channel.end(last);
  }

  /**
   * Goes to a room, or listens to one on a side connection.
   *
   * @returns the positions for the reply, what to do once it is queued, and the room that was left; undefined
   *   where the store does not know the session as this one's
   * @throws {ChatError} `store_unavailable`: the store may hold the session in either room
   */
  async join(room: string): Promise<{ positions: Positions; start: () => void; left: string | undefined } | undefined> {
    const topic = roomTopic(room);
    const old = this.room;
    if (room === old) return { positions: this.#positionOf(topic), start: () => {}, left: undefined };
    const position = await this.topics.open(topic);
    if (this.#record) {
      let moved: Session | undefined;
      try {
        moved = await this.#store.sessions.move(this.#record, room);
      } catch (error) {
        this.topics.stop(topic);
        throw error;
      }
      if (!moved) {
        this.topics.stop(topic);
        return undefined;
      }
      this.#hold(moved);
    } else {
      this.#reader.room = room;
    }
    if (old !== undefined) this.topics.stop(roomTopic(old));
    await this.remember({ [topic]: position });
    return {
      positions: this.encode({ [topic]: position }),
      start: () => this.topics.start(topic, position),
      left: old,
    };
  }

  /** On a side connection: listens to no room any more. */
  leaveRoom(): void {
    if (!this.side || this.room === undefined) return;
    this.topics.stop(roomTopic(this.room));
    this.#reader.room = undefined;
  }

  /**
   * Reads a topic from its newest message on.
   *
   * @returns the positions for the reply, and what to do once it is queued
   */
  async follow(topic: Topic): Promise<{ positions: Positions; start: () => void }> {
    if (this.topics.has(topic)) return { positions: this.#positionOf(topic), start: () => {} };
    const position: LogPosition = await this.topics.open(topic);
    await this.remember({ [topic]: position });
    return { positions: this.encode({ [topic]: position }), start: () => this.topics.start(topic, position) };
  }

  /**
   * Saves positions, for a resume that names none; only a JSON client can resume.
   *
   * Runs after the commit, so it does not throw: the client knows its positions itself, and they are saved again when
   * its connection drops.
   */
  async remember(positions: Readonly<Record<Topic, LogPosition>>): Promise<void> {
    if (!this.#record || this.format !== "json") return;
    try {
      await this.#store.sessions.savePositions(this.#record, encodePositions(positions));
    } catch (error) {
      this.#onFault("stand", error);
    }
  }

  #positionOf(topic: Topic): Positions {
    const position = this.topics.positions()[topic];
    return position === undefined ? {} : this.encode({ [topic]: position });
  }

  /** Positions as the client is given them. */
  encode(positions: Readonly<Record<Topic, LogPosition>>): Positions {
    const encoded = (Object.entries(positions) as [Topic, LogPosition][])
      .map(([topic, position]) => [topic, this.#store.topics.positions.encode(topic, position)]);
    return Object.fromEntries(encoded);
  }

  #hold(record: Session): void {
    this.#record = record;
    this.#reader.room = record.room;
  }
}

/** The refusal for a connection whose session another connection has taken. */
export function superseded(): ChatError {
  return new ChatError("already_logged_in", "Logged in from another location");
}
