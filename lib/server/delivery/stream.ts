import type { DeletionPlace } from "../../store/topics.ts";
import type { LogPosition } from "../../store/log_position.ts";
import type { RecordNews } from "../../store/room_records.ts";
import type { AccountChange, Entry, Subscription, TopicSignal } from "../../store/topics.ts";
import type { Topic } from "../../wire/names.ts";
import type { Follower } from "./hub.ts";

/** Told of a change of an account; of undefined where one may have been missed. */
export type AccountListener = (change: AccountChange | undefined) => void;

/** A topic that a relay passes on. */
export interface Stream {
  readonly topic: Topic;
  /** The room whose topic it is, if it is a room's that the gate knows. */
  readonly room: string | undefined;
  /** Changes of the room's record that were heard and not told yet. */
  readonly changes: RecordNews[];
  readonly accountListeners: Set<AccountListener>;
  followers: number;
  /** The last message that was passed on. */
  position: LogPosition;
  /** The newest deletion that was passed on, or was there before the stream. */
  deletion: DeletionPlace;
  /** Whether the log is to be read again: it may have got further, or be another. */
  stale: boolean;
  filling: Promise<void> | undefined;
  closed: boolean;
  ready: Promise<void>;
  subscription: Subscription | undefined;
}

/** Which followers have a message otherwise: those who are in the room where it was said, or who sent what is copied. */
export function skipsOf(topic: Topic, { room, via }: Entry): ((follower: Follower) => boolean) | undefined {
  if (room !== undefined) return (follower) => follower.isIn(room);
  return via === undefined || !topic.startsWith("sent:") ? undefined : (follower) => follower.connection === via;
}

/** Whether a message is the next after the last that was passed on, of the same log. */
export function follows(position: LogPosition, { epoch, entry, prev }: TopicSignal & { kind: "entry" }): boolean {
  return epoch === position.epoch && entry.seq === position.seq + 1 && (prev === position.id || position.id === "");
}

/** Whether a message can be of the same log as the last that was passed on. */
export function agrees(position: LogPosition, { epoch, seq, id }: LogPosition): boolean {
  return epoch === position.epoch && (seq !== position.seq || id === position.id || position.id === "");
}
