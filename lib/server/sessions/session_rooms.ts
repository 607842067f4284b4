import { ChatError } from "../../common/errors.ts";
import { encodePosition, type LogPosition } from "../../store/log_position.ts";
import type { Store } from "../../store/store.ts";
import type { Session } from "../../store/sessions.ts";
import type { Positions } from "../../wire/event.ts";
import type { RemovedEvent } from "../../wire/room_event.ts";
import { lobby, roomTopic, type Topic } from "../../wire/names.ts";
import type { AccountRooms, RoomHost } from "./account_rooms.ts";

/** The session whose rooms these are. */
export interface MovingHost extends RoomHost {
  readonly many: boolean;
  isIn(room: string): boolean;
  /** Takes other rooms to listen to, on a side connection. */
  listen(rooms: readonly string[]): void;
  positionOf(topic: Topic): Positions;
}

/** How a user was removed from a room. */
export interface RemovalNotice {
  readonly by: string;
  /** Empty where none was given. */
  readonly reason: string;
  readonly banned: boolean;
}

/** A room that a session has joined. */
export interface Joined {
  readonly positions: Positions;
  /** Called once the reply is queued. */
  start(): void;
  /** The rooms that it has left for it, and those that are new to it: none where it was in the room. */
  readonly left: readonly string[];
  readonly joined: readonly string[];
}

/**
 * How a session comes into rooms, and out of them.
 *
 * One step at a time, whoever makes it: the client, another device of the account, or who removes the user from a room.
 */
export class SessionRooms {
  readonly #host: MovingHost;
  readonly #store: Store;
  readonly #account: AccountRooms;

  constructor(host: MovingHost, store: Store, account: AccountRooms) {
    this.#host = host;
    this.#store = store;
    this.#account = account;
  }

  /**
   * Looks before a room is made for it whether the session may be in one more.
   *
   * @param most how many rooms there may be
   * @throws {ChatError} `room_limit`
   */
  admit(most: number): void {
    if (this.#host.many && this.#host.rooms.length >= most) throw tooManyRooms(most);
  }

  /**
   * Joins a room, or listens to one on a side connection; where it may be in one room only, it leaves the one before.
   *
   * @param most how many rooms there may be
   * @returns undefined where the store does not know the session as this one's
   * @throws {ChatError} `room_limit`, `store_unavailable`: the store may hold the session in the room all the same
   */
  async join(room: string, most: number): Promise<Joined | undefined> {
    return await this.#account.inTurn(async () => {
      // Another device may have joined it, and this one is to read on from there.
      if (this.#host.many && this.#host.record && !this.#host.isIn(room)) await this.#account.refreshNow();
      return await this.#join(room, most);
    });
  }

  async #join(room: string, most: number): Promise<Joined | undefined> {
    const host = this.#host;
    const topic = roomTopic(room);
    if (host.isIn(room)) return { positions: host.positionOf(topic), start: () => {}, left: [], joined: [] };
    const position = await host.topics.open(topic);
    const left = host.many ? [] : host.rooms;
    let entered;
    try {
      entered = await this.#enter(room, most, position);
    } catch (error) {
      host.topics.stop(topic);
      throw error;
    }
    if (!entered) {
      host.topics.stop(topic);
      return undefined;
    }
    for (const old of left) host.topics.stop(roomTopic(old));
    await Promise.all([
      host.remember({ [topic]: position }),
      this.#account.joined(room, position),
    ]);
    return {
      positions: host.encode({ [topic]: position }),
      start: () => host.topics.start(topic, position),
      left,
      joined: [room],
    };
  }

  /** @returns whether the store knows the session as this one's */
  async #enter(room: string, most: number, position: LogPosition): Promise<boolean> {
    const host = this.#host;
    if (!host.record) {
      this.admit(most);
      host.listen(host.many ? [...host.rooms, room] : [room]);
      return true;
    }
    const { sessions } = this.#store;
    const record = host.many
      ? await sessions.enter(host.record, room, most, encodePosition(position))
      : await sessions.move(host.record, room);
    if (record === "full") throw tooManyRooms(most);
    if (record) host.hold(record);
    return record !== undefined;
  }

  /**
   * Leaves a room, where there may be many, or listens to it no longer on a side connection.
   *
   * @returns the rooms that it has left, none where it was not in the room; undefined where the store does not know the
   *   session as this one's
   * @throws {ChatError} `store_unavailable`: the store may hold the session without the room all the same
   */
  async leave(room: string): Promise<readonly string[] | undefined> {
    return await this.#account.inTurn(async () => {
      // Another device may have joined it, and this one has not heard of it yet.
      if (this.#host.many && this.#host.record && !this.#host.isIn(room)) await this.#account.refreshNow();
      return await this.#leave(room);
    });
  }

  async #leave(room: string): Promise<readonly string[] | undefined> {
    const host = this.#host;
    if (!host.isIn(room)) return [];
    if (host.record) {
      const record = await this.#store.sessions.leave(host.record, room);
      if (!record) return undefined;
      host.hold(record);
    } else {
      host.listen(host.rooms.filter((other) => other !== room));
    }
    host.topics.stop(roomTopic(room));
    await this.#account.left(room);
    return [room];
  }

  /**
   * Takes the session out of a room that its user was removed from, and tells the client. A session that is in one room
   * goes to the lobby.
   *
   * @param isStill reads whether the user may still not be there; another device may have come back
   * @returns the rooms that it has joined for it
   * @throws {ChatError} `store_unavailable`: it is still in the room
   */
  async takeOut(room: string, why: RemovalNotice, isStill: () => Promise<boolean>): Promise<readonly string[]> {
    return await this.#account.inTurn(async () => {
      const host = this.#host;
      if (!host.isIn(room)) return [];
      const removed = { type: "removed", room, ...why } as const;
      if (host.record && !host.many) return await this.#toLobby(removed);
      if (host.record) await this.#leaveByForce(host.record, room, isStill);
      else host.listen(host.rooms.filter((other) => other !== room));
      host.topics.stop(roomTopic(room));
      host.tell(removed);
      return [];
    });
  }

  /** Another device that has come back to the room goes on, and brings this one with it. */
  async #leaveByForce(session: Session, room: string, isStill: () => Promise<boolean>): Promise<void> {
    const { sessions } = this.#store;
    const left = await isStill() ? await sessions.leave(session, room) : undefined;
    this.#host.hold(left ?? await sessions.withoutRoom(session, room));
    if (left) await this.#account.forgetMark(roomTopic(room));
    else this.#account.refresh().catch(() => {}); // behind this step; where it fails, the next sign of a change is one
  }

  async #toLobby(removed: RemovedEvent): Promise<readonly string[]> {
    const host = this.#host;
    const topic = roomTopic(lobby);
    const position = await host.topics.open(topic);
    const record = await this.#store.sessions.move(host.record!, lobby).catch((error) => {
      host.topics.stop(topic);
      throw error;
    });
    if (!record) {
      host.topics.stop(topic);
      throw new ChatError("store_unavailable", "The store does not know the session at the moment");
    }
    host.topics.stop(roomTopic(removed.room));
    host.hold(record);
    await host.remember({ [topic]: position });
    host.tell({ ...removed, now: lobby, positions: host.encode({ [topic]: position }) });
    host.topics.start(topic, position);
    return [lobby];
  }
}

function tooManyRooms(most: number): ChatError {
  return new ChatError("room_limit", `You are in ${most} rooms, which is the most that one may be in`);
}
