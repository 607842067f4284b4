/**
 * What a room's owner and moderators have decided of it: who owns it, who may enter, who may speak.
 *
 * The store keeps it and holds everybody to it, where messages enter the log too. Who may change what is not known here.
 */

import { fold } from "../wire/names.ts";

/** How long an invitation is good, in milliseconds: 30 days. */
export const invitationLifeMs = 30 * 86_400_000;

/** Somebody is told to be silent in a room. */
export interface Mute {
  readonly user: string;
  /** Until when, in milliseconds since 1970 by the store's clock; `Infinity` without an end. */
  readonly until: number;
}

/** Somebody is asked into a room. */
export interface Invitation {
  readonly user: string;
  readonly by: string;
  /** When, in milliseconds since 1970 by the store's clock. */
  readonly at: number;
}

/** Somebody was kicked or banned. */
export interface Removal {
  /** The revision of the record since then. */
  readonly revision: number;
  readonly by: string;
  /** Empty where none was given. */
  readonly reason: string;
}

/** A room's record as it stands. Users are named as their accounts are written; sets and maps have folded names as keys. */
export interface RoomRecord {
  /** Grows by one with every change; 0 where there never was one. */
  readonly revision: number;
  /** Undefined where the room belongs to the server's moderators. */
  readonly owner: string | undefined;
  /** Sorted. */
  readonly moderators: readonly string[];
  readonly private: boolean;
  /** Empty for none. */
  readonly topic: string;
  /** How long a member waits between two messages, in seconds; 0 where slow mode is off. */
  readonly slowSeconds: number;
  /** Sorted. */
  readonly banned: readonly string[];
  /** Those whose mute has not ended. */
  readonly muted: ReadonlyMap<string, Mute>;
  /** Who may enter a private room, beside its owner, its moderators and who is invited. */
  readonly listed: ReadonlySet<string>;
  /** Invitations that are neither used nor too old. */
  readonly invited: ReadonlyMap<string, Invitation>;
  /** Who was kicked or banned and has not entered again. */
  readonly removed: ReadonlyMap<string, Removal>;
}

/**
 * One change of a record, and who makes it.
 *
 * - `private` on lists who is in the room; off clears the list.
 * - `owner` with an empty user leaves the room to the server's moderators. Who becomes owner or moderator is no longer
 *   banned or muted. An owner before stays on a private room's list.
 * - `kick` and `ban` remove a user who is in the room, from its list and its moderators, with an invitation; `ban` takes
 *   ownership as well. From the answer on nothing of the user is stored there until the user has entered again.
 * - `mute` without `seconds` has no end.
 */
export type RecordChange =
  & { readonly by: string }
  & (
    | { readonly kind: "topic"; readonly text: string }
    | { readonly kind: "private"; readonly on: boolean }
    | { readonly kind: "slow"; readonly seconds: number }
    | { readonly kind: "owner"; readonly user: string }
    | { readonly kind: "op" | "deop"; readonly user: string }
    | { readonly kind: "invite" | "uninvite"; readonly user: string }
    | { readonly kind: "kick" | "ban"; readonly user: string; readonly reason: string }
    | { readonly kind: "unban" | "unmute"; readonly user: string }
    | { readonly kind: "mute"; readonly user: string; readonly seconds?: number }
  );

/** What listeners of a room are told of its record: a change, or that somebody has entered whom the record knew. */
export type RecordNews =
  & (RecordChange | { readonly kind: "entered"; readonly by: string; readonly user: string })
  & {
    /** Set where somebody was kicked or banned who was not in the room. */
    readonly absent?: true;
  };

/** What came of the wish to enter a room. */
export type EntryResult = "admitted" | "banned" | "invite_only";

/** The records of rooms. Rooms are named in any case; a room that does not exist may have a record, see {@linkcode Rooms.sweep}. */
export interface RoomRecords {
  read(room: string): Promise<RoomRecord>;
  /**
   * Changes a record that is still at this revision, on which the caller has decided whether it may, and tells the room's
   * listeners ({@linkcode TopicSignal} of kind `record`).
   *
   * @returns the record after it, or undefined where it has changed meanwhile: read it, and decide again
   */
  change(room: string, revision: number, change: RecordChange): Promise<RoomRecord | undefined>;
  /**
   * The gate of joining. Who is admitted is no longer among {@linkcode RoomRecord.removed}, and has used an invitation: a
   * private room lists the user then. A ban may come between this and the step that enters the room; so who has entered
   * reads the record again, or hears of it.
   *
   * @param overrides whether neither a ban nor the list holds the user up, as for the server's moderators: the ban ends,
   *   and the list has the user then
   */
  admit(room: string, user: string, overrides: boolean): Promise<EntryResult>;
  /** Rooms that may be private, folded: all that are, and some that were or are about to be. */
  privateRooms(): Promise<string[]>;
  /** What a user is invited to, sorted by room; used, withdrawn and old invitations are left out. */
  invitations(user: string): Promise<{ readonly room: string; readonly by: string }[]>;
}

/** Whether a user may be in the room by its list. @param user the user's name, folded */
export function isListed(record: RoomRecord, user: string): boolean {
  if (!record.private || (record.owner !== undefined && fold(record.owner) === user)) return true;
  if (record.listed.has(user) || record.invited.has(user)) return true;
  return record.moderators.some((moderator) => fold(moderator) === user);
}

/** A room's record as it is moved to another store: what each field means, `lib/store/records/record_fields.ts` says. */
export interface RecordState {
  readonly room: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The records of all rooms, to be moved to another store. */
export interface RecordArchive {
  all(): AsyncIterable<RecordState>;
  /** Puts a record in, with its invitations. @returns false where the room has one: then it is left as it is */
  put(state: RecordState): Promise<boolean>;
}
