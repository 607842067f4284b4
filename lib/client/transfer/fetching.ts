/**
 * A fetched file's last steps: compared, decrypted where it is encrypted, compared again, and put in its place.
 */

import { decryptFile, fileCipherOverhead } from "../e2ee/file_cipher.ts";
import { downloadFile, sha256, type Wire } from "./chunks.ts";
import type { SafeOffer } from "./offers.ts";
import type { PartFile } from "./part_file.ts";

/** How many bytes the server has of it. */
export function sizeThere({ size, key }: Pick<SafeOffer, "size" | "key">): number {
  return key === undefined ? size : size + fileCipherOverhead;
}

/**
 * Fetches a file into memory.
 *
 * @throws {Error} where it is not what was announced
 */
export async function fetchWhole(offer: SafeOffer, wire: Wire): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(sizeThere(offer));
  let end = 0;
  await downloadFile({ id: offer.id, size: bytes.length, from: 0 }, wire, (chunk) => {
    bytes.set(chunk, end);
    end += chunk.length;
  });
  return await proved(bytes, offer);
}

/**
 * Fetches what is missing of a file, and finishes it.
 *
 * An encrypted file's bytes are proved by their decryption, which fails where one of them is another; what comes out is
 * compared with the announced size and hash.
 *
 * @returns where it is
 * @throws {Error} where it is not what was announced: then nothing of it is left
 */
export async function fetchInto(part: PartFile, offer: SafeOffer, wire: Wire): Promise<string> {
  await downloadFile({ id: offer.id, size: part.size, from: part.have }, wire, (bytes) => part.append(bytes));
  const bytes = await part.read();
  const plain = await proved(bytes, offer).catch(async (error) => {
    await part.discard();
    throw error;
  });
  wire.signal.throwIfAborted();
  return await part.finish(plain);
}

/**
 * The file itself, from what the server had.
 *
 * @throws {Error} where it is not what was announced
 */
async function proved(
  bytes: Uint8Array<ArrayBuffer>,
  { size, sha256: announced, key }: SafeOffer,
): Promise<Uint8Array<ArrayBuffer>> {
  let plain = bytes;
  if (key !== undefined) {
    plain = await decryptFile(bytes, key).catch((cause) => {
      throw new Error("it was changed on its way, or its key is another; nothing was kept", { cause });
    });
  }
  if (plain.length === size && await sha256(plain) === announced) return plain;
  throw new Error("what came is not what was offered (its SHA-256 is another); nothing was kept");
}
