import type { Topic } from "../../wire/names.ts";

/** What stands in the password's place for a program, and what may be done with it. */
export interface AccessToken {
  /** What sessions and resume tokens that began with it name it by; no other token ever has it. */
  readonly id: string;
  /** What its user calls it. */
  readonly name: string;
  /** The hash of the token itself, which only its user has. */
  readonly hash: string;
  /** Names of commands, of groups of commands, and `session`. */
  readonly scopes: readonly string[];
  /** The only topics that it may be used for; empty where it is bound to none. */
  readonly topics: readonly Topic[];
  /** When it was made, in milliseconds since 1970. */
  readonly created: number;
  /** Until when it is good, in milliseconds since 1970; undefined where it does not expire. */
  readonly expires?: number;
  /** When somebody last came in with it, in milliseconds since 1970; undefined where nobody has. */
  readonly used?: number;
}

/**
 * The access tokens of accounts.
 *
 * 1. The store has hashes only.
 * 2. A token that has expired is in no answer; it is removed when the next one is added.
 * 3. New passwords leave them as they are.
 */
export interface AccessTokens {
  /**
   * Adds a token.
   *
   * @param most how many a user may have that are good
   * @returns `taken` where the user has one of this name, `full` where there are so many: then nothing has changed
   */
  add(user: string, token: AccessToken, most: number): Promise<"added" | "taken" | "full">;
  /** A user's tokens, by name. */
  list(user: string): Promise<AccessToken[]>;
  /** The token with this hash, whose use is noted; undefined where there is none. */
  use(user: string, hash: string): Promise<AccessToken | undefined>;
  /** Removes a token. @returns the one that was removed */
  revoke(user: string, name: string): Promise<AccessToken | undefined>;
}
