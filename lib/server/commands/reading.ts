import { ChatError } from "../../common/errors.ts";
import { fold, parseTopic, type Topic } from "../../wire/names.ts";
import type { UserSession } from "../sessions/user_session.ts";

/**
 * The rule for history and for files. A user may read their own inbox and feed, the feeds that they follow, and the
 * room that they are in. A side connection is in no room, and may read any.
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
