/**
 * What a change of a room's record does to those who are there: who may not stay is taken out, the others are told.
 */

import { allowLate, pause, within } from "../../common/time.ts";
import type { RecordChange, RecordNews, RoomRecord } from "../../store/room_records.ts";
import type { Store } from "../../store/store.ts";
import type { ServerEvent } from "../../wire/event.ts";
import type { RoomChange } from "../../wire/room_event.ts";
import { fold, roomTopic } from "../../wire/names.ts";
import type { Follower, Hub } from "../delivery/hub.ts";
import type { RemovalNotice } from "../sessions/session_rooms.ts";
import type { UserSession } from "../sessions/user_session.ts";
import type { RoomChanges } from "./changes.ts";
import { keepsOut, type RecordCache, type RecordListener } from "./record_cache.ts";

/** The sessions of this server, as far as removals need them. */
export interface RoomSessions {
  /** All whose connections are there, side connections included. */
  attached(): UserSession[];
  moved(session: UserSession, left: readonly string[], joined: readonly string[]): Promise<void>;
}

/** Settings and ports of removals. */
export interface RemovalOptions {
  readonly records: RecordCache;
  readonly store: Pick<Store, "sessions" | "marks">;
  readonly sessions: RoomSessions;
  readonly hub: Pick<Hub, "deliver">;
  /** Told what could not be done because the store was away; it is tried again. */
  readonly onFault: (what: string, error: unknown) => void;
}

/** How long to wait before what failed is tried again, in milliseconds. */
const retryMs = 500;

/** How long a removal's answer waits for the user's sessions on this server, in milliseconds. */
const patienceMs = 2_000;

/**
 * Takes users out of rooms that they may not be in any more.
 *
 * The store has held since the change: nothing of the user is stored there, and no message that was stored after it is
 * passed on before {@linkcode RecordListener.enforce} has run. What is done here is the rest, which any server may do,
 * in any order and more than once:
 *
 * 1. the user's readers on this server are stopped at once, of sessions and of side connections;
 * 2. the account's rooms have one fewer, and each session is told, those that are in one room from the lobby;
 * 3. what fails is tried again until it is done or the connection is gone. Whoever comes back later is looked at then.
 */
export class Removals implements RoomChanges, RecordListener, AsyncDisposable {
  readonly #options: RemovalOptions;
  /** The rooms that sessions are being taken out of. */
  readonly #running = new Map<UserSession, Map<string, Promise<void>>>();
  readonly #stopped = new AbortController();

  constructor(options: RemovalOptions) {
    this.#options = options;
  }

  async changed(room: string, _record: RoomRecord, change: RecordChange): Promise<void> {
    const { records, store, onFault } = this.#options;
    const removed = change.kind === "kick" || change.kind === "ban" ? fold(change.user) : undefined;
    try {
      // For devices that are away: each of those that are here does it again, to the same effect.
      if (removed !== undefined) await forgetRoom(store, removed, room);
      await records.current(room, [change]);
    } catch (error) {
      onFault("removal", error); // the change itself is made: the room's channel tells of it, and logins look
    }
    const own = [...this.#running].flatMap(([{ user }, rooms]) => fold(user) === removed ? rooms.get(room) ?? [] : []);
    if (own.length > 0) await within(patienceMs, Promise.all(own)).catch(allowLate);
  }

  enforce(room: string, record: RoomRecord, changes: readonly RecordNews[]): void {
    if (record.removed.size === 0 && !record.private) return;
    for (const session of this.#options.sessions.attached()) {
      if (session.isIn(room) && keepsOut(record, session.user)) {
        this.#take(session, room, removalOf(record, session.user, changes));
      }
    }
  }

  bar(room: string, record: RoomRecord, connection: string): void {
    const session = this.#options.sessions.attached().find(({ connectionId }) => connectionId === connection);
    if (session) this.#take(session, room, removalOf(record, session.user, []));
  }

  tell(room: string, _record: RoomRecord, change: RecordNews): void {
    const { hub } = this.#options;
    if (change.kind === "kick" || change.kind === "ban") {
      if (change.absent) return; // nobody has left
      const { user, by, reason } = change;
      const why = { by, ...(reason === "" ? {} : { reason }) };
      const left: ServerEvent = { type: "presence", room, user, state: "left", ...why };
      // A person who did it has the answer.
      const skips = (follower: Follower) =>
        fold(follower.user) === fold(user) || (follower.encoding === "text" && fold(follower.user) === fold(by));
      return hub.deliver(roomTopic(room), left, undefined, skips);
    }
    const told = toldOf(change);
    if (!told) return;
    // Who is meant is told wherever they are; and a person who did it has the answer.
    const meant = isPersonal(told) ? fold(told.user) : undefined;
    const by = fold(change.by);
    const skips = ({ user, encoding }: Follower) => fold(user) === meant || (encoding === "text" && fold(user) === by);
    hub.deliver(roomTopic(room), { type: "room_changed", room, by: change.by, ...told }, undefined, skips);
  }

  /** Waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await Promise.all([...this.#running.values()].flatMap((rooms) => [...rooms.values()]));
  }

  #take(session: UserSession, room: string, why: RemovalNotice): void {
    session.topics.stop(roomTopic(room));
    const rooms = this.#running.get(session) ?? new Map<string, Promise<void>>();
    if (rooms.has(room)) return;
    this.#running.set(session, rooms);
    const done = this.#remove(session, room, why).finally(() => {
      rooms.delete(room);
      if (rooms.size === 0) this.#running.delete(session);
    });
    rooms.set(room, done);
  }

  async #remove(session: UserSession, room: string, why: RemovalNotice): Promise<void> {
    const { records, sessions, onFault } = this.#options;
    while (!session.closed && !this.#stopped.signal.aborted) {
      try {
        const isStill = async () => keepsOut(await records.current(room), session.user);
        const joined = await session.takeOut(room, why, isStill);
        if (joined.length > 0) await sessions.moved(session, [], joined);
        return;
      } catch (error) {
        onFault("removal", error);
        await pause(retryMs, this.#stopped.signal);
      }
    }
  }
}

/** Takes a room from an account that was removed from it, with the account's read mark there. */
export async function forgetRoom(
  { sessions, marks }: Pick<Store, "sessions" | "marks">,
  user: string,
  room: string,
): Promise<void> {
  await Promise.all([sessions.forgetRoom(user, room), marks.forget(user, roomTopic(room))]);
}

/** How a user came to be kept out. @param changes what was heard of it */
function removalOf(record: RoomRecord, user: string, changes: readonly RecordNews[]): RemovalNotice {
  const name = fold(user);
  const banned = record.banned.some((other) => fold(other) === name);
  const removed = record.removed.get(name);
  if (removed) return { by: removed.by, reason: removed.reason, banned };
  const closed = changes.findLast(({ kind }) => kind === "private");
  return { by: closed?.by ?? record.owner ?? "", reason: "the room is private now", banned };
}

/** What members of a room are told of a change; undefined where they are told nothing. */
function toldOf(change: RecordNews): RoomChange | undefined {
  switch (change.kind) {
    case "topic":
      return { change: "topic", value: change.text };
    case "private":
      return { change: "private", value: change.on };
    case "slow":
      return { change: "slow", value: change.seconds };
    case "owner":
    case "op":
    case "deop":
    case "unmute":
      return { change: change.kind, user: change.user };
    case "mute":
      return { change: "mute", user: change.user, value: change.seconds ?? null };
    default:
      return undefined;
  }
}

/** Whether a change is told to the one whom it is about by itself, as who need not be in the room. */
function isPersonal(told: RoomChange): told is RoomChange & { user: string } {
  return told.change === "mute" || told.change === "unmute" || told.change === "op" || told.change === "deop";
}
