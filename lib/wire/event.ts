/**
 * All that a server says, as tagged unions: events, and the replies to requests.
 *
 * The shapes are the JSON lines format of `docs/protocol.md`; `format.ts` turns them into bytes. This file knows
 * neither sockets nor stores.
 */

import type { DeletedEvent } from "./deleted_event.ts";
import type { ErrorCode } from "../common/errors.ts";
import type { AccountReply } from "./account_event.ts";
import type { Position, Positions, TopicEvent } from "./message.ts";
import type { ArgumentKind } from "./argument_kinds.ts";
import type { RoomEvent, RoomReply } from "./room_event.ts";

export type {
  DirectEvent,
  FileOffer,
  Logged,
  MessageEvent,
  NotificationEvent,
  Position,
  Positions,
  TopicEvent,
} from "./message.ts";

/** The protocol's version; `HELLO` names it. */
export const protocolVersion = 1;

/** How a connection is spoken to: lines for a person, or a JSON object a line. */
export type Format = "text" | "json";

/** Somebody came to or went from the room; never sent to that user. */
export interface PresenceEvent {
  readonly type: "presence";
  readonly room: string;
  readonly user: string;
  readonly state: "joined" | "left";
  /** In many rooms: set where who left is offline now. */
  readonly offline?: true;
  /** Of who was removed: who did it, and why, where a reason was given. */
  readonly by?: string;
  readonly reason?: string;
}

/** Another device of the user has joined or left a room, for all devices that are in many rooms. */
export interface MembershipEvent {
  readonly type: "membership";
  readonly room: string;
  readonly state: "joined" | "left";
  /** Where the room was joined: its messages go on from there, on every device. Empty where it was left. */
  readonly positions: Positions;
}

/** Another device of the user has moved the account's read mark of a topic. */
export interface SeenEvent {
  readonly type: "seen";
  readonly topic: string;
  readonly pos: Position;
}

/** A notice from the server itself. */
export interface SystemEvent {
  readonly type: "system";
  readonly code:
    | "forced_logout"
    | "session_lost"
    | "server_draining"
    | "notice"
    | "announcement"
    | "device_key_added"
    | "device_key_removed";
  readonly message: string;
  /** Where the client is to come back: after how many milliseconds. */
  readonly retry_after_ms?: number;
}

/** A stretch of a topic that the client cannot be given; what comes next follows `pos`. */
export interface GapEvent {
  readonly type: "gap";
  readonly topic: string;
  /** The first `seq` that is missing. */
  readonly from: number;
  /** The last one, or null where that cannot be known (the log was lost or rolled back). */
  readonly to: number | null;
  readonly pos: Position;
}

/** Asks a JSON client for a sign of life: `{"cmd":"pong"}`. */
export interface PingEvent {
  readonly type: "ping";
}

/** The first line to a text connection. */
export interface GreetingEvent {
  readonly type: "greeting";
}

/** An error that answers a request, or ends a connection. */
export interface ErrorEvent {
  readonly type: "error";
  readonly code: ErrorCode;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** What comes without being asked for. */
export type ServerEvent =
  | TopicEvent
  | PresenceEvent
  | MembershipEvent
  | SeenEvent
  | SystemEvent
  | RoomEvent
  | GapEvent
  | DeletedEvent
  | PingEvent
  | GreetingEvent
  | ErrorEvent;

/** What a command answers when it succeeds: `of` is the command, the rest are the JSON reply's fields. */
export type Reply =
  | {
    readonly of: "hello";
    readonly version: number;
    readonly server: string;
    readonly formats: readonly Format[];
    /** Where the client has asked to be in many rooms, and may. */
    readonly rooms?: "many";
    readonly limits: Readonly<Record<string, number>>;
  }
  | (LoggedIn & { readonly of: "login" | "register" | "resume" })
  | { readonly of: "join" | "leave"; readonly room: string; readonly positions: Positions }
  | { readonly of: "rooms"; readonly rooms: readonly RoomCount[] }
  | { readonly of: "users"; readonly users: readonly string[] | readonly UserState[] }
  | { readonly of: "who"; readonly room: string; readonly members: readonly string[] | readonly UserState[] }
  /** Without `away` the user is back. */
  | { readonly of: "away"; readonly away?: string }
  | { readonly of: "subscribe"; readonly user: string; readonly positions: Positions }
  | { readonly of: "unsubscribe"; readonly user: string }
  | { readonly of: "block" | "unblock"; readonly user: string }
  | { readonly of: "blocks"; readonly blocks: readonly string[] }
  | { readonly of: "subs"; readonly subscriptions: readonly string[] }
  | (Accepted & { readonly of: "say" | "me" })
  | (Accepted & { readonly of: "publish"; readonly subscribers: number })
  | (Accepted & {
    readonly of: "msg";
    readonly to: string;
    readonly text: string;
    /** What the recipient said on going away; left out where the recipient is not away. */
    readonly away?: string;
  })
  /** Whose message was deleted, and which. */
  | { readonly of: "delete"; readonly topic: string; readonly seq: number; readonly user: string }
  | { readonly of: "talks"; readonly talks: readonly TalkSummary[] }
  | { readonly of: "history"; readonly messages: readonly TopicEvent[] }
  | ({ readonly of: "whoami"; readonly user: string; readonly server: string } & RoomOrRooms)
  | { readonly of: "help"; readonly commands: readonly CommandHelp[] }
  | {
    readonly of: "upload";
    /** The file's id. */
    readonly file: string;
    /** How many of its chunks the server has: the next to send. */
    readonly have: number;
    /** How many bytes each chunk has, the last excepted. */
    readonly chunk_bytes: number;
    /** Until when it can be fetched, if what is missing of it comes now. */
    readonly expires: string;
  }
  | { readonly of: "chunk"; readonly have: number }
  | { readonly of: "download"; readonly n: number; readonly data: string }
  | { readonly of: "withdraw"; readonly file: string }
  | ({ readonly of: "keys" | "key" | "unkey" } & UserKeys)
  | { readonly of: "devices"; readonly devices: readonly UserDevice[] }
  | {
    readonly of: "revoke";
    /** As the request named it: one device, or `all` others. */
    readonly device: string;
    /** Where it was `all`: those that there were. */
    readonly revoked?: readonly string[];
  }
  | RoomReply
  | { readonly of: "passwd"; readonly resume?: string }
  | AccountReply
  | { readonly of: "seen" | "logout" | "quit" | "pong" };

/** A private talk, by its last message. */
export interface TalkSummary {
  /** The other's name, as registered. */
  readonly user: string;
  /** Of the last message; of one's own, its copy's. */
  readonly pos: Position;
  readonly time: string;
  /** How many of the other's messages one has not seen: see the command `seen`. */
  readonly unread: number;
}

/** A device that a user is logged in on; it may be away for the moment, and resume. */
export interface UserDevice {
  readonly device: string;
  /** The server that it is connected to, or was last. */
  readonly server: string;
  /** When it logged in: ISO 8601, UTC, milliseconds. */
  readonly since: string;
  /** What its client calls itself; empty where it does not say. */
  readonly client: string;
  /** Whether it is the connection that asks. */
  readonly here: boolean;
  /** Whether it is a side connection. */
  readonly side: boolean;
}

/** The devices that a user's sealed messages are for. */
export interface UserKeys {
  readonly user: string;
  /** The devices' public keys (X25519, base64url), in the order in which they were added. */
  readonly keys: readonly DeviceKey[];
  /** Changes with every change of the keys. */
  readonly version: string;
}

/** One device's public key. */
export interface DeviceKey {
  readonly public: string;
  /** When it was first announced: ISO 8601, UTC. */
  readonly added: string;
}

/** Where a session is: in one room, none on a side connection; or in many, sorted. */
export type RoomOrRooms =
  | { readonly room: string | null; readonly rooms?: undefined }
  | { readonly rooms: readonly string[]; readonly room?: undefined };

/** What a login, a registration and a resume answer; a side connection has neither room nor resume token. */
export type LoggedIn = RoomOrRooms & {
  readonly user: string;
  /** The device that one is logged in on, where it has a name. */
  readonly device?: string;
  readonly resume?: string;
  readonly positions: Positions;
  /** In many rooms: topic → how many messages of others there are behind the account's mark, up to 1,000. */
  readonly unread?: Readonly<Record<string, number>>;
  /** After a resume: how many messages are about to be replayed; null where a log was lost, so that nobody knows. */
  readonly missed?: number | null;
};

/** The store has the message: from here on it is not lost. */
export interface Accepted {
  readonly topic: string;
  readonly seq: number;
  readonly time: string;
  /** Of a private message that waits for its recipient to accept its sender: it has no number, and `seq` is 0. */
  readonly waiting?: true;
}

/** Somebody who is online, for a client that asks who is away. */
export interface UserState {
  readonly user: string;
  /** What the user said on going away; left out where the user is not away. */
  readonly away?: string;
}

/** A room and how many are in it. */
export interface RoomCount {
  readonly room: string;
  readonly members: number;
}

/** One command, as `help` describes it: enough for a client to parse, complete and explain it. */
export interface CommandHelp {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly arguments: readonly ArgumentHelp[];
  readonly help: string;
  /** Whether a person may type it; the others exist in JSON only. */
  readonly typed: boolean;
}

/** One argument of a command. */
export interface ArgumentHelp {
  readonly name: string;
  /**
   * `user`, `room`, `device` and `command` can be completed; `text` is the rest of the line, and so is a `secret` that
   * comes last; a `count` is a number. The others exist in JSON only.
   */
  readonly kind: ArgumentKind;
  readonly optional: boolean;
  /** False for one that exists in JSON only, though its kind can be typed. */
  readonly typed?: false;
}
