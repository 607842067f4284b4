import { ChatError } from "../../common/errors.ts";
import { fold, lobby } from "../../wire/names.ts";
import { aboutNone } from "../registry/access.ts";
import { type Caller, defineCommand, type Outcome, type Services } from "../registry/command.ts";
import { withAway } from "./away.ts";
import { ensureRoom } from "./new_rooms.ts";
import { named } from "./reading.ts";
import type { UserSession } from "../sessions/user_session.ts";

/** Has a session join a room, and tells that one and those that it leaves for it. */
async function go(of: "join" | "leave", session: UserSession, room: string, services: Services): Promise<Outcome> {
  const { sessions, limits, config } = services;
  if (!session.isIn(room)) {
    session.admitRoom(config.maxRoomsPerUser);
    limits.pace.joins.spend(fold(session.user), "changes of room", "rate_limited");
    // Those of the configuration always exist: entering is enough.
    if (!config.rooms.includes(room)) await ensureRoom(room, session.user, services);
    await services.access.enter(room, session.user);
  }
  let joined;
  try {
    joined = await session.join(room, config.maxRoomsPerUser);
  } catch (error) {
    throw unsure(session, sessions, error);
  }
  if (!joined) throw sessions.recheck(session);
  const { positions, start } = joined;
  await sessions.moved(session, joined.left, joined.joined);
  return { reply: { of, room, positions }, after: start };
}

/** The failure of a step that the store may have taken all the same, in which case the session is looked for. */
function unsure(session: UserSession, sessions: Services["sessions"], error: unknown): unknown {
  if (!(error instanceof ChatError) || error.code === "store_unavailable") sessions.recheck(session);
  return error;
}

/** Has a session that is in many rooms, or listens to them, leave one. */
async function leave(session: UserSession, room: string, { sessions }: Services): Promise<Outcome> {
  let left;
  try {
    left = await session.leaveRoom(room);
  } catch (error) {
    throw unsure(session, sessions, error);
  }
  if (!left) throw sessions.recheck(session);
  await sessions.moved(session, left, []);
  return { reply: { of: "leave", room, positions: {} } };
}

/** Rooms with somebody in them and those of the configuration, sorted by name; private ones for those on their lists. */
async function listRooms(user: string, services: Services): Promise<{ room: string; members: number }[]> {
  const { store, config, access } = services;
  const counts = await store.sessions.rooms();
  const names = new Set([...config.rooms, ...counts.keys()]);
  const visible = await access.visible([...names].sort(), user);
  return visible.map((room) => ({ room, members: counts.get(room) ?? 0 }));
}

/** Asks for objects that tell who is away, in place of names. */
const awayFlag = { name: "away", kind: "flag", optional: true } as const;

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
    arguments: [{ name: "room", kind: "room", optional: true, typed: false }],
    who: "user",
    help: "go back to the lobby",
    async run({ session }, { room }, services) {
      if (session.many) return await leave(session, named(room), services);
      if (!session.side) return await go("leave", session, lobby, services);
      if (session.room !== undefined) await session.leaveRoom(session.room);
      return { reply: { of: "leave", room: lobby, positions: {} } };
    },
  }),
  defineCommand({
    name: "rooms",
    aliases: ["list"],
    who: "user",
    help: "list the rooms and how many are in each",
    about: aboutNone,
    answerBytes: listBytes,
    async run({ session }, _, services) {
      return { reply: { of: "rooms", rooms: await listRooms(session.user, services) } };
    },
  }),
  defineCommand({
    name: "users",
    arguments: [awayFlag],
    who: "user",
    help: "list who is online, on every server",
    about: aboutNone,
    answerBytes: listBytes,
    async run(_caller: Caller, { away }, services) {
      const users = await services.store.sessions.online();
      return { reply: { of: "users", users: away ? await withAway(users, services) : users } };
    },
  }),
  defineCommand({
    name: "who",
    arguments: [{ name: "room", kind: "room", optional: true }, awayFlag],
    who: "user",
    help: "list who is in your room, or in another",
    answerBytes: listBytes,
    async run({ session }, { room = session.many ? named(undefined) : session.room ?? lobby, away }, services) {
      await services.access.see(room, session.user);
      const members = await services.store.sessions.members(room);
      return { reply: { of: "who", room, members: away ? await withAway(members, services) : members } };
    },
  }),
  defineCommand({
    name: "whoami",
    who: "user",
    help: "show your name, your room and your server",
    tokens: "always",
    async run({ session }, _, { serverId }) {
      await session.refreshRooms(); // another device may have joined or left some
      const place = session.many ? { rooms: [...session.rooms].sort() } : { room: session.room ?? null };
      return { reply: { of: "whoami", user: session.user, ...place, server: serverId } };
    },
  }),
];
