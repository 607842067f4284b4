import type { Session } from "./sessions.ts";

/** What a user may do beyond talking. */
export type Role = "user" | "moderator" | "admin";

/** A registered user. */
export interface Account {
  /** As registered; compared without regard to case. */
  readonly name: string;
  /** The password's hash, opaque to the store. */
  readonly hash: string;
  readonly role: Role;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** How often its password was changed; not at all where it is not set. */
  readonly passwords?: number;
  /** Set where an operator has disabled it: nobody can log in or resume with it. */
  readonly disabled?: true;
  /** What the user said on going away; set while the user is away and has a session. */
  readonly away?: string;
}

/**
 * Accounts, who follows whom, and who is away.
 *
 * 1. Names are as registered; only finding and making an account disregards their case.
 * 2. A user is away by the account, not by a session: what one session said holds for all. It ends in the same step as
 *    the user's last session. A resume of that session brings it back, as it does its room; a login does not.
 */
export interface Accounts {
  /** @returns false where the name is taken */
  create(account: Account): Promise<boolean>;
  find(name: string): Promise<Account | undefined>;
  /**
   * Sets a new password's hash, counts the change, and revokes the user's resume tokens.
   *
   * @param passwords how often the password may have been changed before; undefined where that does not matter
   * @returns how often it was changed now; undefined where there is no such account, or the count was another
   */
  setHash(name: string, hash: string, passwords?: number): Promise<number | undefined>;
  /**
   * Deletes an account, all or nothing: nobody logs in or resumes with it, and its name stays taken. What its user said is
   * read under another name from now on, on other servers once they have loaded it.
   *
   * @param alias what its user is called now
   * @param passwords how often the password had been changed when it was compared
   * @returns how often it counts as changed now, for whoever ends its connections; undefined where there is no such account,
   *   or the password was changed meanwhile
   */
  delete(name: string, alias: string, passwords: number): Promise<number | undefined>;
  /** Removes what a deleted account had, by its name as registered: its tokens, keys, marks, rooms, follows, blocks, and messages that wait. */
  clear(name: string): Promise<void>;
  /** Has this server know of the accounts that others have deleted. */
  loadDeleted(): Promise<void>;
  /** The folded name of a deleted account, by that name or by what its user is called now; of what is loaded. */
  deleted(name: string): Promise<string | undefined>;
  /** Sets another hash of the same password. @returns false where the earlier hash is not the account's any more */
  replaceHash(name: string, earlier: string, hash: string): Promise<boolean>;
  /** @returns false where the user follows `limit` others already; following twice is following */
  follow(user: string, target: string, limit: number): Promise<boolean>;
  unfollow(user: string, target: string): Promise<void>;
  /** Whom the user follows, sorted. */
  follows(user: string): Promise<string[]>;
  followers(user: string): Promise<string[]>;
  /**
   * Has a user get no private messages of another from now on, on any server.
   *
   * @returns false where the user blocks `limit` others already; blocking twice is blocking
   */
  block(user: string, target: string, limit: number): Promise<boolean>;
  unblock(user: string, target: string): Promise<void>;
  /** Whom the user blocks, sorted. */
  blocks(user: string): Promise<string[]>;
  /**
   * Says that a user is away, or is back.
   *
   * @param away what is told; undefined where the user is back
   * @param session whose word it is; without one it is a side connection's
   * @returns false where the user has no session, or another one than this
   */
  setAway(user: string, away: string | undefined, session?: Session): Promise<boolean>;
  /** Those of these users who are away: name as given → what they said. */
  away(users: readonly string[]): Promise<Map<string, string>>;
}
