import type { RecordNews } from "../../store/room_records.ts";
import type { Topic } from "../../wire/names.ts";
import type { Follower } from "./hub.ts";

/** Who may read which room, as far as delivery needs it. */
export interface RoomGate {
  /**
   * Knows a room's record from now on, until {@linkcode close}; its changes must be heard already.
   *
   * @throws {ChatError} `store_unavailable`: then there is nothing to close
   */
  open(room: string): Promise<void>;
  /** Undoes one {@linkcode open}. */
  close(room: string): void;
  /** Whether what is known of a room's record is of this revision, or of a newer one. */
  knows(room: string, revision: number): boolean;
  /**
   * Reads a room's record again, and ends the reading of whom it keeps out. What was stored before this call was stored
   * under the record that is read.
   *
   * @param changes what was heard of it, for those who are in the room
   * @throws {ChatError} `store_unavailable`
   */
  check(room: string, changes?: readonly RecordNews[]): Promise<void>;
  /** Whether a follower may read a topic, by what is known; who may not is taken out of the room. */
  admits(topic: Topic, follower: Follower): boolean;
  /**
   * Whether a user may not be in a room; nobody is kept out by a record that may have changed since.
   *
   * @throws {ChatError} `store_unavailable`
   */
  isKeptOut(room: string, user: string): Promise<boolean>;
}
