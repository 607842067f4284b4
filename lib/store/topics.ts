import type { FileOffer } from "../wire/event.ts";
import { inboxTopic, type Topic } from "../wire/names.ts";
import type { LogPosition } from "./log_position.ts";
import type { PositionSigner } from "./position_signer.ts";
import type { RecordNews } from "./room_records.ts";
import type { Session } from "./sessions.ts";

/** How long a `cid` is known, in milliseconds. */
export const cidMemoryMs = 600_000;

/** A message on its way into a topic. */
export interface Draft {
  readonly from: string;
  readonly text: string;
  readonly cid?: string;
  /** The recipient of a private message. */
  readonly to?: string;
  /** Where a feed's message was said, if it was said in a room. */
  readonly room?: string;
  /** The number of that message in the room. */
  readonly roomSeq?: number;
  /** A file that is offered with it. */
  readonly file?: FileOffer;
  /** What a private message says, encrypted from device to device. */
  readonly sealed?: string;
  /** The trace that it was sent in, where traces are made. */
  readonly trace?: string;
  /** An id of the message that its copies have too. */
  readonly msgid?: string;
  /** The connection that sent it, where that one is not to be told of its own message. */
  readonly via?: string;
}

/** Whether a message is to be copied into what its sender has sent: it is in the inbox of somebody else, whom it names. */
export function isCopied(topic: Topic, { from, to }: Draft): boolean {
  return to !== undefined && topic.startsWith("inbox:") && topic !== inboxTopic(from);
}

/** Which message in the recipient's inbox a copy is of. */
export interface CopyOf {
  readonly seq: number;
  readonly epoch: string;
  /** Milliseconds since 1970, by the store's clock. */
  readonly time: number;
}

/** One message, as its topic's log holds it. */
export interface Entry extends Draft {
  readonly seq: number;
  /** Random: tells this message from another that a rolled-back log gave the same number. A copy has its message's. */
  readonly id: string;
  /** Milliseconds since 1970, by the store's clock; never less than that of the message before. */
  readonly time: number;
  /** Of a copy in a `sent:` log: its message in the inbox of `to`. */
  readonly copyOf?: CopyOf;
  /** Of a copy: the number of the newest message that the sender's own inbox had before. */
  readonly received?: number;
  /** Set where what it said was deleted. */
  readonly deleted?: true;
}

/** What a log keeps of a message that is deleted, its fields in the order that they had: scripts read the first ones. */
export function blankBody(entry: Entry): Record<string, unknown> {
  const { seq: _seq, id: _id, time: _time, file: _file, sealed: _sealed, trace: _trace, via: _via, ...rest } = entry;
  return { ...rest, text: "", deleted: true };
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
  /** The topic does not exist, and was to. */
  | { readonly kind: "missing" }
  /** The session is superseded, or not in the room. */
  | { readonly kind: "fenced" }
  /** The room's record says that the author is banned, or muted. */
  | { readonly kind: "banned" | "muted" }
  /** The author was kicked and has not entered again, or is not on a private room's list. */
  | { readonly kind: "not_member" }
  /** The room is in slow mode, and the author has spoken not long ago; may speak in so many milliseconds. */
  | { readonly kind: "slow"; readonly waitMs: number }
  /** The inbox's user blocks the sender. */
  | { readonly kind: "blocked" }
  /** The inbox's user gets messages of contacts only, and the sender is none: see {@linkcode Requests}. */
  | { readonly kind: "stranger" }
  | {
    /** The inbox has too many unread messages. */
    readonly kind: "full";
    /** How many of them are the sender's, where it is these that are too many. */
    readonly theirs: number | undefined;
  };

/** Which piece of a log is read. */
export type Range = ({ readonly after: number } | { readonly before?: number }) & {
  readonly limit: number;
  /** False where a topic that nobody used yet is not to get its epoch by being read: it has another at each time. */
  readonly make?: boolean;
};

/** A piece of a topic's log. */
export interface Page {
  readonly epoch: string;
  /** The topic's newest message. */
  readonly head: LogPosition;
  /** The number of the oldest message that is kept; head + 1 where none is. */
  readonly first: number;
  /** Ascending. */
  readonly entries: readonly Entry[];
  /** Where the epoch was made anew for a log that went on: the epoch before, and up to where this log is known as its. */
  readonly renewed?: { readonly previous: string; readonly since: number };
}

/** Which messages of one side of a talk are meant: the last `limit` of those that are within all bounds. */
export interface TalkRange {
  /** The number after which they are: then the first `limit` are meant. */
  readonly after?: number;
  /** The number before which they are. */
  readonly before?: number;
  /** The time before which they were stored, in milliseconds since 1970. */
  readonly olderThan?: number;
  /** Of copies: the number of a message in the sender's inbox that came after them. */
  readonly receivedBelow?: number;
  /** Of copies: the number in the recipient's inbox below which those of their messages are. */
  readonly copiesBelow?: number;
  readonly limit: number;
}

/** One side of a talk: what one sender has in an inbox, or the copies of what one recipient was sent. */
export interface TalkPage {
  readonly epoch: string;
  /** When it was read, in milliseconds since 1970, by the store's clock. */
  readonly time: number;
  /** The number of the newest message in the inbox of whose talk it is, at that moment. */
  readonly received: number;
  /** Ascending. */
  readonly entries: readonly Entry[];
}

/** Somebody joined a room, or left it. */
export interface PresenceChange {
  readonly user: string;
  readonly state: "joined" | "left";
  readonly claim: number;
  /** Set where who left is offline now. */
  readonly offline?: true;
}

/** Something of a user's account has changed that the user's devices show. */
export type AccountChange =
  | {
    readonly kind: "membership";
    readonly room: string;
    readonly state: "joined" | "left";
    /** The connection that did it. */
    readonly by: string;
  }
  /** A read mark has moved; `pos` is the position that the client gave. */
  | { readonly kind: "seen"; readonly topic: string; readonly pos: string; readonly by: string };

/** What a topic's listener is told. */
export type TopicSignal =
  | {
    readonly kind: "entry";
    readonly epoch: string;
    readonly entry: Entry;
    /** The id of the message before it: tells whether this is the log that the listener knows. */
    readonly prev: string;
    /** The revision of the room's record that the message was compared with; undefined where there was none. */
    readonly revision?: number;
  }
  /** Not logged, at most once: somebody came or went. */
  | (PresenceChange & { readonly kind: "presence" })
  /** Of an inbox, not logged, at most once: something of its user's account has changed. */
  | { readonly kind: "account"; readonly change: AccountChange }
  /** Of a room, not logged, at most once: its record has changed; the messages that are stored after it have its revision. */
  | { readonly kind: "record"; readonly revision: number; readonly change: RecordNews }
  /** A message was deleted, see {@linkcode Deletions}; told once what it said is in no log of the topic any more. */
  | { readonly kind: "deleted"; readonly epoch: string; readonly deletion: Deletion }
  /** Signals may have been missed: read the log. */
  | { readonly kind: "interrupted" };

/** A running subscription. */
export interface Subscription {
  close(): Promise<void>;
}

/** Logs and their live channels. */
export interface Topics {
  /** Makes and reads the strings that clients are given for positions in these logs. */
  readonly positions: PositionSigner;
  /**
   * Puts a message into the log and on the channel. Calls of one session for one topic take effect in the order in
   * which they are made, awaited or not.
   *
   * A message to somebody else (see {@linkcode isCopied}) is copied into the sender's `sent:` log: once, in the order in which the sender's
   * messages were stored, maybe after this has resolved, and also where the server dies before.
   *
   * A message to a room is compared with the room's record in the same step, a side connection's too
   * ({@linkcode RoomRecords}): what is stored was allowed at the record's revision. A `cid` that is known gets its first
   * answer in any case.
   *
   * @param writer the session that publishes; without one (a side connection) no session is compared
   * @param existing whether a topic that does not exist is `missing`, instead of being made
   * @param overrides whether a room's record does not hold the author up, as it does not the server's moderators
   */
  publish(
    topic: Topic,
    draft: Draft,
    writer: Session | undefined,
    existing?: boolean,
    overrides?: boolean,
  ): Promise<PublishResult>;
  /**
   * Reads the log: the first `limit` messages after `after`, or the last `limit` before `before` (or of all).
   * Messages older than the history's age are left out, unread private ones never.
   */
  read(topic: Topic, range: Range): Promise<Page>;
  /**
   * Reads one side of a talk, of what {@linkcode read} would give: what somebody has sent to an inbox, or the copies in a
   * `sent:` log of what went to somebody. It costs what it gives, however much else there is; only the first call for an
   * inbox that an earlier release wrote costs more, in small steps. A user's copies are awaited that this server is to
   * make.
   *
   * @param topic an inbox, or a `sent:` log
   */
  readTalk(topic: Topic, other: string, range: TalkRange): Promise<TalkPage>;
  /** The topic's newest message; a topic that nobody used yet gets its epoch here. */
  head(topic: Topic): Promise<Head>;
  /**
   * Gives the log a new epoch, if it still has this one: it is not the log that positions of this epoch came from, since
   * the store came back with older data.
   *
   * @param since the number up to which the log is known to be that of the epoch before; its newest where not given
   */
  renewEpoch(topic: Topic, epoch: string, since?: number): Promise<void>;
  /** The number up to which an inbox is read. */
  readMark(inbox: Topic): Promise<number>;
  /**
   * Moves an inbox's read mark forward; it never goes back and never beyond the newest message.
   *
   * @returns false where it was there already
   */
  markRead(inbox: Topic, seq: number): Promise<boolean>;
  /** Resolves when signals flow; the listener is called in the channel's order and must not throw. */
  subscribe(topic: Topic, listener: (signal: TopicSignal) => void): Promise<Subscription>;
  /**
   * Forgets what is over the limits of history in every topic, also where nobody writes any more; what is unread in an
   * inbox stays. It changes nothing that {@linkcode read} gives. Called every minute or so, by any server: one of several
   * does the work, in small pieces.
   *
   * @returns how many messages this call forgot
   */
  sweep(): Promise<number>;
  /** Tells the listeners of a user's inbox of a change; at most once, and nobody remembers it. */
  tellAccount(user: string, change: AccountChange): Promise<void>;
  /**
   * Tells a room's listeners that a user came or went. It is told where it is so and was not told before: it may come
   * late, behind the step of a newer session, and of several sessions of a user the first and the last are told.
   */
  announce(room: string, presence: PresenceChange): Promise<void>;
}

/** Where a deletion stands among those of its topic: they are in the order of both, and no two have the same number. */
export interface DeletionPlace {
  /** The number of the topic's newest message when it was made: who has read further has heard of it. */
  readonly at: number;
  /** 1, 2, 3, … within the topic. */
  readonly number: number;
}

/** A message that was deleted. */
export interface Deletion extends DeletionPlace {
  /** The message's number. */
  readonly seq: number;
  /** Who deleted it. */
  readonly by: string;
  /** Who had written it. */
  readonly from: string;
  /** Where a feed's message was said, if it was said in a room. */
  readonly room?: string;
  /** The connection that deleted it. */
  readonly via?: string;
}

/** Where a topic's log ends, and which deletion is its newest. */
export interface Head extends LogPosition {
  readonly deletion?: DeletionPlace;
}

/** Which message is to be deleted. */
export interface Target {
  readonly seq: number;
  /** The id that it had when it was read: a log that was rolled back may have another message by now. */
  readonly id: string;
}

/** What became of a deletion; `known`: the message was deleted before. */
export type Erased = "erased" | "known" | "missing";

/**
 * Messages whose text is taken out of their logs. The message keeps its number, its id, its time and its author, and is
 * `deleted`; a `cid` that leads to it leads to it still.
 */
export interface Deletions {
  /**
   * Takes out of the log what a message says, and of an inbox also out of its copy in `sent:`, whether that is made yet
   * or not. Listeners hear of it in the channel's order. What was said is in no log when this resolves. Calling it again
   * completes what a failure has left undone.
   *
   * @param by the name of who deletes it
   * @param via the connection that does so
   * @throws {ChatError} `store_unavailable`: it is not known how far it has come
   */
  erase(topic: Topic, target: Target, by: string, via?: string): Promise<Erased>;
  /**
   * The deletions of a topic behind a place, in their order. Those are forgotten that were made when nothing that the log
   * has now was there: whoever was away for so long is told of a gap.
   */
  since(topic: Topic, place: DeletionPlace): Promise<readonly Deletion[]>;
  /** Does what the store's files are owed yet; called every minute or so, by any server. */
  sweep(): Promise<void>;
}

/** Before all deletions that are made when a topic's newest message has this number, or a later one. */
export function placeAt(seq: number): DeletionPlace {
  return { at: seq, number: 0 };
}

/** Whether a place is behind another; all are behind none. */
export function isBehind({ at, number }: DeletionPlace, other: DeletionPlace | undefined): boolean {
  return !other || at > other.at || (at === other.at && number > other.number);
}
