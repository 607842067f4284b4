/**
 * Access tokens as their users have them: what stands in the password's place for a program.
 */

/** What each begins with, so that people and scanners for secrets know it when they see it. */
const prefix = "chat_";

const pattern = /^chat_[A-Za-z0-9_-]{43}$/;

/** Makes a token: 32 random bytes in base64url behind `chat_`. */
export function makeAccessToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return prefix + bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Whether a text may be a token; a password may look like one as well. */
export function isAccessToken(text: string): boolean {
  return pattern.test(text);
}

/** A token's SHA-256 in base64url: of 32 random bytes, nobody can guess what a fast hash was made of. */
export async function hashAccessToken(token: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token)));
  return digest.toBase64({ alphabet: "base64url", omitPadding: true });
}
