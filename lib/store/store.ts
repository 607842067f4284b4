/**
 * The store: what outlives a connection or is shared between servers, and what it promises.
 *
 * Two implementations keep the same promises and pass the same contract suite: `redis.ts` for any number of servers,
 * `sqlite.ts` for one server process with no service beside it. A store knows no socket, no format and no command.
 *
 * Promises:
 * 1. `publish` is one atomic step: a known `cid` gets its first answer, else the message takes the topic's next `seq`,
 *    is in the log, and then goes to every listener of every server.
 * 2. A session is the truth of who is where; member lists are indexes of it. Every change of a session compares the
 *    connection that it is about, so that a late step of a dead connection never touches its successor.
 * 3. A session's `claim` only grows, and `publish` compares it with the copy that the topic keeps: who has been
 *    superseded cannot write any more.
 * 4. Whatever fails because the store is away throws a {@linkcode ChatError} with code `store_unavailable`, within the
 *    store's time limit.
 */

import type { FileOffer } from "../wire/event.ts";
import type { Topic } from "../wire/names.ts";
import type { DeviceKeys } from "./device_keys.ts";
import type { Files } from "./files.ts";
import type { AdminStore, Order, OrderReport } from "./admin_store.ts";

/** What a user may do beyond talking. */
export type Role = "user" | "moderator" | "admin";

/** A registered user. */
export interface Account {
  /** As registered; compared without regard to case. */
  readonly name: string;
  /** The password's hash, opaque to the store. */
  readonly hash: string;
  readonly role: Role;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** Set where an operator has disabled it: nobody can log in or resume with it. */
  readonly disabled?: true;
}

/** Accounts and who follows whom. Names are as registered; only finding and making an account disregards their case. */
export interface Accounts {
  /** @returns false where the name is taken */
  create(account: Account): Promise<boolean>;
  find(name: string): Promise<Account | undefined>;
  /** Sets the hash and revokes the user's resume tokens. */
  setHash(name: string, hash: string): Promise<void>;
  /** @returns false where the user follows `limit` others already; following twice is following */
  follow(user: string, target: string, limit: number): Promise<boolean>;
  unfollow(user: string, target: string): Promise<void>;
  /** Whom the user follows, sorted. */
  follows(user: string): Promise<string[]>;
  followers(user: string): Promise<string[]>;
}

/** Somebody who is logged in: held by one connection of one server. */
export interface Session {
  readonly user: string;
  readonly server: string;
  /** The id of the connection that holds it, unique for ever. */
  readonly connection: string;
  /** Grows with every claim of this user's session. */
  readonly claim: number;
  readonly room: string;
}

/** How a session is claimed. */
export interface ClaimRequest {
  readonly user: string;
  readonly connection: string;
  /** The room of a new session; a resumed one stays in its own. */
  readonly room: string;
  /** What happens to a live session: it is superseded, or the claim is refused. */
  readonly policy: "force" | "reject";
  /** Hash of the resume token that this claim makes; the earlier ones are revoked by a login. */
  readonly tokenHash: string;
  /** Hash of the resume token that is presented; without it the claim is a login. */
  readonly presentedHash?: string;
}

/** What became of a claim. */
export type ClaimResult =
  | {
    readonly kind: "claimed";
    readonly session: Session;
    /** The session that this one took the place of, if it was still there. */
    readonly superseded?: Session;
    /** Where the session stood when its connection dropped, and since its login: topic → position. */
    readonly savedPositions: Readonly<Record<string, string>>;
  }
  /** The policy keeps a live session. */
  | { readonly kind: "live" }
  /** The resume token is unknown, spent, expired or revoked. */
  | { readonly kind: "refused" }
  /** The account is disabled. */
  | { readonly kind: "disabled" };

/** Sessions, and the indexes that are made from them. */
export interface Sessions {
  claim(request: ClaimRequest): Promise<ClaimResult>;
  /** @returns the session in its new room, or undefined where it is no longer this connection's */
  move(session: Session, room: string): Promise<Session | undefined>;
  /** Replaces the session's resume tokens. @returns false where the session is no longer this connection's */
  renewToken(session: Session, tokenHash: string): Promise<boolean>;
  /** Writes down where the session stands in topics, for a resume that does not say. */
  savePositions(session: Session, positions: Readonly<Record<string, string>>): Promise<void>;
  /** Marks that the connection dropped: the session stays, but no longer stands against a login. */
  detach(session: Session): Promise<void>;
  /**
   * Ends the session.
   *
   * @param revoke whether its resume tokens end with it
   * @returns false where it is no longer this connection's
   */
  end(session: Session, revoke: boolean): Promise<boolean>;
  /**
   * Makes the store hold a session that its connection still has, whatever became of it meanwhile: others may have ended
   * it when the lease ran out, or the store may have come back with older data.
   *
   * @param tokenHash the session's present resume token
   * @returns the session, and whether it was gone; undefined where a newer claim has it
   */
  reassert(session: Session, tokenHash: string): Promise<{ session: Session; wasGone: boolean } | undefined>;
  /** The sessions that the store believes this server to hold. */
  held(): Promise<Session[]>;
  /** Everybody who is online on any live server, sorted. */
  online(): Promise<string[]>;
  /** How many of these users are online. */
  countOnline(users: readonly string[]): Promise<number>;
  /** Rooms with somebody in them: name → how many. */
  rooms(): Promise<Map<string, number>>;
  /** Who is in a room, sorted. */
  members(room: string): Promise<string[]>;
}

/** A message on its way into a topic. */
export interface Draft {
  readonly from: string;
  readonly text: string;
  readonly cid?: string;
  /** The recipient of a private message. */
  readonly to?: string;
  /** Where a feed's message was said, if it was said in a room. */
  readonly room?: string;
  /** A file that is offered with it. */
  readonly file?: FileOffer;
  /** What a private message says, encrypted from device to device. */
  readonly sealed?: string;
  /** The trace that it was sent in, where traces are made. */
  readonly trace?: string;
}

/** One message, as its topic's log holds it. */
export interface Entry extends Draft {
  readonly seq: number;
  /** Random: tells this message from another that a rolled-back log gave the same number. */
  readonly id: string;
  /** Milliseconds since 1970, by the store's clock. */
  readonly time: number;
}

/** A place in a topic's log: its last message, or the one a reader has seen. `seq` 0 and an empty id: before the first. */
export interface LogPosition {
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
}

/** What became of a publish. */
export type PublishResult =
  | {
    readonly kind: "published";
    readonly seq: number;
    /** Milliseconds since 1970, by the store's clock. */
    readonly time: number;
    /** Whether it is the first answer again, to a `cid` that was known. */
    readonly repeated: boolean;
  }
  /** The session is superseded, or not in the room. */
  | { readonly kind: "fenced" }
  /** The inbox has too many unread messages. */
  | { readonly kind: "full" };

/** A piece of a topic's log. */
export interface Page {
  readonly epoch: string;
  /** The topic's newest message. */
  readonly head: LogPosition;
  /** The number of the oldest message that is kept; head + 1 where none is. */
  readonly first: number;
  /** Ascending. */
  readonly entries: readonly Entry[];
  /** Where the epoch was made anew for a log that went on: the epoch before, and its last number that is in this log. */
  readonly renewed?: { readonly previous: string; readonly since: number };
}

/** What a topic's listener is told. */
export type TopicSignal =
  | {
    readonly kind: "entry";
    readonly epoch: string;
    readonly entry: Entry;
    /** The id of the message before it: tells whether this is the log that the listener knows. */
    readonly prev: string;
  }
  /** Not logged, at most once: somebody came or went. */
  | { readonly kind: "presence"; readonly user: string; readonly state: "joined" | "left"; readonly claim: number }
  /** Signals may have been missed: read the log. */
  | { readonly kind: "interrupted" };

/** A running subscription. */
export interface Subscription {
  close(): Promise<void>;
}

/** Logs and their live channels. */
export interface Topics {
  /**
   * Puts a message into the log and on the channel. Calls of one session for one topic take effect in the order in
   * which they are made, awaited or not.
   *
   * @param writer the session that publishes; without one (a side connection) nothing is compared
   */
  publish(topic: Topic, draft: Draft, writer: Session | undefined): Promise<PublishResult>;
  /**
   * Reads the log: the first `limit` messages after `after`, or the last `limit` before `before` (or of all).
   * Messages older than the history's age are left out, unread private ones never.
   */
  read(topic: Topic, range: { after: number; limit: number } | { before?: number; limit: number }): Promise<Page>;
  /** The topic's newest message; a topic that nobody used yet gets its epoch here. */
  head(topic: Topic): Promise<LogPosition>;
  /**
   * Gives the log a new epoch, if it still has this one: it is not the log that positions of this epoch came from, since
   * the store came back with older data.
   */
  renewEpoch(topic: Topic, epoch: string): Promise<void>;
  /** The number up to which an inbox is read. */
  readMark(inbox: Topic): Promise<number>;
  /** Moves an inbox's read mark forward; it never goes back and never beyond the newest message. */
  markRead(inbox: Topic, seq: number): Promise<void>;
  /** Resolves when signals flow; the listener is called in the channel's order and must not throw. */
  subscribe(topic: Topic, listener: (signal: TopicSignal) => void): Promise<Subscription>;
  /** Tells a room's listeners that somebody came or went. */
  announce(room: string, presence: { user: string; state: "joined" | "left"; claim: number }): Promise<void>;
}

/** What servers tell each other. */
export type ServerSignal =
  /** The session of this connection was superseded: close it, and tell its client why. */
  | { readonly kind: "evict"; readonly connection: string }
  /** Signals may have been missed. */
  | { readonly kind: "missed" }
  /** A server's own word to itself: its subscription is alive. */
  | { readonly kind: "probe" }
  /** An operator's order; what came of it is signalled to `from`, under the same `id`. */
  | { readonly kind: "order"; readonly from: string; readonly id: string; readonly order: Order }
  /** What came of an order. */
  | { readonly kind: "report"; readonly id: string; readonly report: OrderReport };

/** Somebody whose server died, and who was in a room. */
export interface Departure {
  readonly user: string;
  readonly room: string;
  readonly claim: number;
}

/** This server among the others: its lease, and what it owes to those that died. */
export interface Servers {
  /**
   * Takes an id and its lease, and ends what an earlier server of that id left behind.
   *
   * @param wanted the id, or empty for the lowest free of server1, server2, …
   * @param listener told what other servers signal
   * @returns the id
   */
  join(wanted: string, listener: (signal: ServerSignal) => void): Promise<string>;
  /**
   * Renews the lease.
   *
   * @returns `kept`; `expired` where it had run out and others may have ended sessions; `taken` where another process
   *   has the id now
   */
  renew(): Promise<"kept" | "expired" | "taken">;
  /** Ends the sessions of servers whose lease has run out. @returns those that this call ended */
  sweep(): Promise<Departure[]>;
  signal(server: string, signal: ServerSignal): Promise<void>;
  /** Sends this server a word; a subscription that does not hear the last one is made anew. Called every second or so. */
  probe(): Promise<void>;
  /** Gives the lease up: at once, or after the time in which clients may resume elsewhere. */
  leave(graceMs: number): Promise<void>;
}

/** Everything a server keeps outside its own memory. */
export interface Store extends AsyncDisposable {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly topics: Topics;
  readonly servers: Servers;
  readonly files: Files;
  readonly deviceKeys: DeviceKeys;
  /** What only an operator asks for. */
  readonly admin: AdminStore;
  /** Whether the store answers and its subscriptions are heard; readiness depends on it. */
  readonly available: boolean;
  /** Why it is not available: it does not answer, or its subscriptions are silent. */
  readonly outage: "unreachable" | "unsubscribed" | undefined;
  /**
   * Has the listener called each time the store is back after it was away, perhaps with older data. Nothing is published
   * until the listener's promise is settled, or the time limit is over.
   */
  onReturn(listener: () => Promise<void>): void;
}

/** The bounds that a store keeps by itself. */
export interface StoreLimits {
  /** Messages kept in a topic's log. */
  readonly historyMaxMessages: number;
  /** How long a message is kept, in milliseconds. */
  readonly historyMaxAge: number;
  /** Unread messages that an inbox holds. */
  readonly maxInbox: number;
  /** What all files together may have, in bytes. */
  readonly maxFilesBytes: number;
  /** What one user's files together may have, in bytes. */
  readonly maxUserFilesBytes: number;
  /** How long a file is kept, in milliseconds. */
  readonly fileTtl: number;
  /** A server's lease, in milliseconds. */
  readonly leaseMs: number;
  /** How long any call may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** How long a `cid` is known, in milliseconds. */
export const cidMemoryMs = 600_000;

/** How long a resume token is valid, in milliseconds. */
export const tokenLifeMs = 86_400_000;
