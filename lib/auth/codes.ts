/** Codes that are shown once, and of which the store keeps the hash. */

/** Each character has 5 bits; none looks like another. */
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** A random code of so many characters. */
export function makeCode(length: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => alphabet[byte & 31]).join("");
}

/** A code's SHA-256, in hexadecimal digits: fast, as nobody guesses a code of so many bits. */
export async function hashCode(code: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code))).toHex();
}
