/**
 * Messages that are encrypted from device to device, as far as a server has to do with them.
 */

import { Buffer } from "node:buffer";

/** The most devices that a user may be allowed: messages are encrypted for all of them. */
export const maxDevices = 16;

/** The longest encrypted message, in characters of base64. */
export const maxSealedLength = 16_384;

/** The longest line that one is sent in, in bytes. */
export const sealedLineBytes = maxSealedLength + 8_192;

/** The text of an encrypted message, for readers that cannot decrypt it. */
export const sealedNote = "[encrypted: it can be read with the chat program, on a device that it was sent to]";

/**
 * The points of small order on Curve25519, as hexadecimal (https://cr.yp.to/ecdh.html, "How do I validate Curve25519
 * public keys?"): nothing can be encrypted for them.
 */
const smallOrder: ReadonlySet<string> = new Set([
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  ...["ec", "ed", "ee"].map((first) => `${first}${"ff".repeat(30)}7f`),
]);

/** Whether it may be a device's public key: 32 bytes as base64url. */
export function isPublicKey(text: string): boolean {
  return /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(text);
}

/** Whether something can be encrypted for a public key; servers take any, and clients leave out the others. */
export function isUsableKey(key: string): boolean {
  const bytes = Buffer.from(key, "base64url");
  bytes[31]! &= 0x7f; // X25519 does not look at the highest bit (RFC 7748, section 5)
  return !smallOrder.has(bytes.toString("hex"));
}
