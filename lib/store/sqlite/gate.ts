import type { DatabaseSync, StatementSync } from "node:sqlite";
import { fold, inboxTopic, type Topic, topicName } from "../../wire/names.ts";
import type { Session } from "../sessions.ts";
import { SqliteContacts } from "./accounts/requests.ts";
import type { StoreLimits } from "../store.ts";
import type { PublishResult } from "../topics.ts";
import { refusalOf } from "../records/gate.ts";
import type { Fields } from "../records/record_fields.ts";
import type { EntrySignal } from "./talks.ts";
import type { TopicRow } from "./topic_rows.ts";
import type { UnreadCounts } from "./unread.ts";

/** What publishing and presence ask of the sessions. */
export interface Fence {
  mayWrite(session: Session, room: string | undefined): boolean;
  isIn(room: string, user: string): boolean;
}

/** What the gate asks of the rooms' records. */
export interface RecordFields {
  /** A room's record as its fields. @param room folded */
  fieldsOf(room: string): Fields;
}

/** What a room's record says of a message. */
export interface RoomVerdict {
  /** Why it is not taken. */
  readonly refusal: PublishResult | undefined;
  /** 0 where there is no record. */
  readonly revision: number;
}

/** Whether a room does not have the author any more, whatever its session says. */
export function isExpelled({ refusal }: RoomVerdict): boolean {
  return refusal?.kind === "banned" || refusal?.kind === "not_member";
}

/** What a room's listeners are told of a message, with the revision at which it was allowed. */
export function atRevision(signal: EntrySignal, { revision }: RoomVerdict): EntrySignal {
  return revision > 0 ? { ...signal, revision } : signal;
}

const free: RoomVerdict = { refusal: undefined, revision: 0 };

/** In how many users' last words those are forgotten that hold nobody up any more. */
const maxSpoken = 1_000;

/** Says which messages a topic does not take; asked in the transaction that would store them. */
export class SqliteGate {
  readonly #limits: StoreLimits;
  readonly #unread: UnreadCounts;
  readonly #blocks: StatementSync;
  readonly #records: RecordFields;
  /** Room in slow mode → user, folded → when the user last spoke; it begins anew with the server. */
  readonly #spoken = new Map<string, Map<string, number>>();
  readonly #contacts: SqliteContacts;

  constructor(database: DatabaseSync, limits: StoreLimits, unread: UnreadCounts, records: RecordFields) {
    this.#records = records;
    this.#limits = limits;
    this.#unread = unread;
    this.#contacts = new SqliteContacts(database);
    this.#blocks = database.prepare("SELECT 1 FROM blocks WHERE user = ? AND target = ?");
  }

  /**
   * What a room's record says of a message of a user's.
   *
   * @param room folded; undefined for a topic of another kind
   * @param overrides whether it does not hold the user up
   */
  ofRoom(room: string | undefined, from: string, overrides: boolean, now: number): RoomVerdict {
    if (room === undefined) return free;
    const fields = this.#records.fieldsOf(room);
    if (fields.rev === undefined) return free;
    const revision = Number(fields.rev);
    if (overrides) return { refusal: undefined, revision };
    return { refusal: refusalOf(fields, from, now, this.#spoken.get(room)?.get(fold(from))), revision };
  }

  /** Notes that a user has spoken in a room, where that holds the user up for a while. */
  spoke(room: string | undefined, from: string, time: number): void {
    if (room === undefined) return;
    const waits = Number(this.#records.fieldsOf(room).slow ?? 0) * 1000;
    if (waits === 0) return void this.#spoken.delete(room);
    const users = this.#spoken.get(room) ?? new Map<string, number>();
    users.set(fold(from), time);
    this.#spoken.set(room, users);
    if (users.size % maxSpoken !== 0) return;
    for (const [user, at] of users) if (at + waits <= time) users.delete(user);
  }

  /** Why an inbox takes nothing of a sender; undefined where it does. */
  ofInbox(inbox: Topic, { read, seq }: TopicRow, from: string): PublishResult | undefined {
    const [user, sender] = [topicName(inbox), fold(from)];
    this.#contacts.wrote(sender, user);
    if (this.#blocks.get(user, sender)) return { kind: "blocked" };
    if (this.#contacts.isStranger(user, sender)) return { kind: "stranger" };
    const { maxInbox, maxInboxPerSender } = this.#limits;
    const theirs = this.#unread.of(from, inbox, read, seq);
    if (theirs >= maxInboxPerSender && inbox !== inboxTopic(from)) return { kind: "full", theirs };
    return seq - read >= maxInbox ? { kind: "full", theirs: undefined } : undefined;
  }
}
