/**
 * Messages that are encrypted from device to device, as far as a server has to do with them.
 */

/** How many devices of a user messages are encrypted for. */
export const maxDevices = 8;

/** The longest encrypted message, in characters of base64. */
export const maxSealedLength = 16_384;

/** The longest line that one is sent in, in bytes. */
export const sealedLineBytes = maxSealedLength + 8_192;

/** The text of an encrypted message, for readers that cannot decrypt it. */
export const sealedNote = "[encrypted: it can be read with the chat program, on a device that it was sent to]";

/** Whether it may be a device's public key: 32 bytes as base64url. */
export function isPublicKey(text: string): boolean {
  return /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(text);
}
