import type { RoomRecord } from "../../../store/room_records.ts";
import { checkLength } from "../../../wire/command.ts";
import { fold } from "../../../wire/names.ts";
import { defineRoomCommand, type RoomCallAbout } from "../../registry/room_command.ts";
import { checkLobby } from "../../rooms/rights.ts";

/** The longest topic of a room, in bytes. */
export const maxTopicBytes = 400;

const whom = [{ name: "user", kind: "user" }] as const;

/** The names of those who are muted in a room at the moment, sorted. */
export function mutedOf({ muted }: RoomRecord): string[] {
  return [...muted.values()].map(({ user }) => user).sort();
}

/** What a room is like, and who looks after it. */
export const roomSettingCommands = [
  defineRoomCommand({
    name: "room",
    right: "member",
    help: "show who owns and moderates your room, its topic, and who is banned or muted there",
    run: ({ room, record }) => ({
      reply: {
        of: "room",
        room,
        owner: record.owner ?? null,
        moderators: [...record.moderators].sort(),
        private: record.private,
        topic: record.topic,
        banned: [...record.banned].sort(),
        muted: mutedOf(record),
        ...(record.slowSeconds === 0 ? {} : { slow: record.slowSeconds }),
      },
    }),
  }),
  defineRoomCommand({
    name: "topic",
    arguments: [{ name: "text", kind: "text", optional: true, empty: true }],
    right: ({ text }) => text === undefined ? "anyone" : "moderator",
    help: "show your room's topic; its owner and moderators set it",
    audited: true,
    run({ room, record }, { text }) {
      if (text === undefined) return { reply: { of: "topic", room, topic: record.topic } };
      const topic = checkLength(text.trim(), maxTopicBytes);
      return { change: { kind: "topic", text: topic }, reply: { of: "topic", room, topic } };
    },
  }),
  defineRoomCommand({
    name: "private",
    arguments: [{ name: "on", kind: "switch" }],
    right: "owner",
    help: "make your room private, for those on its list only, or public",
    audited: true,
    run({ room }, { on }) {
      if (on) checkLobby(room, "be private");
      return { change: { kind: "private", on }, reply: { of: "private", room, private: on } };
    },
  }),
  defineRoomCommand({
    name: "slow",
    arguments: [{ name: "for", kind: "duration" }],
    right: "owner",
    help: "have members of your room wait between two messages: /slow 10s, or off",
    audited: true,
    run: ({ room }, { for: seconds }) => ({
      change: { kind: "slow", seconds },
      reply: { of: "slow", room, slow: seconds },
    }),
  }),
  defineRoomCommand<typeof whom, RoomCallAbout>({
    name: "owner",
    arguments: whom,
    right: "owner",
    about: "acts",
    help: "give your room to somebody else",
    audited: true,
    run: ({ room, target: { name: user } }) => ({
      change: { kind: "owner", user },
      reply: { of: "owner", room, user },
    }),
  }),
  defineRoomCommand<typeof whom, RoomCallAbout>({
    name: "op",
    arguments: whom,
    right: "owner",
    about: "acts",
    help: "make a user a moderator of your room",
    audited: true,
    run: ({ room, record, target: { name: user }, caller: { session } }, _, { sessions }) => ({
      ...(moderates(record, user) ? {} : { change: { kind: "op", user } }),
      reply: { of: "op", room, user },
      done: () => sessions.tell(user, { type: "room_changed", room, by: session.user, change: "op", user }),
    }),
  }),
  defineRoomCommand<typeof whom, RoomCallAbout>({
    name: "deop",
    arguments: whom,
    right: "owner",
    about: "acts",
    help: "make a user no moderator of your room any more",
    audited: true,
    run: ({ room, record, target: { name: user }, caller: { session } }, _, { sessions }) => ({
      ...(moderates(record, user) ? { change: { kind: "deop", user } } : {}),
      reply: { of: "deop", room, user },
      done: () => sessions.tell(user, { type: "room_changed", room, by: session.user, change: "deop", user }),
    }),
  }),
];

function moderates({ moderators }: RoomRecord, user: string): boolean {
  return moderators.some((moderator) => fold(moderator) === fold(user));
}
