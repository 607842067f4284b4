/**
 * What the store logged, as the event that clients are told.
 */

import { parseTopic, type Topic } from "../../wire/names.ts";
import type { TopicEvent } from "../../wire/event.ts";
import { encodePosition } from "../../store/log_position.ts";
import type { Entry } from "../../store/store.ts";

/** The event for a topic's message: a room's is a message, a feed's a notification, an inbox's is direct. */
export function topicEvent(topic: Topic, epoch: string, entry: Entry): TopicEvent {
  const { seq, id, from, text, cid } = entry;
  const logged = {
    topic,
    seq,
    from,
    ...(entry.to === undefined ? {} : { to: entry.to }),
    text,
    time: isoTime(entry.time),
    pos: encodePosition({ epoch, seq, id }),
    ...(cid === undefined ? {} : { cid }),
    ...(entry.room === undefined ? {} : { room: entry.room }),
    ...(entry.file === undefined ? {} : { file: entry.file }),
    ...(entry.sealed === undefined ? {} : { sealed: entry.sealed }),
  };
  switch (parseTopic(topic)!.kind) {
    case "room":
      return { type: "message", ...logged };
    case "feed":
      return { type: "notification", ...logged };
    case "inbox":
      return { type: "direct", to: parseTopic(topic)!.name, ...logged };
  }
}

/** Milliseconds since 1970 as ISO 8601, UTC. */
export function isoTime(time: number): string {
  return new Date(time).toISOString();
}
