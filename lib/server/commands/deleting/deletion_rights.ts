import { ChatError } from "../../../common/errors.ts";
import type { Entry } from "../../../store/topics.ts";
import { fold, type Topic, topicKind, topicName } from "../../../wire/names.ts";
import type { Services } from "../../registry/command.ts";
import { checkRanks, rankOf } from "../../rooms/rights.ts";
import type { UserSession } from "../../sessions/user_session.ts";

/**
 * Who may delete what: authors what they wrote themselves, for as long as the configuration lets them; in a room its
 * moderators and those above them always, and also what members of a lower rank wrote.
 *
 * @throws {ChatError} `forbidden`
 */
export async function mayDelete(
  session: UserSession,
  topic: Topic,
  { from, time }: Entry,
  { store: { accounts, records }, config: { deleteOwnSeconds } }: Services,
): Promise<void> {
  const isOwn = fold(from) === fold(session.user);
  if (isOwn && Date.now() - time < deleteOwnSeconds * 1000) return;
  if (topicKind(topic) === "room") {
    const room = topicName(topic);
    const [record, own] = await Promise.all([records.read(room), accounts.find(session.user)]);
    const actor = { name: session.user, role: own?.role ?? "user" } as const;
    if (rankOf(actor, record) !== "member") {
      const author = isOwn ? undefined : await accounts.find(from);
      return isOwn ? undefined : checkRanks(actor, { name: from, role: author?.role ?? "user" }, room, record);
    }
  }
  if (isOwn) {
    throw new ChatError("forbidden", `You may delete what you wrote for ${deleteOwnSeconds} seconds; this is older`);
  }
  const others = topicKind(topic) === "room" ? " and the moderators" : "";
  throw new ChatError("forbidden", `Only ${from}${others} may delete that`);
}
