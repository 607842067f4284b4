/**
 * Which rooms there are: how many there may be, and which are forgotten.
 *
 * A room exists from the moment on at which its topic has an epoch. Nothing but {@linkcode Rooms.make}, and whoever
 * enters a room after it, brings one to life; to read one that does not exist makes nothing.
 */

/** How many rooms there may be. */
export interface RoomBound {
  /** How many, besides the standing ones; `Infinity` for any number. */
  readonly most: number;
  /** Those of the configuration, which always exist and are never counted. */
  readonly standing: readonly string[];
}

/** Rooms that exist. */
export interface Rooms {
  /**
   * Whether the room exists. If it does, it is not forgotten for a while ({@linkcode StoreLimits.roomIdleMs}), so that
   * who has found it can enter it.
   */
  find(room: string): Promise<boolean>;
  /**
   * Makes a room, unless there are as many as there may be; one that exists stays as it is, and belongs to whom it did.
   *
   * @param owner whose a new room is; without one, of a standing room, and of one whose record has outlived it, nobody
   *   becomes the owner
   * @returns false where it was not made
   */
  make(room: string, bound: RoomBound, owner?: string): Promise<boolean>;
  /**
   * Forgets rooms, with all that is kept of them: those that nobody is in or listens to, in which nothing was said for
   * as long as a message is kept, and which nobody entered for a while. Called every minute or so, by any server.
   *
   * Its record goes with the room, and the next visitor owns it, unless somebody is banned from it or it is private: a ban
   * and a private room's list do not end by nobody being there. Such a record stays, owner and all, and is that of the room
   * when it is made again.
   *
   * @param standing rooms that stay in any case
   * @returns those that were forgotten
   */
  sweep(standing: readonly string[]): Promise<string[]>;
}
