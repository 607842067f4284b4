import type { ChatError } from "../../common/errors.ts";
import { isListed, type RoomRecord } from "../../store/room_records.ts";
import type { Store } from "../../store/store.ts";
import { fold, lobby } from "../../wire/names.ts";
import { keepsOut, type RecordCache } from "./record_cache.ts";
import { forgetRoom } from "./removals.ts";
import { bannedFrom, inviteOnly } from "./rights.ts";

/** Decides who may enter a room, and who may read it from outside. The server's moderators may all. */
export class RoomAccess {
  readonly #store: Pick<Store, "records" | "sessions" | "marks" | "accounts">;
  readonly #records: RecordCache;

  constructor(store: Pick<Store, "records" | "sessions" | "marks" | "accounts">, records: RecordCache) {
    this.#store = store;
    this.#records = records;
  }

  /**
   * Lets a user into a room, before a session enters it or a side connection listens to it. An invitation is used up.
   *
   * @throws {ChatError} `banned`, `invite_only`, `store_unavailable`
   */
  async enter(room: string, user: string): Promise<void> {
    if (room === lobby) return;
    const { records } = this.#store;
    const known = await this.#records.of(room);
    // Nothing of a removal is left to be done once it is forgotten that the user was removed.
    if (known.removed.has(fold(user))) await forgetRoom(this.#store, user, room);
    let admission = await records.admit(room, user, false);
    if (admission !== "admitted" && await this.#overrides(user)) admission = await records.admit(room, user, true);
    if (admission === "banned") throw bannedFrom(room);
    if (admission === "invite_only") throw inviteOnly(room);
    if (keepsOut(known, user)) await this.#records.current(room);
  }

  /**
   * Looks whether a user may know what a room is like, and who is in it.
   *
   * @throws {ChatError} `invite_only`, `store_unavailable`
   */
  async see(room: string, user: string): Promise<void> {
    const record = await this.#records.current(room);
    if (!isListed(record, fold(user)) && !await this.#overrides(user)) throw inviteOnly(room);
  }

  /**
   * Looks whether a user may read what is said in a room, from outside.
   *
   * @throws {ChatError} `banned`, `invite_only`, `store_unavailable`
   */
  async read(room: string, user: string): Promise<void> {
    const refusal = refusalOf(room, user, await this.#records.current(room));
    if (refusal && !await this.#overrides(user)) throw refusal;
  }

  /**
   * Whether a user who is in a room may still be there, after something was read.
   *
   * @throws {ChatError} `store_unavailable`
   */
  async isKeptOut(room: string, user: string): Promise<boolean> {
    return keepsOut(await this.#records.current(room), user);
  }

  /** Whether a room is private, read now. @throws {ChatError} `store_unavailable` */
  async isPrivate(room: string): Promise<boolean> {
    return (await this.#records.current(room)).private;
  }

  /** Of rooms, those that a user may know of. @throws {ChatError} `store_unavailable` */
  async visible(rooms: readonly string[], user: string): Promise<string[]> {
    const hidden = new Set(await this.#store.records.privateRooms());
    const questionable = rooms.filter((room) => hidden.has(room));
    if (questionable.length === 0 || await this.#overrides(user)) return [...rooms];
    const records = await Promise.all(questionable.map((room) => this.#records.current(room)));
    const unlisted = new Set(questionable.filter((_, index) => !isListed(records[index], fold(user))));
    return rooms.filter((room) => !unlisted.has(room));
  }

  async #overrides(user: string): Promise<boolean> {
    const account = await this.#store.accounts.find(user);
    return account !== undefined && account.role !== "user";
  }
}

function refusalOf(room: string, user: string, record: RoomRecord): ChatError | undefined {
  if (record.banned.some((other) => fold(other) === fold(user))) return bannedFrom(room);
  return isListed(record, fold(user)) ? undefined : inviteOnly(room);
}
