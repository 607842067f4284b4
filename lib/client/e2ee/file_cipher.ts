/**
 * A file's bytes under a key of their own, which goes to the reader inside the encrypted message that offers the file.
 *
 * AES-256-GCM in one piece: a changed, cut or exchanged file is refused as a whole. The key is random and used once,
 * so that the nonce can be a constant (NIST SP 800-38D, section 8.2: what must not repeat is key and nonce together).
 */

import { type Bytes, fromBase64url, toBase64url } from "./bytes.ts";

/** How many bytes longer an encrypted file is. */
export const fileCipherOverhead = 16;

const algorithm = { name: "AES-GCM", iv: new Uint8Array(12) } as const;

/**
 * Encrypts a file.
 *
 * @returns what is to be stored, and the key: 43 characters of base64url
 *
 * @example
 * ```ts
 * import { decryptFile, encryptFile } from "./file_cipher.ts";
 *
 * const { bytes, key } = await encryptFile(new Uint8Array([1, 2, 3]));
 * const [first] = await decryptFile(bytes, key);
 * if (first !== 1) throw new Error("it came back as something else");
 * ```
 */
export async function encryptFile(bytes: Bytes): Promise<{ bytes: Bytes; key: string }> {
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const sealed = await crypto.subtle.encrypt(algorithm, await imported(raw, "encrypt"), bytes);
  return { bytes: new Uint8Array(sealed), key: toBase64url(raw) };
}

/**
 * Decrypts a file.
 *
 * @param key as {@linkcode encryptFile} made it
 * @throws {TypeError} when the key is not 32 bytes
 * @throws {Error} when it was encrypted under another key, or was changed
 */
export async function decryptFile(bytes: Bytes, key: string): Promise<Bytes> {
  const raw = fromBase64url(key);
  if (raw?.length !== 32) throw new TypeError("The file's key is not one");
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, await imported(raw, "decrypt"), bytes));
  } catch (cause) {
    throw new Error("The file is not what was sent: it cannot be decrypted", { cause });
  }
}

function imported(raw: Bytes, usage: "encrypt" | "decrypt"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, [usage]);
}
