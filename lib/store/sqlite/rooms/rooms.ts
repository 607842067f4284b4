import type { DatabaseSync } from "node:sqlite";
import { roomTopic, type Topic, topicName } from "../../../wire/names.ts";
import { randomWord } from "../../log_position.ts";
import type { RoomBound, Rooms } from "../../rooms.ts";
import type { StoreLimits } from "../../store.ts";
import { guarded, transaction } from "../file/database.ts";

/** How many rooms, or messages of one, are looked at in one turn of the event loop. */
const pageSize = 100;

/** What rooms ask of those who are in them. */
export interface RoomUsers {
  /** Whether anybody is in the room, or listens to it. */
  isUsed(room: string): boolean;
  /** Told that a topic is gone: what is known of its row is true no more. */
  forget(topic: Topic): void;
  /** Gives a new room its owner, unless it has a record; within the transaction that makes the room. */
  own(room: string, owner: string): void;
  /** Forgets a room's record, unless it outlives the room; within the transaction that forgets the room. */
  disown(room: string): void;
  /** Told that a room's record may have changed; after the transaction. */
  changed(room: string): void;
}

/** Rooms in SQLite: the rows of their topics. The promises are those of {@linkcode Rooms}. */
export class SqliteRooms implements Rooms {
  readonly #database: DatabaseSync;
  readonly #limits: StoreLimits;
  readonly #users: RoomUsers;
  readonly #now: () => number;
  /** Room → when it was last opened or looked at; of one that is not here, it was when the file was opened. */
  readonly #seen = new Map<string, number>();
  readonly #since: number;

  constructor(database: DatabaseSync, limits: StoreLimits, users: RoomUsers, now: () => number) {
    this.#database = database;
    this.#limits = limits;
    this.#users = users;
    this.#now = now;
    this.#since = now();
  }

  // deno-lint-ignore require-await
  async find(room: string): Promise<boolean> {
    return guarded(() => {
      const exists = this.#exists(room);
      if (exists) this.#seen.set(room, this.#now());
      return exists;
    });
  }

  // deno-lint-ignore require-await
  async make(room: string, { most, standing }: RoomBound, owner?: string): Promise<boolean> {
    const made = transaction(this.#database, () => {
      if (!this.#exists(room)) {
        const { count } = this.#database.prepare(
          "SELECT count(*) AS count FROM topics WHERE topic > 'room:' AND topic < 'room;'",
        ).get() as { count: number };
        if (count - standing.filter((name) => this.#exists(name)).length >= most) return false;
        this.#database.prepare("INSERT INTO topics (topic, epoch) VALUES (?, ?)").run(roomTopic(room), randomWord(8));
        if (owner !== undefined && !standing.includes(room)) this.#users.own(room, owner);
      }
      return true;
    });
    if (owner !== undefined) this.#users.changed(room);
    if (made) this.#seen.set(room, this.#now());
    return made;
  }

  async sweep(standing: readonly string[]): Promise<string[]> {
    const kept = new Set(standing);
    const forgotten: string[] = [];
    for (let after = "room:";;) {
      const page = guarded(() =>
        this.#database.prepare("SELECT topic FROM topics WHERE topic > ? AND topic < 'room;' ORDER BY topic LIMIT ?")
          .all(after, pageSize) as { topic: Topic }[]
      );
      for (const { topic } of page) {
        const name = topicName(topic);
        if (!kept.has(name) && await this.#forget(name, topic)) forgotten.push(name);
      }
      if (page.length < pageSize) return forgotten;
      after = page.at(-1)!.topic;
      await turn();
    }
  }

  /** Forgets a room that nobody needs, its messages a few at a time. @returns whether it is gone */
  async #forget(room: string, topic: Topic): Promise<boolean> {
    for (;;) {
      const done = transaction(this.#database, () => {
        if (!this.#isIdle(room, topic)) return "kept";
        const { changes } = this.#database.prepare(
          "DELETE FROM log WHERE topic = ? AND seq < (SELECT min(seq) FROM log WHERE topic = ?) + ?",
        ).run(topic, topic, pageSize);
        if (changes === pageSize) return "more";
        this.#database.prepare("DELETE FROM topics WHERE topic = ?").run(topic);
        this.#database.prepare("DELETE FROM deletions WHERE topic = ?").run(topic);
        this.#users.disown(room);
        return "gone";
      });
      if (done !== "more") {
        if (done === "gone") {
          this.#users.forget(topic);
          this.#users.changed(room);
          this.#seen.delete(room);
        }
        return done === "gone";
      }
      await turn();
    }
  }

  /** Whether nobody needs the room; one that somebody does is looked at again after a while. */
  #isIdle(room: string, topic: Topic): boolean {
    const now = this.#now();
    if ((this.#seen.get(room) ?? this.#since) + this.#limits.roomIdleMs > now) return false;
    const { last } = this.#database.prepare(
      "SELECT (SELECT time FROM log WHERE topic = ? ORDER BY seq DESC LIMIT 1) AS last",
    ).get(topic) as { last: number | null };
    const idle = !this.#users.isUsed(room) && (last === null || last + this.#limits.historyMaxAge <= now);
    if (!idle) this.#seen.set(room, now);
    return idle;
  }

  #exists(room: string): boolean {
    return this.#database.prepare("SELECT 1 FROM topics WHERE topic = ?").get(roomTopic(room)) !== undefined;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
