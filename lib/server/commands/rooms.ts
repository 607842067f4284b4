import { fold, lobby } from "../../wire/names.ts";
import { type Caller, defineCommand, type Outcome, type Services } from "../registry/command.ts";
import { ensureRoom } from "./new_rooms.ts";
import type { UserSession } from "../sessions/user_session.ts";

/** Moves a session to a room, and tells both rooms. */
async function go(of: "join" | "leave", session: UserSession, room: string, services: Services): Promise<Outcome> {
  const { sessions, limits, config } = services;
  if (room !== session.room) {
    limits.pace.joins.spend(fold(session.user), "changes of room", "rate_limited");
    // Those of the configuration always exist: entering is enough.
    if (!config.rooms.includes(room)) await ensureRoom(room, session.user, services);
  }
  let joined;
  try {
    joined = await session.join(room);
  } catch (error) {
    sessions.recheck(session); // it may have moved all the same
    throw error;
  }
  if (!joined) throw sessions.recheck(session);
  const { positions, start, left } = joined;
  if (left !== undefined) await sessions.moved(session, left);
  return { reply: { of, room, positions }, after: start };
}

/** Rooms with somebody in them and those of the configuration, sorted by name. */
async function listRooms({ store, config }: Services): Promise<{ room: string; members: number }[]> {
  const counts = await store.sessions.rooms();
  const names = new Set([...config.rooms, ...counts.keys()]);
  return [...names].sort().map((room) => ({ room, members: counts.get(room) ?? 0 }));
}

/** What the list of a large service takes, in bytes: some thousand names. */
const listBytes = 131_072;

/** Rooms, and who is in them. */
export const roomCommands = [
  defineCommand({
    name: "join",
    aliases: ["j"],
    arguments: [{ name: "room", kind: "room" }],
    who: "user",
    help: "go to a room; it is made if it is new",
    run: ({ session }, { room }, services) => go("join", session, room, services),
  }),
  defineCommand({
    name: "leave",
    aliases: ["part"],
    who: "user",
    help: "go back to the lobby",
    run({ session }, _, services) {
      if (!session.side) return go("leave", session, lobby, services);
      session.leaveRoom();
      return { reply: { of: "leave", room: lobby, positions: {} } };
    },
  }),
  defineCommand({
    name: "rooms",
    aliases: ["list"],
    who: "user",
    help: "list the rooms and how many are in each",
    answerBytes: listBytes,
    run: async (_caller: Caller, _, services) => ({ reply: { of: "rooms", rooms: await listRooms(services) } }),
  }),
  defineCommand({
    name: "users",
    who: "user",
    help: "list who is online, on every server",
    answerBytes: listBytes,
    run: async (_caller: Caller, _, { store }) => ({ reply: { of: "users", users: await store.sessions.online() } }),
  }),
  defineCommand({
    name: "who",
    arguments: [{ name: "room", kind: "room", optional: true }],
    who: "user",
    help: "list who is in your room, or in another",
    answerBytes: listBytes,
    async run({ session }, { room = session.room ?? lobby }, { store }) {
      return { reply: { of: "who", room, members: await store.sessions.members(room) } };
    },
  }),
  defineCommand({
    name: "whoami",
    who: "user",
    help: "show your name, your room and your server",
    run: ({ session }, _, { serverId }) => ({
      reply: { of: "whoami", user: session.user, room: session.room ?? null, server: serverId },
    }),
  }),
];
