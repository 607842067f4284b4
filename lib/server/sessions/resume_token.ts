/**
 * Resume tokens: what a client shows instead of a password when it comes back. The store keeps their hashes only.
 */

import { randomWord } from "../../store/log_position.ts";
import { isUsername } from "../../wire/names.ts";

/**
 * Makes a token: the user's name, for the lookup, 150 random bits, and the device's name if there is one; at most 96
 * characters in all.
 */
export function makeToken(user: string, device: string): string {
  return [user, randomWord(30), ...(device === "" ? [] : [device])].join(".");
}

/** The user and the device that a token names; undefined where it is not a token's text. */
export function tokenOwner(token: string): { user: string; device: string } | undefined {
  const [user, , ...device] = token.split(".");
  return isUsername(user) ? { user, device: device.join(".") } : undefined;
}

/** A token's SHA-256 in base64url, which the store keeps instead of the token. */
export async function hashToken(token: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token)));
  return digest.toBase64({ alphabet: "base64url", omitPadding: true });
}
