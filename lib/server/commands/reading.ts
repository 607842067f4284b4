import { ChatError } from "../../common/errors.ts";
import { fold, parseTopic, type Topic } from "../../wire/names.ts";
import type { Services } from "../registry/command.ts";
import type { UserSession } from "../sessions/user_session.ts";

/**
 * Whether a session is in a room, or listens to it. Where it may be in many, another device may have joined the room a
 * moment ago: then the store is asked.
 *
 * @throws {ChatError} `store_unavailable`
 */
export async function isIn(session: UserSession, room: string): Promise<boolean> {
  if (!session.isIn(room) || session.roomsChanging) await session.refreshRooms();
  return session.isIn(room);
}

/**
 * The rule for history, files and read marks. A user may read their own inbox, feed and what they have sent, the feeds
 * that they follow, and the rooms that they are in. A side connection is in no room, and may read any that is not closed
 * to its user.
 *
 * @throws {ChatError} `wrong_room`, `banned`, `invite_only` or `forbidden`
 */
export async function mayRead(session: UserSession, topic: Topic, { access }: Services): Promise<void> {
  const { kind, name } = parseTopic(topic)!;
  if (kind === "room") {
    if (session.side) return await access.read(name, session.user);
    if (await isIn(session, name)) return;
    await access.see(name, session.user);
    throw notIn(session, name);
  }
  if (name === fold(session.user) || (kind === "feed" && session.topics.has(topic))) return;
  throw new ChatError("forbidden", `You may not read ${topic}`);
}

/**
 * The rule of {@linkcode mayRead} again, once something was read: what was said after a user's removal is not theirs,
 * also where this server has not heard of it yet.
 *
 * @throws {ChatError} as {@linkcode mayRead} does
 */
export async function mightRead(session: UserSession, topic: Topic, { access }: Services): Promise<void> {
  const { kind, name } = parseTopic(topic)!;
  if (kind !== "room") return;
  if (session.side) return await access.read(name, session.user);
  if (await access.isKeptOut(name, session.user)) throw new ChatError("wrong_room", `You are not in ${name} any more`);
}

/** The refusal for a room that one is not in. */
export function notIn({ many, room }: UserSession, name: string): ChatError {
  return new ChatError("wrong_room", many ? `You are not in ${name}` : `You are in ${room}, not in ${name}`);
}

/**
 * The room that a request names which has to.
 *
 * @throws {ChatError} `usage` where it names none
 */
export function named(room: string | undefined): string {
  if (room !== undefined) return room;
  throw new ChatError("usage", 'Name the "room": you may be in many');
}
