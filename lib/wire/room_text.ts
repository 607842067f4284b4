/**
 * How what is said of rooms' records reads.
 */

import { durationText } from "./duration.ts";
import type { InvitedEvent, RemovedEvent, RoomChangedEvent, RoomReply } from "./room_event.ts";

/** What a person is told who was removed from a room. */
export function removedText({ by, room, reason }: RemovedEvent): string {
  return `[SYSTEM] ${by} removed you from ${room}${reason === "" ? "" : `: ${reason}`}`;
}

/** What a person is told who is invited. */
export function invitedText({ by, room }: InvitedEvent): string {
  return `[SYSTEM] ${by} invites you to ${room}`;
}

/** What everybody in a room reads of a change; empty where it is a matter of the one whom it is about. */
export function changeText(event: RoomChangedEvent): string {
  const { by, room } = event;
  switch (event.change) {
    case "topic":
      return event.value === ""
        ? `[SYSTEM] ${by} cleared the topic of ${room}`
        : `[SYSTEM] ${by} set the topic of ${room}: ${event.value}`;
    case "private":
      return `[SYSTEM] ${by} made ${room} ${event.value ? "private" : "public"}`;
    case "slow":
      return `[SYSTEM] ${by} set the slow mode of ${room}: ${slowText(event.value)}`;
    case "owner":
      return `[SYSTEM] ${by} made ${event.user} the owner of ${room}`;
    case "op":
    case "deop":
    case "mute":
    case "unmute":
      return "";
  }
}

/** What the one reads whom a change is about, and nobody else; undefined where everybody reads the same. */
export function ownChangeText(event: RoomChangedEvent): string | undefined {
  const { by, room } = event;
  switch (event.change) {
    case "op":
      return `${by} made you a moderator of ${room}`;
    case "deop":
      return `${by} made you no moderator of ${room} any more`;
    case "mute":
      return `${by} muted you in ${room}${event.value === null ? "" : ` for ${durationText(event.value)}`}`;
    case "unmute":
      return `${by} unmuted you in ${room}`;
    default:
      return undefined;
  }
}

/** What was done about a user in a room: what goes before the name, and between it and the room's. */
const deeds = {
  invite: ["Invited ", " to "],
  uninvite: ["Uninvited ", " from "],
  kick: ["Removed ", " from "],
  ban: ["Banned ", " from "],
  unban: ["Unbanned ", " from "],
  unmute: ["Unmuted ", " in "],
  owner: ["", " owns "],
  op: ["", " is a moderator of "],
  deop: ["", " is no moderator of "],
} as const;

const withoutUser: ReadonlySet<string> = new Set(["room", "topic", "private", "slow", "announce", "mute", "report"]);

/** Whether a reply is one of {@linkcode RoomReply}. */
export function isRoomReply(reply: { readonly of: string }): reply is RoomReply {
  return Object.hasOwn(deeds, reply.of) || withoutUser.has(reply.of);
}

/** The answer to a command of a room. */
export function roomReplyText(reply: RoomReply): string {
  switch (reply.of) {
    case "room":
      return recordText(reply);
    case "topic":
      return `Topic of ${reply.room}: ${reply.topic || "none"}`;
    case "private":
      return `${reply.room} is ${reply.private ? "private" : "public"}`;
    case "slow":
      return `Slow mode of ${reply.room}: ${slowText(reply.slow)}`;
    case "mute":
      return `Muted ${reply.user} in ${reply.room}${reply.for === undefined ? "" : ` for ${durationText(reply.for)}`}`;
    case "announce":
      return "Announced";
    case "report":
      return `Reported ${reply.user}`;
    default: {
      const [before, between] = deeds[reply.of];
      return `${before}${reply.user}${between}${reply.room}`;
    }
  }
}

function recordText(reply: RoomReply & { of: "room" }): string {
  const { room, owner, moderators, topic, banned, muted } = reply;
  const parts = [
    owner === null ? "" : `owner ${owner}`,
    listed("moderators", moderators),
    reply.private ? "private" : "",
    topic === "" ? "" : `topic ${topic}`,
    listed("banned", banned),
    listed("muted", muted),
  ].filter((part) => part !== "");
  return `Room ${room}${parts.length === 0 ? "" : `: ${parts.join("; ")}`}`;
}

function listed(what: string, names: readonly string[]): string {
  return names.length === 0 ? "" : `${what} ${names.join(", ")}`;
}

function slowText(seconds: number): string {
  return seconds === 0 ? "off" : durationText(seconds);
}
