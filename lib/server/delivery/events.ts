/**
 * Log entries of the store → events for clients.
 */

import { type Topic, topicKind, topicName } from "../../wire/names.ts";
import type { DeletedEvent } from "../../wire/deleted_event.ts";
import type { TopicEvent } from "../../wire/event.ts";
import type { PositionSigner } from "../../store/position_signer.ts";
import type { Deletion } from "../../store/topics.ts";
import type { LogPosition } from "../../store/log_position.ts";
import type { Entry } from "../../store/topics.ts";

/**
 * Makes the event for an entry of a topic's log: `message` of a room, `notification` of a feed, `direct` of an inbox and
 * of what a user has sent.
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
    ...(entry.deleted ? { deleted: true as const } : {}),
  };
  switch (topicKind(topic)) {
    case "room":
      return { type: "message", ...logged };
    case "feed":
      return { type: "notification", ...logged };
    case "inbox":
    case "sent": // a copy names its recipient
      return { type: "direct", to: topicName(topic), ...logged };
  }
}

/**
 * Makes the event for a deletion.
 *
 * @param position up to where its reader has the topic's messages
 */
export function deletedEvent(
  positions: PositionSigner,
  topic: Topic,
  position: LogPosition,
  { seq, by, from }: Deletion,
): DeletedEvent {
  return { type: "deleted", topic, seq, by, from, pos: positions.encode(topic, position) };
}

const types = { room: "message", feed: "notification", inbox: "direct", sent: "direct" } as const;

/**
 * The event of a message that goes to whoever is there: its time and its position are made when it is encoded for a
 * program. People are not shown them, and a signature costs more than all the rest.
 */
class LiveEvent {
  readonly type: TopicEvent["type"];
  readonly topic: Topic;
  readonly from: string;
  readonly to: string | undefined;
  readonly text: string;
  readonly deleted: true | undefined;
  readonly #whole: () => TopicEvent;

  constructor(topic: Topic, { from, to, text, deleted }: Entry, whole: () => TopicEvent) {
    this.type = types[topicKind(topic)];
    this.topic = topic;
    this.to = to;
    this.from = from;
    this.text = text;
    this.deleted = deleted;
    this.#whole = whole;
  }

  toJSON(): TopicEvent {
    return this.#whole();
  }
}

/** Makes the event for an entry as {@linkcode topicEvent} does, for {@linkcode encodeEvent} alone. */
export function liveEvent(positions: PositionSigner, topic: Topic, epoch: string, entry: Entry): TopicEvent {
  // Its other fields are there where they are read: in what it gives to JSON.
  return new LiveEvent(topic, entry, () => topicEvent(positions, topic, epoch, entry)) as unknown as TopicEvent;
}

/** A time on the wire: ISO 8601, UTC. @param time milliseconds since 1970 */
export function isoTime(time: number): string {
  const second = Math.floor(time / 1000);
  if (second !== lastSecond) {
    // Messages that follow each other are mostly of the same second: it is formatted once.
    [lastSecond, lastPrefix] = [second, new Date(second * 1000).toISOString().slice(0, -4)];
  }
  return `${lastPrefix}${String(Math.trunc(time - second * 1000)).padStart(3, "0")}Z`;
}

let lastSecond = NaN;
let lastPrefix = "";
