/**
 * Who may read what: the rule for history and for files.
 */

import { ChatError } from "../../common/errors.ts";
import { fold, parseTopic, type Topic } from "../../wire/names.ts";
import type { UserSession } from "../sessions/user_session.ts";

/**
 * Lets a member read its own inbox and feed, the room that it is in, and the feeds that it follows; a side connection,
 * which is in no room, any room.
 *
 * @throws {ChatError} `wrong_room` or `forbidden`
 */
export function mayRead(session: UserSession, topic: Topic): void {
  const { kind, name } = parseTopic(topic)!;
  if (kind === "room") {
    if (session.side || name === session.room) return;
    throw new ChatError("wrong_room", `You are in ${session.room}, not in ${name}`);
  }
  if (name === fold(session.user) || (kind === "feed" && session.topics.has(topic))) return;
  throw new ChatError("forbidden", `You may not read ${topic}`);
}
