/**
 * Resume tokens: what a client shows instead of a password when it comes back. The store keeps their hashes only.
 */

import { randomWord } from "../../store/log_position.ts";
import { isUsername } from "../../wire/names.ts";

/**
 * Makes a token: the user's name, for the lookup, 150 random bits, and the device's name if there is one; at most 105
 * characters in all.
 *
 * @param access the id of the access token that the session began with, which the token names as well
 */
export function makeToken(user: string, device: string, access?: string): string {
  const secret = randomWord(30) + (access === undefined ? "" : `~${access}`);
  return [user, secret, ...(device === "" ? [] : [device])].join(".");
}

/** Whom and what a resume token names. */
export interface TokenOwner {
  readonly user: string;
  readonly device: string;
  /** The id of the access token that the session began with, if it did. */
  readonly access: string | undefined;
}

/** What a token names; undefined where it is not a token's text. */
export function tokenOwner(token: string): TokenOwner | undefined {
  const [user, secret = "", ...device] = token.split(".");
  return isUsername(user) ? { user, device: device.join("."), access: secret.split("~")[1] } : undefined;
}

/** A token's SHA-256 in base64url, which the store keeps instead of the token. */
export async function hashToken(token: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token)));
  return digest.toBase64({ alphabet: "base64url", omitPadding: true });
}
