/**
 * Log entries of the store → events for clients.
 */

import { parseTopic, type Topic } from "../../wire/names.ts";
import type { TopicEvent } from "../../wire/event.ts";
import type { PositionSigner } from "../../store/position_signer.ts";
import type { Entry } from "../../store/topics.ts";

/**
 * Makes the event for an entry of a topic's log: `message` of a room, `notification` of a feed, `direct` of an inbox.
 *
 * @param positions signs the entry's position
 */
export function topicEvent(positions: PositionSigner, topic: Topic, epoch: string, entry: Entry): TopicEvent {
  const { seq, id, from, text, cid } = entry;
  const logged = {
    topic,
    seq,
    from,
    ...(entry.to === undefined ? {} : { to: entry.to }),
    text,
    time: isoTime(entry.time),
    pos: positions.encode(topic, { epoch, seq, id }),
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

/** A time on the wire: ISO 8601, UTC. @param time milliseconds since 1970 */
export function isoTime(time: number): string {
  return new Date(time).toISOString();
}
