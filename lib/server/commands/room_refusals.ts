import { ChatError } from "../../common/errors.ts";
import type { Session } from "../../store/sessions.ts";
import type { Draft, PublishResult } from "../../store/topics.ts";
import { type Topic, topicKind, topicName } from "../../wire/names.ts";
import type { Services } from "../registry/command.ts";

/** What a room's record refuses a message for. */
type RoomRefusal = Extract<PublishResult, { readonly kind: "banned" | "muted" | "not_member" | "slow" }>;

/** What a sender is told whose message a room's record refuses. */
export function refusedByRoom(result: RoomRefusal, topic: Topic): ChatError {
  const room = topicName(topic);
  switch (result.kind) {
    case "banned":
      return new ChatError("banned", `You are banned from ${room}`);
    case "muted":
      return new ChatError("muted", `You are muted in ${room}`);
    case "not_member":
      return new ChatError("wrong_room", `You are not in ${room}`);
    case "slow": {
      const seconds = Math.ceil(result.waitMs / 1000);
      const words = `${room} is in slow mode: try again in ${seconds} s`;
      return new ChatError("rate_limited", words, { retry_after_ms: Math.ceil(result.waitMs) });
    }
  }
}

/**
 * Publishes a message. Who its author is on this server is asked only where a room's record refuses it: the server's
 * moderators are held up by none.
 */
export async function publishAs(
  { store: { topics, accounts } }: Services,
  topic: Topic,
  draft: Draft,
  writer: Session | undefined,
  existing = false,
): Promise<PublishResult> {
  const result = await topics.publish(topic, draft, writer, existing);
  if (topicKind(topic) !== "room" || !isRoomRefusal(result)) return result;
  const account = await accounts.find(draft.from);
  if (account === undefined || account.role === "user") return result;
  return await topics.publish(topic, draft, writer, existing, true);
}

/** Whether it is a room's record that refuses a message. */
export function isRoomRefusal(result: PublishResult): result is RoomRefusal {
  return ["banned", "muted", "not_member", "slow"].includes(result.kind);
}
