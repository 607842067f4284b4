/**
 * Somebody who is logged in on this server: the session that the connection holds, and the topics that it reads.
 */

import { ChatError } from "../../common/errors.ts";
import type { AccessToken } from "../../store/accounts/access_tokens.ts";
import type { Role } from "../../store/accounts.ts";
import type { Session } from "../../store/sessions.ts";
import type { Store } from "../../store/store.ts";
import { encodePositions, type LogPosition } from "../../store/log_position.ts";
import type { Format, Positions, ServerEvent } from "../../wire/event.ts";
import { encodeEvent } from "../../wire/format.ts";
import type { Topic } from "../../wire/names.ts";
import type { ClientChannel } from "./client_channel.ts";
import { AccountRooms } from "./account_rooms.ts";
import { type Joined, type RemovalNotice, SessionRooms } from "./session_rooms.ts";
import { ReaderOutbox } from "../delivery/reader_outbox.ts";
import { type Feeds, TopicReaders } from "../delivery/topic_readers.ts";

/** Settings and ports of a user's session. */
export interface UserSessionOptions {
  readonly user: string;
  readonly device: string;
  /** Undefined for a side connection. */
  readonly record: Session | undefined;
  /** Hash of the session's present resume token. */
  readonly tokenHash: string;
  /** How often the password had been changed when the login began. */
  readonly passwords: number;
  /** When the user's account was made, in milliseconds since 1970. */
  readonly created: number;
  /** What it began with in the password's place, if it did. */
  readonly access?: AccessToken | undefined;
  readonly role: Role;
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
 * A side connection has no {@linkcode record}: it has no presence, and what it listens to is its own.
 */
export class UserSession {
  readonly user: string;
  /** The user's device that it is on; empty where the user has one session and named none. */
  readonly device: string;
  /** When it began, in milliseconds since 1970; of a session the store's time is the one that counts. */
  readonly since = Date.now();
  /** When the user's account was made, in milliseconds since 1970: another one of the same name is somebody else's. */
  readonly created: number;
  /** The access token that it began with, if it did: it may do no more than that. */
  readonly access: AccessToken | undefined;
  /** What the user might do beyond talking when this began. */
  readonly role: Role;
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
  readonly #accountRooms: AccountRooms;
  readonly #moves: SessionRooms;
  #record: Session | undefined;

  constructor(options: UserSessionOptions) {
    this.user = options.user;
    this.device = options.device;
    this.created = options.created;
    this.access = options.access;
    this.role = options.role;
    this.tokenHash = options.tokenHash;
    this.passwords = options.passwords;
    this.#channel = options.channel;
    this.#store = options.store;
    this.#onFault = options.onFault;
    const { user, channel: connection, feeds, replayBelow } = options;
    const many = options.record?.many ?? connection.manyRooms;
    this.#reader = new ReaderOutbox({ user, many, connection, topics: feeds.topics, replayBelow });
    this.topics = new TopicReaders(feeds, this.#reader);
    this.#accountRooms = new AccountRooms(this, options.store, feeds, options.onFault);
    this.#moves = new SessionRooms(this, options.store, this.#accountRooms);
    if (options.record) this.hold(options.record);
  }

  /** The session, or undefined on a side connection. */
  get record(): Session | undefined {
    return this.#record;
  }

  /** Whether this is a side connection. */
  get side(): boolean {
    return this.#record === undefined;
  }

  /** Whether it may be in many rooms; requests name theirs then. */
  get many(): boolean {
    return this.#reader.many;
  }

  /** The rooms that the user is in, or listens to. */
  get rooms(): readonly string[] {
    return this.#reader.rooms;
  }

  /** The one room that the user is in, or listens to; undefined where there may be many, or where there is not one. */
  get room(): string | undefined {
    return this.many ? undefined : this.rooms[0];
  }

  /** Whether the user is in a room, or listens to it. */
  isIn(room: string): boolean {
    return this.#reader.isIn(room);
  }

  get format(): Format {
    return this.#channel.format;
  }

  /** What the client calls itself; empty where it does not say. */
  get client(): string {
    return this.#channel.client;
  }

  get closed(): boolean {
    return this.#channel.closed;
  }

  /** Whether it began with an access token whose time is over by now. */
  get expired(): boolean {
    const { expires = Infinity } = this.access ?? {};
    return expires <= Date.now();
  }

  get connectionId(): string {
    return this.#channel.id;
  }

  /** Resolves when every request of the client has its answer. */
  answered(): Promise<void> {
    return this.#channel.answered();
  }

  /** Takes the session as the store holds it now; it is the same connection's. */
  hold(record: Session): void {
    this.#record = record;
    this.#reader.rooms = record.rooms;
  }

  /** Takes other rooms to listen to, on a side connection. */
  listen(rooms: readonly string[]): void {
    this.#reader.rooms = rooms;
  }

  /** Takes the session as the store holds it again, whose account's rooms may be others than the client knows. */
  reasserted(record: Session): void {
    const known = this.rooms;
    this.hold(record);
    if (!this.many) return;
    this.#reader.rooms = known;
    this.checkRooms();
  }

  /** Whether the rooms of a session that is in many are being changed: what is said in them waits for it, to keep its order. */
  get roomsChanging(): boolean {
    return this.#accountRooms.changing;
  }

  /**
   * Has a session that is in many rooms be in its account's as they are now.
   *
   * @throws {ChatError} `store_unavailable`
   */
  async refreshRooms(): Promise<void> {
    if (this.many && this.#record) await this.#accountRooms.refresh();
  }

  /** As {@linkcode refreshRooms}, for who does not wait for it. */
  checkRooms(): void {
    this.refreshRooms().catch((error) => this.#onFault("memberships", error));
  }

  /** Goes along with what the user's other devices do, from now on; the inbox must be open. */
  watchAccount(): void {
    if (this.many && this.#record) this.#accountRooms.watch();
  }

  /** Reads nothing any more. */
  stop(): void {
    this.#accountRooms.stop();
    this.topics.stopAll();
  }

  /** Tells the client something; where it does not read, it is not told. */
  tell(event: ServerEvent): void {
    this.#channel.outbox.push(encodeEvent(event, this.format));
  }

  /** Sends a last event, then closes the connection. */
  end(last: ServerEvent): void {
    this.#channel.end(last);
  }

  /** See {@linkcode SessionRooms.admit}. */
  admitRoom(most: number): void {
    this.#moves.admit(most);
  }

  /** See {@linkcode SessionRooms.join}. */
  async join(room: string, most: number): Promise<Joined | undefined> {
    return await this.#moves.join(room, most);
  }

  /** See {@linkcode SessionRooms.leave}. */
  async leaveRoom(room: string): Promise<readonly string[] | undefined> {
    return await this.#moves.leave(room);
  }

  /** See {@linkcode SessionRooms.takeOut}. */
  async takeOut(room: string, why: RemovalNotice, isStill: () => Promise<boolean>): Promise<readonly string[]> {
    return await this.#moves.takeOut(room, why, isStill);
  }

  /**
   * Reads a topic from its newest message on.
   *
   * @returns the positions for the reply, and what to do once it is queued
   */
  async follow(topic: Topic): Promise<{ positions: Positions; start: () => void }> {
    if (this.topics.has(topic)) return { positions: this.positionOf(topic), start: () => {} };
    const position: LogPosition = await this.topics.open(topic);
    await Promise.all([
      this.remember({ [topic]: position }),
      this.#accountRooms.beginMark(topic, position),
    ]);
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

  /** Reads a topic no longer. */
  async unfollow(topic: Topic): Promise<void> {
    this.topics.stop(topic);
    await this.#accountRooms.forgetMark(topic);
  }

  /** Where the client is in a topic that it reads; nothing for others. */
  positionOf(topic: Topic): Positions {
    const position = this.topics.positions()[topic];
    return position === undefined ? {} : this.encode({ [topic]: position });
  }

  /** Positions as the client is given them. */
  encode(positions: Readonly<Record<Topic, LogPosition>>): Positions {
    const encoded = (Object.entries(positions) as [Topic, LogPosition][])
      .map(([topic, position]) => [topic, this.#store.topics.positions.encode(topic, position)]);
    return Object.fromEntries(encoded);
  }
}

/** The refusal for a connection whose session another connection has taken. */
export function superseded(): ChatError {
  return new ChatError("already_logged_in", "Logged in from another location");
}
