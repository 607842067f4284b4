import { ChatError } from "../../../common/errors.ts";
import { checkLength } from "../../../wire/command.ts";
import { fold } from "../../../wire/names.ts";
import type { Services } from "../../registry/command.ts";
import { defineRoomCommand, type RoomCallAbout } from "../../registry/room_command.ts";
import { checkLobby, isBanned, rankOf } from "../../rooms/rights.ts";

/** The longest reason of a kick, a ban or a report, in bytes. */
export const maxReasonBytes = 400;

const whom = [{ name: "user", kind: "user" }] as const;
const whomAndWhy = [...whom, { name: "reason", kind: "text", optional: true }] as const;
const whomForHowLong = [...whom, { name: "for", kind: "duration", optional: true }] as const;

/** A reason as it is told; empty where none was given. @throws {ChatError} `message_too_long` */
export function reasonOf(given: string | undefined): string {
  return checkLength((given ?? "").trim(), maxReasonBytes);
}

/** Who comes into a room, who goes, and who may speak there. */
export const moderationCommands = [
  defineRoomCommand<typeof whom, RoomCallAbout>({
    name: "invite",
    arguments: whom,
    right: "member",
    about: "names",
    help: "invite a user to your room",
    audited: true,
    async run({ room, record, caller: { session }, target }, _, services) {
      const { name: user } = target;
      if (isBanned(target, record)) throw new ChatError("forbidden", `${user} is banned from ${room}`);
      await checkBlocks(session.user, user, services);
      services.limits.pace.invitations.spend(fold(session.user), "invitations", "rate_limited");
      return {
        change: { kind: "invite", user },
        reply: { of: "invite", room, user },
        done: () => services.sessions.tell(user, { type: "invited", room, by: session.user }),
      };
    },
  }),
  defineRoomCommand<typeof whom, RoomCallAbout>({
    name: "uninvite",
    arguments: whom,
    right: "member",
    about: "names",
    help: "withdraw an invitation to your room",
    audited: true,
    run({ room, record, actor, target: { name: user } }) {
      const invitation = record.invited.get(fold(user));
      if (invitation && fold(invitation.by) !== fold(actor.name) && rankOf(actor, record) === "member") {
        throw new ChatError(
          "forbidden",
          `${invitation.by} invited ${user}: that is for them or a moderator to withdraw`,
        );
      }
      return {
        ...(invitation ? { change: { kind: "uninvite", user } } : {}),
        reply: { of: "uninvite", room, user },
      };
    },
  }),
  defineRoomCommand<typeof whomAndWhy, RoomCallAbout>({
    name: "kick",
    arguments: whomAndWhy,
    right: "moderator",
    about: "acts",
    help: "remove a user from your room, who may come back",
    audited: true,
    async run({ room, target: { name: user } }, { reason: given }, services) {
      checkLobby(room, "be left by force");
      const reason = reasonOf(given);
      if (!await isThere(user, room, services)) throw new ChatError("wrong_room", `${user} is not in ${room}`);
      return { change: { kind: "kick", user, reason }, reply: { of: "kick", room, user } };
    },
  }),
  defineRoomCommand<typeof whomAndWhy, RoomCallAbout>({
    name: "ban",
    arguments: whomAndWhy,
    right: "moderator",
    about: "acts",
    help: "remove a user from your room for good",
    audited: true,
    run({ room, target: { name: user } }, { reason: given }) {
      checkLobby(room, "be closed to a user; an operator can disable the account");
      return { change: { kind: "ban", user, reason: reasonOf(given) }, reply: { of: "ban", room, user } };
    },
  }),
  defineRoomCommand<typeof whom, RoomCallAbout>({
    name: "unban",
    arguments: whom,
    right: "moderator",
    about: "acts",
    help: "let a banned user come back to your room",
    audited: true,
    run: ({ room, target: { name: user } }) => ({
      change: { kind: "unban", user },
      reply: { of: "unban", room, user },
    }),
  }),
  defineRoomCommand<typeof whomForHowLong, RoomCallAbout>({
    name: "mute",
    arguments: whomForHowLong,
    right: "moderator",
    about: "acts",
    help: "let a user say nothing in your room, for a time such as 10m or until unmuted",
    audited: true,
    run({ room, caller: { session: { user: by } }, target: { name: user } }, { for: seconds }, { sessions }) {
      if (seconds === 0) throw new ChatError("usage", '"for" must be longer than nothing; leave it out for no end');
      const span = seconds === undefined ? {} : { seconds };
      const event = { type: "room_changed", room, by, change: "mute", user, value: seconds ?? null } as const;
      return {
        change: { kind: "mute", user, ...span },
        reply: { of: "mute", room, user, ...(seconds === undefined ? {} : { for: seconds }) },
        done: () => sessions.tell(user, event),
      };
    },
  }),
  defineRoomCommand<typeof whom, RoomCallAbout>({
    name: "unmute",
    arguments: whom,
    right: "moderator",
    about: "acts",
    help: "let a muted user speak in your room again",
    audited: true,
    run: ({ room, caller: { session: { user: by } }, target: { name: user } }, _, { sessions }) => ({
      change: { kind: "unmute", user },
      reply: { of: "unmute", room, user },
      done: () => sessions.tell(user, { type: "room_changed", room, by, change: "unmute", user }),
    }),
  }),
];

/** Whether a user is in a room with any session, or comes back to it. */
async function isThere(user: string, room: string, { store: { sessions } }: Services): Promise<boolean> {
  const [devices, memberships] = await Promise.all([sessions.devices(user), sessions.memberships(user)]);
  return memberships.has(room) || devices.some(({ rooms }) => rooms.includes(room));
}

/** Who keeps somebody's private messages away gets no invitations either. @throws {ChatError} `blocked` */
async function checkBlocks(by: string, user: string, { store }: Services): Promise<void> {
  const blocked = await store.accounts.blocks(user);
  if (blocked.some((name) => fold(name) === fold(by))) {
    throw new ChatError("blocked", `${user} takes no invitations of yours`);
  }
}
