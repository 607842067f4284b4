/**
 * What is said of accounts, as data: the replies to commands that an account's owner gives.
 */

/** An access token, as its user's list has it. Times are ISO 8601, UTC, milliseconds. */
export interface UserToken {
  readonly name: string;
  readonly scopes: readonly string[];
  /** The only topics that it is for; empty where it is bound to none. */
  readonly topics: readonly string[];
  readonly created: string;
  /** Until when it is good; null where it does not expire. */
  readonly until: string | null;
  /** When somebody last came in with it; null where nobody has. */
  readonly used: string | null;
}

/** What commands of an account's owner answer. */
export type AccountReply =
  | {
    readonly of: "token";
    readonly name: string;
    /** Of a new one: what is given in the password's place. It is told this once. */
    readonly token?: string;
  }
  | { readonly of: "messages"; readonly from: "everyone" | "contacts" }
  | { readonly of: "requests"; readonly requests: readonly string[] }
  | { readonly of: "accept" | "decline"; readonly user: string }
  | { readonly of: "delete_account" }
  | { readonly of: "tokens"; readonly tokens: readonly UserToken[] }
  | { readonly of: "invitation" }
  | {
    readonly of: "totp";
    /** What two-factor login is from now on; `begun` waits for a code. */
    readonly state: "begun" | "on" | "off";
    /** Where it has begun: what an authenticator reads. */
    readonly uri?: string;
    /** Where it is on from now on: recovery codes, each good once. */
    readonly recovery?: readonly string[];
  };
