/**
 * What messages are, as clients get them.
 */

/** How far a client has read a topic: opaque to clients. */
export type Position = string;

/** Topic → position. */
export type Positions = Readonly<Record<string, Position>>;

/** What every logged message carries, in any topic. */
export interface Logged {
  /** `room:<name>`, `feed:<user>`, `inbox:<user>` or `sent:<user>`, folded to lower case. */
  readonly topic: string;
  /** 1, 2, 3, … within the topic's epoch, with no holes. */
  readonly seq: number;
  /** The publisher's name, as registered. */
  readonly from: string;
  readonly text: string;
  /** When the store took it: ISO 8601, UTC, milliseconds. */
  readonly time: string;
  readonly pos: Position;
  /** The publisher's own id for it, if it gave one. */
  readonly cid?: string;
  /** A file that is offered with it. */
  readonly file?: FileOffer;
  /** Set where what it said was deleted: the text is empty. */
  readonly deleted?: true;
}

/** A file that can be fetched with `download`, as the server knows it. */
export interface FileOffer {
  readonly id: string;
  /** One path segment, cleaned. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Of its bytes, in lower-case hexadecimal. */
  readonly sha256: string;
  /** Until when it can be fetched: ISO 8601, UTC. */
  readonly expires: string;
}

/** Said in a room. */
export interface MessageEvent extends Logged {
  readonly type: "message";
}

/** Published to a user's feed; `room` is set where it was said in a room that the reader is not in. */
export interface NotificationEvent extends Logged {
  readonly type: "notification";
  readonly room?: string;
}

/** A private message. */
export interface DirectEvent extends Logged {
  readonly type: "direct";
  /** The recipient's name, as registered. */
  readonly to: string;
  /** What it says, encrypted from device to device; `text` only says that it is. */
  readonly sealed?: string;
}

/** A message of any topic. */
export type TopicEvent = MessageEvent | NotificationEvent | DirectEvent;
