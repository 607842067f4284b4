import type { Account } from "../accounts.ts";

/** What lets somebody make an account where registration is by invitation. Its code is not stored. */
export interface Invitation {
  /** Its code's SHA-256, in hexadecimal digits. */
  readonly hash: string;
  /** The operator who made it, as the operating system knows them. */
  readonly maker: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** Until when it is good, in milliseconds since 1970. */
  readonly expires: number;
  /** Who has made an account with it; left out while nobody has. */
  readonly user?: string;
}

/** What comes of a registration by invitation; `invalid` is one that is unknown, used, revoked or over. */
export type Accepted = "created" | "taken" | "invalid";

/** How long an invitation is listed after it is over, in milliseconds. */
export const invitationMemoryMs = 30 * 86_400_000;

/**
 * Invitations.
 *
 * 1. One invitation makes one account at most, however many servers are asked at once.
 * 2. A registration that makes no account uses no invitation.
 */
export interface Invitations {
  /** @returns false where there is one of that code already */
  add(invitation: Invitation): Promise<boolean>;
  /** Whether an account can be made with it now. */
  isGood(hash: string): Promise<boolean>;
  /** Makes an account, and uses the invitation up: both or neither. */
  accept(hash: string, account: Account): Promise<Accepted>;
  /** Those that are known, the newest first: also those that are used, and for some time those that are over. */
  list(): Promise<Invitation[]>;
  /** Takes back one that is not used. @returns false where there is none such */
  revoke(hash: string): Promise<boolean>;
}
