import type { Topic } from "../wire/names.ts";
import type { StoredKey } from "./device_keys.ts";
import type { AccessToken } from "./accounts/access_tokens.ts";
import type { HeldMessage } from "./accounts/requests.ts";
import type { Account, Role } from "./accounts.ts";
import type { TwoFactorRecord } from "./accounts/two_factor.ts";
import type { RecordArchive } from "./room_records.ts";
import type { Order, OrderReport } from "./servers.ts";
import type { DeviceState, Session } from "./sessions.ts";
import type { Entry } from "./topics.ts";

/** A server among those that share the store. */
export interface ServerState {
  readonly id: string;
  /** How long its lease still runs, in milliseconds: negative where it ran out, null where it cannot run out. */
  readonly leaseMs: number | null;
  /** When it took its id, in milliseconds since 1970, by the store's clock; null where that is not known. */
  readonly since: number | null;
  readonly sessions: number;
}

/** Which schema the data have, and what was done to bring them to it. */
export interface SchemaReport {
  /** What they have now: this release's. */
  readonly version: number;
  /** What they had when they were opened; 0 where there were none. */
  readonly before: number;
  /** How many sessions that servers of an earlier release left behind were ended. */
  readonly ended: number;
  /** How many users may still resume by a token of an earlier release. */
  readonly tokens: number;
}

/** Where a topic stands. */
export interface TopicState {
  readonly topic: Topic;
  readonly epoch: string;
  /** The number and the id of its newest message; 0 and empty before the first. */
  readonly seq: number;
  readonly id: string;
  /** An inbox's read mark. */
  readonly read: number;
  /** See {@linkcode Page.renewed}. */
  readonly renewed?: { readonly previous: string; readonly since: number };
}

/** A topic, and how much of it there is. */
export interface TopicSize extends TopicState {
  /** How many messages it has, of those that history keeps. */
  readonly messages: number;
  /** When the newest of them was stored, in milliseconds since 1970; null where there is none. */
  readonly last: number | null;
}

/** An account with all that belongs to it. */
export interface AccountRecord extends Account {
  /** How often its session was claimed: a claim only grows. */
  readonly claims: number;
  /** Of a deleted account, what its user is called now; it has nothing else. */
  readonly deleted?: string;
  /** Whom it follows, by their names. */
  readonly follows: readonly string[];
  /** Whom it blocks, by their names, if anybody. */
  readonly blocks?: readonly string[];
  /** Its resume tokens' hashes: those of the session without a device. */
  readonly tokens?: TokensRecord;
  /** Where that session stood: topic → position. */
  readonly stood: Readonly<Record<string, string>>;
  /** Its devices that may resume, if there are any. */
  readonly devices?: readonly DeviceRecord[];
  /** The rooms of its sessions that are in many, if it had one ever. */
  readonly rooms?: readonly string[];
  /** Where it joined those of them of which that is known: room → position. */
  readonly joined?: Readonly<Record<string, string>>;
  /** How far it has read which topics, if it has marks: topic → position. */
  readonly marks?: Readonly<Record<string, string>>;
  /** The public keys of its devices, if it has any. */
  readonly keys?: readonly StoredKey[];
  /** Who may write to it at once, or an empty name where only those may: written to, or accepted. */
  readonly contacts?: readonly string[];
  /** Messages of strangers that wait. */
  readonly requests?: readonly HeldMessage[];
  /** What programs show in its password's place, if it has any. */
  readonly accessTokens?: readonly AccessToken[];
  /** Its second factor, if it has one that is on. */
  readonly twoFactor?: TwoFactorRecord;
}

/** What lasts of a device. */
export interface DeviceRecord {
  readonly device: string;
  readonly tokens: TokensRecord;
  readonly stood: Readonly<Record<string, string>>;
}

/** The hashes of a device's resume tokens. */
export interface TokensRecord {
  readonly current: string;
  readonly previous: string;
  readonly revoked: string;
  readonly room: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/**
 * What only an operator asks a store for: lists of everything, changes that no client may make, orders to running
 * servers, and everything that lasts as records, to be moved to another store.
 *
 * Promises:
 * 1. it can be used beside running servers and without joining them, and takes no lease;
 * 2. lists come piece by piece, so that however much there is, memory is bounded and a server goes on meanwhile;
 * 3. what is there from the beginning of a list to its end is in the list, once;
 * 4. what is put in is put in whole: an account with all that belongs to it, a topic with its log.
 */
export interface AdminStore {
  /** What came of opening the data. */
  readonly schema: SchemaReport;
  /** The records of all rooms. */
  readonly records: RecordArchive;
  accounts(): AsyncIterable<AccountRecord>;
  /** The password hashes of all accounts, in pages; one may come twice. */
  hashes(): AsyncIterable<readonly string[]>;
  /** @returns false where there is no such account */
  setRole(name: string, role: Role): Promise<boolean>;
  /** Disables an account and revokes its resume tokens, or enables it. @returns false where there is no such account */
  setDisabled(name: string, disabled: boolean): Promise<boolean>;
  /** Makes a user's resume tokens worthless. */
  revokeTokens(user: string): Promise<void>;
  /** The sessions of a user, even if their servers are dead. */
  sessionsOf(user: string): Promise<Session[]>;
  /** The sessions on all live servers. */
  sessions(): AsyncIterable<DeviceState>;
  servers(): Promise<ServerState[]>;
  /** @param room only this room's; else all topics that were ever used */
  topics(room?: string): AsyncIterable<TopicSize>;
  /** The log of a topic as it is now, up to a number, without what is over the limits of history; pages, ascending. */
  log(topic: Topic, upTo: number): AsyncIterable<readonly Entry[]>;
  /**
   * Forgets a room's messages but the last few. Its numbers go on: readers who have not read them are told of a gap.
   *
   * @returns how many were forgotten
   */
  purge(room: string, keep: number): Promise<number>;
  /**
   * Tells every live server, and gathers what came of it; one that does not report in time has failed.
   *
   * @param only the one server that is told
   */
  order(order: Order, timeoutMs: number, only?: string): Promise<OrderReport[]>;
  /** Whether there is neither an account nor a message. */
  isEmpty(): Promise<boolean>;
  /** Puts an account in with all that belongs to it. @returns false where the name is taken: then it is left as it is */
  putAccount(record: AccountRecord): Promise<boolean>;
  /**
   * Puts a topic in with its log, which keeps epoch, numbers, ids and times, so that positions stay good, and `cid`s that
   * are still known.
   *
   * @param log ascending; where it has a hole, what was before is left out
   * @returns how many messages were put in, or undefined where the topic has messages: then it is left as it is
   */
  putTopic(state: TopicState, log: AsyncIterable<readonly Entry[]>): Promise<number | undefined>;
}
