import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fold } from "../../../wire/names.ts";
import {
  after,
  entryOf,
  type Fields,
  firstFields,
  isKept,
  type RecordStep,
  stepOf,
  toRecord,
} from "../../records/record_fields.ts";
import type {
  EntryResult,
  RecordArchive,
  RecordChange,
  RecordNews,
  RecordState,
  RoomRecord,
  RoomRecords,
} from "../../room_records.ts";
import { guarded, transaction } from "../file/database.ts";

/** How many rooms' records are kept in memory: nobody else writes to the file, so that they are always true. */
const maxRecords = 20_000;

/** How many rooms are listed in one turn of the event loop. */
const pageSize = 100;

/** What records ask of those who are in rooms. */
export interface RecordUsers {
  /** Who is in a room. */
  members(room: string): readonly string[];
  /** Told that a user is no longer in a room. @param user folded */
  strike(room: string, user: string): void;
  /** Tells a room's listeners; called after the commit. */
  tell(room: string, revision: number, news: RecordNews): void;
}

/** What is known of a room that has no record. */
const none: Fields = {};

/** The records of rooms in SQLite, with the promises of {@linkcode RoomRecords}. */
export class SqliteRoomRecords implements RoomRecords, RecordArchive {
  readonly #database: DatabaseSync;
  readonly #users: RecordUsers;
  readonly #now: () => number;
  /** Room, folded → its record's fields. */
  readonly #known = new Map<string, Fields>();
  readonly #read: StatementSync;
  readonly #set: StatementSync;
  readonly #remove: StatementSync;
  readonly #invited: StatementSync;
  readonly #private: StatementSync;

  constructor(database: DatabaseSync, users: RecordUsers, now: () => number) {
    this.#database = database;
    this.#users = users;
    this.#now = now;
    this.#read = database.prepare("SELECT field, value FROM room_records WHERE room = ?");
    this.#set = database.prepare("INSERT OR REPLACE INTO room_records (room, field, value) VALUES (?, ?, ?)");
    this.#remove = database.prepare("DELETE FROM room_records WHERE room = ? AND field = ?");
    this.#private = database.prepare("SELECT room FROM room_records WHERE field = 'private' ORDER BY room");
    this.#invited = database.prepare("SELECT room FROM room_records WHERE field = ? ORDER BY room");
  }

  /** A room's record as its fields. @param room folded */
  fieldsOf(room: string): Fields {
    const known = this.#known.get(room);
    if (known) return known;
    const rows = this.#read.all(room);
    const fields = rows.length === 0 ? none : Object.fromEntries(rows.map(({ field, value }) => [field, value]));
    if (this.#known.size >= maxRecords) this.#known.clear();
    this.#known.set(room, fields as Fields);
    return fields as Fields;
  }

  /** Gives a room an owner that has no record; to be called in a transaction, and {@linkcode forget} after it. */
  own(room: string, owner: string): void {
    const key = fold(room);
    if (this.fieldsOf(key).rev === undefined) this.#write(key, none, firstFields(owner));
  }

  /** Removes a record that does not outlive its room; to be called in a transaction, and {@linkcode forget} after it. */
  disown(room: string): void {
    const key = fold(room);
    const fields = this.fieldsOf(key);
    if (!isKept(fields)) this.#write(key, fields, none);
  }

  /** Forgets what is in memory of a record: the file has another. */
  forget(room: string): void {
    this.#known.delete(fold(room));
  }

  // deno-lint-ignore require-await
  async read(room: string): Promise<RoomRecord> {
    return guarded(() => toRecord(this.fieldsOf(fold(room)), this.#now()));
  }

  async change(room: string, revision: number, change: RecordChange): Promise<RoomRecord | undefined> {
    const fields = guarded(() => this.fieldsOf(fold(room)));
    if (Number(fields.rev ?? 0) !== revision) return undefined;
    this.#apply(room, stepOf(fields, this.#now(), change));
    return await this.read(room);
  }

  // deno-lint-ignore require-await
  async admit(room: string, user: string, overrides: boolean): Promise<EntryResult> {
    const fields = guarded(() => this.fieldsOf(fold(room)));
    const { result, step } = entryOf(fields, this.#now(), user, overrides);
    if (step) this.#apply(room, step);
    return result;
  }

  // deno-lint-ignore require-await
  async privateRooms(): Promise<string[]> {
    return guarded(() => this.#private.all().map(({ room }) => room as string));
  }

  // deno-lint-ignore require-await
  async invitations(user: string): Promise<{ room: string; by: string }[]> {
    return guarded(() =>
      this.#invited.all(`inv:${fold(user)}`).flatMap(({ room }) => {
        const record = toRecord(this.fieldsOf(room as string), this.#now());
        const invitation = record.invited.get(fold(user));
        return invitation ? [{ room: room as string, by: invitation.by }] : [];
      })
    );
  }

  async *all(): AsyncIterable<RecordState> {
    const sql = "SELECT DISTINCT room FROM room_records WHERE room > ? ORDER BY room LIMIT ?";
    for (let past = "";;) {
      const rooms = guarded(() => this.#database.prepare(sql).all(past, pageSize) as { room: string }[]);
      for (const { room } of rooms) yield { room, fields: guarded(() => this.fieldsOf(room)) };
      if (rooms.length < pageSize) return;
      past = rooms.at(-1)!.room;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  // deno-lint-ignore require-await
  async put({ room, fields }: RecordState): Promise<boolean> {
    const key = fold(room);
    if (guarded(() => this.fieldsOf(key)).rev !== undefined) return false;
    transaction(this.#database, () => this.#write(key, none, fields));
    this.forget(key);
    return true;
  }

  /** Memory changes after the commit, so that what failed has changed nothing; then the room is told. */
  #apply(room: string, step: RecordStep): void {
    const key = fold(room);
    const fields = this.fieldsOf(key);
    const next = after(fields, step, step.listsPresent ? this.#users.members(key) : []);
    transaction(this.#database, () => this.#write(key, fields, next));
    this.#known.set(key, next);
    const { struck, news } = step;
    const isAbsent = struck !== undefined && !this.#users.members(key).some((user) => fold(user) === struck);
    if (struck !== undefined) this.#users.strike(key, struck);
    this.#users.tell(key, Number(next.rev), isAbsent ? { ...news, absent: true } : news);
  }

  #write(room: string, before: Fields, next: Fields): void {
    for (const field of Object.keys(before)) if (!(field in next)) this.#remove.run(room, field);
    for (const [field, value] of Object.entries(next)) {
      if (before[field] !== value) this.#set.run(room, field, value);
    }
  }
}
