import { cleanLine } from "../../../wire/clean.ts";
import { textOf } from "../../../wire/format.ts";
import type { TopicEvent } from "../../../wire/event.ts";
import { privacyOf } from "../../e2ee/privacy.ts";
import { labelOf } from "../../transfer/offers.ts";
import type { SaidItem } from "./item.ts";
import { mentionsOf } from "./mentions.ts";

/**
 * A message as an item: cleaned, and seen by its reader.
 *
 * @param me the reader's name
 */
export function saidItem(event: TopicEvent, me: string | undefined): SaidItem {
  const own = event.from === me;
  const text = cleanLine(textOf(event));
  const offer = labelOf(event);
  // A talk's history has what one has sent oneself.
  const sentTo = event.type === "direct" && own && event.to !== me ? String(event.to) : undefined;
  return {
    kind: "said",
    how: event.type === "message"
      ? "room"
      : event.type === "notification"
      ? "feed"
      : sentTo === undefined
      ? "direct"
      : "direct_sent",
    user: cleanLine(sentTo ?? event.from),
    text,
    mention: !own && mentionsOf(text, me).length > 0,
    own,
    topic: event.topic,
    seq: event.seq,
    pos: event.pos,
    at: moment(event.time),
    ...privacyFields(event),
    ...(offer === undefined ? {} : { offer }),
  };
}

/** A server's time, or this moment where it cannot be read. */
export function moment(time: string): Date {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? new Date() : at;
}

/** How private something was, as fields of an item. */
export function privacyFields(value: unknown): Pick<SaidItem, "privacy"> {
  const privacy = privacyOf(value);
  return privacy ? { privacy } : {};
}

/** Whether something that a server sent is a message of a topic. */
export function isTopicEvent(value: unknown): value is TopicEvent {
  if (typeof value !== "object" || value === null) return false;
  const { type, from, text, time, topic, seq } = value as Record<string, unknown>;
  return ["message", "notification", "direct"].includes(type as string) && typeof seq === "number" &&
    [from, text, time, topic].every((field) => typeof field === "string");
}
