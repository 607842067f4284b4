import { ChatError } from "../../common/errors.ts";
import { fold } from "../../wire/names.ts";
import type { Services } from "../registry/command.ts";
import type { UserSession } from "../sessions/user_session.ts";

/** How many rooms are remembered of one session. */
const maxRemembered = 1_000;

/** The rooms that a session has found or made, so that its next message there does not look again. */
const remembered = new WeakMap<UserSession, Map<string, Promise<void>>>();

/**
 * Sees to it that there is a room, before somebody enters it; a new one is its first visitor's.
 *
 * @param user who wants it
 * @throws {ChatError} `rate_limited` where the user has brought as many to life as one may, `room_limit` where there are
 *   as many as there may be, `store_unavailable`
 */
export async function ensureRoom(room: string, user: string, { store, limits, config }: Services): Promise<void> {
  if (await store.rooms.find(room)) return;
  const { rooms: standing, maxRooms } = config;
  const isStanding = standing.includes(room);
  const { new_rooms: pace } = limits.pace;
  if (!isStanding) pace.spend(fold(user), "new rooms", "rate_limited");
  if (await store.rooms.make(room, { most: isStanding ? Infinity : maxRooms, standing }, user)) return;
  pace.refund(fold(user));
  limits.refused("rooms");
  throw new ChatError("room_limit", `There are ${maxRooms} rooms, which is as many as there may be; join one of them`);
}

/**
 * Sees to it that there is a room, before a side connection speaks there; its next message there does not look again.
 *
 * Those who wait for the same room go on in the order in which they came.
 *
 * @throws {ChatError} as {@linkcode ensureRoom} does
 */
export function ensureRoomOnce(session: UserSession, room: string, services: Services): Promise<void> {
  let rooms = remembered.get(session);
  if (!rooms || rooms.size >= maxRemembered) remembered.set(session, rooms = new Map());
  let ensured = rooms.get(room);
  if (!ensured) {
    rooms.set(room, ensured = ensureRoom(room, session.user, services));
    ensured.catch(() => forgetRoom(session, room));
  }
  return ensured;
}

/** Has {@linkcode ensureRoomOnce} look again: the room was forgotten. */
export function forgetRoom(session: UserSession, room: string): void {
  remembered.get(session)?.delete(room);
}
