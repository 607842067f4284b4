/**
 * What is said of rooms' records: who owns a room, who may do what there, and what becomes of that.
 */

import type { MessageEvent, Positions } from "./message.ts";

/** The user was removed from a room, on every device. */
export interface RemovedEvent {
  readonly type: "removed";
  readonly room: string;
  /** Who did it. */
  readonly by: string;
  /** Empty where none was given. */
  readonly reason: string;
  /** Whether the user may not come back. */
  readonly banned: boolean;
  /** The room that a session is in now which has one. */
  readonly now?: string;
  /** Where that room is read from. */
  readonly positions?: Positions;
}

/** What has changed of a room, and whom it is about where it is about a user. */
export type RoomChange =
  | { readonly change: "topic"; readonly value: string }
  | { readonly change: "private"; readonly value: boolean }
  /** Seconds between two messages of a member; 0 where it is off. */
  | { readonly change: "slow"; readonly value: number }
  | { readonly change: "owner" | "op" | "deop" | "unmute"; readonly user: string }
  /** For so many seconds; null without an end. */
  | { readonly change: "mute"; readonly user: string; readonly value: number | null };

/** Something of a room has changed, for those who are in it. */
export type RoomChangedEvent =
  & { readonly type: "room_changed"; readonly room: string; readonly by: string }
  & RoomChange;

/** The user may enter a room. */
export interface InvitedEvent {
  readonly type: "invited";
  readonly room: string;
  readonly by: string;
}

/** A user was reported, for those who look after the room. */
export interface ReportEvent {
  readonly type: "system";
  readonly code: "report";
  readonly message: string;
  /** Its number among the service's reports. */
  readonly report: number;
  readonly room: string;
  /** Who reported. */
  readonly by: string;
  /** Who was reported. */
  readonly user: string;
  readonly reason: string;
  /** What the user said there last, as it was. */
  readonly messages: readonly MessageEvent[];
}

/** What comes of rooms' records without being asked for. */
export type RoomEvent = RemovedEvent | RoomChangedEvent | InvitedEvent | ReportEvent;

/** What a room's record answers; empty parts are empty lists and texts. */
export interface RoomRecordReply {
  readonly room: string;
  /** Null where it belongs to the server's moderators. */
  readonly owner: string | null;
  readonly moderators: readonly string[];
  readonly private: boolean;
  /** Empty where there is none. */
  readonly topic: string;
  readonly banned: readonly string[];
  readonly muted: readonly string[];
  /** Seconds between two messages of a member, where slow mode is on. */
  readonly slow?: number;
}

/** What the commands of rooms answer. */
export type RoomReply =
  | ({ readonly of: "room" } & RoomRecordReply)
  | { readonly of: "topic"; readonly room: string; readonly topic: string }
  | { readonly of: "announce" }
  | { readonly of: "private"; readonly room: string; readonly private: boolean }
  | { readonly of: "slow"; readonly room: string; readonly slow: number }
  | {
    readonly of: "invite" | "uninvite" | "kick" | "ban" | "unban" | "unmute" | "owner" | "op" | "deop" | "report";
    readonly room: string;
    readonly user: string;
  }
  /** Without `for` it has no end. */
  | { readonly of: "mute"; readonly room: string; readonly user: string; readonly for?: number };
