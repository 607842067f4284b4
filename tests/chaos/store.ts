/**
 * What a run's servers keep everything in, as a run needs it: whichever it is, the truth is read from it past the servers.
 */

import type { Log } from "./record.ts";
import type { Timeline } from "./timeline.ts";

/** What a store is made from. */
export interface StoreOptions {
  /** Where it may keep what it likes. */
  readonly folder: string;
  /** How many servers there will be. */
  readonly servers: number;
  readonly timeline: Timeline;
}

/** Where a log ends: the number of its last message, 0 for none. */
export interface Head {
  readonly epoch: string;
  readonly seq: number;
}

/** How far a user has read a topic. */
export interface StoredMark {
  readonly user: string;
  readonly topic: string;
  readonly seq: number;
}

/** See the file's first line. */
export interface Store extends AsyncDisposable {
  /** The options that lead a server to it. @param server the server's index */
  settings(server: number): Readonly<Record<string, string>>;
  /** Where each topic's log ends, while servers run. @throws {Error} where it cannot be read at the moment */
  heads(): Promise<Map<string, Head>>;
  /** Every log, whole, once no server runs. */
  logs(): Promise<Log[]>;
  /** The rooms of each account that has been in many, sorted. @throws {Error} where they cannot be read at the moment */
  memberships(): Promise<Map<string, readonly string[]>>;
  /** The read marks of accounts, by user and topic. Inboxes have theirs beside. */
  marks(): Promise<StoredMark[]>;
  /**
   * Keeps a server from it until what this returns is called: the server hears nothing meanwhile, and notices afterwards.
   * Not there where a store has one server only.
   *
   * @param server the server's index
   */
  sever?(server: number): () => void;
  /**
   * What says that somebody is online or may write, though everybody has left: a line each.
   *
   * @param calm whether neither a server nor the store ever failed, so that rooms were told of everybody who left
   */
  leftovers(calm: boolean): Promise<string[]>;
}

/** What can be put back to an older copy of its data, once it is killed. */
export interface Older {
  /** What faults call what is killed. */
  readonly name: string;
  /** Copies its data as they are now; the last copy counts. */
  copy(): Promise<void>;
  kill(): Promise<void>;
  /** Puts the copy in the place of its data. */
  putBack(): Promise<void>;
  start(): Promise<void>;
}
