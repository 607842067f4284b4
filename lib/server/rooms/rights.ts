/**
 * Who may do what in a room: ranks, and the one table that the gate decides by. It knows no store and no session.
 */

import { ChatError } from "../../common/errors.ts";
import type { Role } from "../../store/accounts.ts";
import { isListed as isOnList, type RoomRecord } from "../../store/room_records.ts";
import { fold, lobby } from "../../wire/names.ts";

/**
 * What a command of a room asks of who gives it. `anyone`: who may read the room. `member`: who is in it. `moderator` and
 * `owner`: that rank or a higher one. `admin`: that role, in whatever room.
 */
export type Right = "anyone" | "member" | "moderator" | "owner" | "admin";

/** What a user is in a room, from the lowest to the highest. */
export const ranks = ["member", "moderator", "owner", "server_moderator"] as const;

/** One of {@linkcode ranks}. */
export type Rank = typeof ranks[number];

/** Somebody, as rights see them. */
export interface Holder {
  readonly name: string;
  readonly role: Role;
}

/** The lowest rank that each right is for. */
const lowest: Readonly<Record<Right, Rank>> = {
  anyone: "member",
  member: "member",
  moderator: "moderator",
  owner: "owner",
  admin: "server_moderator",
};

/** What a user is in a room; who is not in it has the rank of a member. */
export function rankOf({ name, role }: Holder, { owner, moderators, banned }: RoomRecord): Rank {
  const folded = fold(name);
  if (role !== "user") return "server_moderator";
  // A ban leaves nothing of a rank, until it is taken back.
  if (banned.some((user) => fold(user) === folded)) return "member";
  if (owner !== undefined && fold(owner) === folded) return "owner";
  return moderators.some((moderator) => fold(moderator) === folded) ? "moderator" : "member";
}

/** Whether a user is on a room's list, or of a rank that needs none; every user is on that of a public room. */
export function isListed(holder: Holder, record: RoomRecord): boolean {
  return rankOf(holder, record) !== "member" || isOnList(record, fold(holder.name));
}

/** Whether a user is banned from a room; the server's moderators are from none. */
export function isBanned({ name, role }: Holder, { banned }: RoomRecord): boolean {
  return role === "user" && banned.some((user) => fold(user) === fold(name));
}

/**
 * Decides whether a user has a right in a room.
 *
 * @param isIn whether the user is in the room, or listens to it
 * @throws {ChatError} `forbidden`, `banned`, `invite_only` or `wrong_room`
 */
export function checkRight(right: Right, holder: Holder, room: string, record: RoomRecord, isIn: boolean): void {
  const rank = rankOf(holder, record);
  if (right === "admin" && holder.role !== "admin") throw new ChatError("forbidden", "Only admins may do that");
  if (ranks.indexOf(rank) < ranks.indexOf(lowest[right])) throw tooLow(right, room, record);
  if (rank !== "member") return;
  if (!isListed(holder, record)) throw inviteOnly(room);
  if (right !== "member" || isIn) return;
  throw isBanned(holder, record) ? bannedFrom(room) : new ChatError("wrong_room", `You are not in ${room}`);
}

/**
 * Decides whether a user may act on another: nobody acts on an equal or higher rank.
 *
 * @throws {ChatError} `forbidden`
 */
export function checkRanks(actor: Holder, target: Holder, room: string, record: RoomRecord): void {
  if (fold(actor.name) === fold(target.name)) throw new ChatError("forbidden", "You cannot do that to yourself");
  const rank = rankOf(target, record);
  if (ranks.indexOf(rankOf(actor, record)) > ranks.indexOf(rank)) return;
  throw new ChatError("forbidden", `${target.name} is ${rankText[rank]} of ${room}: not somebody that you may act on`);
}

/** Refuses what is never done to the lobby, where everybody comes in. @throws {ChatError} `forbidden` */
export function checkLobby(room: string, what: string): void {
  if (room === lobby) throw new ChatError("forbidden", `Everybody starts in ${lobby}: it cannot ${what}`);
}

/** The refusal for a private room whose list one is not on. */
export function inviteOnly(room: string): ChatError {
  return new ChatError("invite_only", `${room} is private; somebody in it may invite you`);
}

/** The refusal for a room that one is banned from. */
export function bannedFrom(room: string): ChatError {
  return new ChatError("banned", `You are banned from ${room}`);
}

const rankText: Readonly<Record<Rank, string>> = {
  member: "a member",
  moderator: "a moderator",
  owner: "the owner",
  server_moderator: "a moderator of the server, and as good as the owner",
};

function tooLow(right: Right, room: string, { owner, moderators }: RoomRecord): ChatError {
  if (right === "owner" || (owner === undefined && moderators.length === 0)) {
    const whose = owner === undefined ? "the server's moderators" : `its owner ${owner}`;
    return new ChatError("forbidden", `Only ${whose} may do that in ${room}`);
  }
  return new ChatError("forbidden", `Only the owner and the moderators of ${room} may do that`);
}
