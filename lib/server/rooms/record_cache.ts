import { isListed, type RecordNews, type RoomRecord, type RoomRecords } from "../../store/room_records.ts";
import { fold, type Topic, topicKind, topicName } from "../../wire/names.ts";
import type { Follower } from "../delivery/hub.ts";
import type { RoomGate } from "../delivery/room_gate.ts";

/** Told of records as they are read. */
export interface RecordListener {
  /** Ends the reading of whom a record keeps out, at once; called when it has changed. @param changes what is known of how it came to be so */
  enforce(room: string, record: RoomRecord, changes: readonly RecordNews[]): void;
  /** Tells those who are in a room of a change that was heard. */
  tell(room: string, record: RoomRecord, change: RecordNews): void;
  /** Takes one connection out of a room that it may not read. */
  bar(room: string, record: RoomRecord, connection: string): void;
}

/** A room that this server hears. */
interface KnownRoom {
  /** How often it was opened. */
  count: number;
  record: RoomRecord | undefined;
  /** The read that is under way, and the one that begins after it. */
  running: Promise<RoomRecord> | undefined;
  next: Promise<RoomRecord> | undefined;
  /** Changes that were heard, for the read that is to come. */
  heard: RecordNews[];
}

/**
 * The records of the rooms that this server's connections read, kept true by what the rooms' channels tell; others are
 * read when somebody asks.
 *
 * 1. Reads of one room follow each other, so that an older record never takes the place of a newer one.
 * 2. Those who ask for a fresh record share the next read: however many there are, at most one waits behind another.
 */
export class RecordCache implements RoomGate {
  readonly #records: Pick<RoomRecords, "read">;
  readonly #rooms = new Map<string, KnownRoom>();
  /** Set once, before anything is opened. */
  listener: RecordListener | undefined;

  constructor(records: Pick<RoomRecords, "read">) {
    this.#records = records;
  }

  async open(room: string): Promise<void> {
    let known = this.#rooms.get(room);
    if (!known) {
      this.#rooms.set(room, known = { count: 0, record: undefined, running: undefined, next: undefined, heard: [] });
    }
    known.count++;
    try {
      await this.#fresh(room, known);
    } catch (error) {
      this.close(room);
      throw error;
    }
  }

  close(room: string): void {
    const known = this.#rooms.get(room);
    if (known && --known.count === 0) this.#rooms.delete(room);
  }

  knows(room: string, revision: number): boolean {
    const known = this.#rooms.get(room)?.record;
    return known !== undefined && known.revision >= revision;
  }

  async check(room: string, changes: readonly RecordNews[] = []): Promise<void> {
    const record = await this.current(room, changes);
    for (const change of changes) this.listener?.tell(room, record, change);
  }

  admits(topic: Topic, { user, connection }: Follower): boolean {
    if (topicKind(topic) !== "room") return true;
    const room = topicName(topic);
    const record = this.#rooms.get(room)?.record;
    if (!record || !keepsOut(record, user)) return true;
    this.listener?.bar(room, record, connection);
    return false;
  }

  async isKeptOut(room: string, user: string): Promise<boolean> {
    return keepsOut(await this.of(room), user) && keepsOut(await this.current(room), user);
  }

  /** A room's record: as it is known, else as it is read now. @throws {ChatError} `store_unavailable` */
  async of(room: string): Promise<RoomRecord> {
    return this.#rooms.get(room)?.record ?? await this.#records.read(room);
  }

  /**
   * A room's record, read after this call began.
   *
   * @param changes what is known of how it came to be so
   * @throws {ChatError} `store_unavailable`
   */
  async current(room: string, changes: readonly RecordNews[] = []): Promise<RoomRecord> {
    const known = this.#rooms.get(room);
    if (!known) return await this.#records.read(room);
    known.heard.push(...changes);
    return await this.#fresh(room, known);
  }

  #fresh(room: string, known: KnownRoom): Promise<RoomRecord> {
    if (known.next) return known.next;
    const { running } = known;
    if (!running) return this.#read(room, known);
    return known.next = running.catch(() => {}).then(() => {
      known.next = undefined;
      return this.#read(room, known);
    });
  }

  #read(room: string, known: KnownRoom): Promise<RoomRecord> {
    const read = async () => {
      try {
        const record = await this.#records.read(room);
        const before = known.record?.revision;
        known.record = record;
        const heard = known.heard.splice(0);
        if (before !== record.revision) this.listener?.enforce(room, record, heard);
        return record;
      } finally {
        known.running = undefined;
      }
    };
    return known.running = read();
  }
}

/**
 * Whether a record keeps a user from reading a room as somebody who is in it: removed and not back, or not on a private
 * room's list.
 */
export function keepsOut(record: RoomRecord, user: string): boolean {
  if (record.revision === 0) return false;
  const name = fold(user);
  return record.removed.has(name) || !isListed(record, name);
}
