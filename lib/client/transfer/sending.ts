/**
 * A file sent and offered: encrypted first where the message that offers it is.
 */

import type { Reply } from "../../wire/event.ts";
import type { Request } from "../net/connection.ts";
import { ClientError } from "../base/exit.ts";
import { encryptFile } from "../e2ee/file_cipher.ts";
import { sha256, uploadFile, type Where, type Wire } from "./chunks.ts";
import { offerText } from "./offers.ts";

/** What sending takes. */
export interface SendingWire extends Wire {
  /** Sends the message that offers the file; what it offers is there by then. */
  post(request: Request, sent: Omit<Sent, "reply">): Promise<Reply>;
  /**
   * Whether a private message to a user is encrypted: then the file is as well.
   *
   * @throws {ClientError} where nothing is to be sent to that user
   */
  canSeal?(user: string): Promise<boolean>;
  /** How many bytes the server takes. */
  readonly most: number;
}

/** A file that was offered. */
export interface Sent {
  readonly reply: Reply;
  readonly id: string;
  /** Of the file itself, in bytes and in hexadecimal. */
  readonly size: number;
  readonly sha256: string;
  /** Until when it can be fetched: ISO 8601. */
  readonly expires: string;
  /** What decrypts it; undefined where it is not encrypted. */
  readonly key: string | undefined;
}

/**
 * Sends a file and offers it.
 *
 * @param text what the message says; what the file is, where nothing is said
 * @throws {ChatError} when the server refuses it
 */
export async function sendFile(
  wire: SendingWire,
  where: Where,
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> },
  text?: string,
): Promise<Sent> {
  const plain = { name, size: bytes.length, sha256: await sha256(bytes) };
  const sealed = "to" in where && await wire.canSeal?.(where.to) ? await encryptFile(bytes) : undefined;
  if (sealed && sealed.bytes.length > wire.most) {
    throw new ClientError("usage", "it is too large for this server once it is encrypted");
  }
  const draft = sealed
    ? { name: "encrypted", bytes: sealed.bytes, sha256: await sha256(sealed.bytes), where }
    : { name, bytes, sha256: plain.sha256, where };
  // What it is really called, and its key, are for the encrypted message and nothing else.
  const secret = sealed ? { private: { file: { ...plain, key: sealed.key } } } : {};
  const message = {
    cmd: "to" in where ? "msg" : "say",
    ...where,
    text: text ?? offerText(plain),
    cid: crypto.randomUUID(),
    ...secret,
  };
  return await uploadFile(draft, wire, async ({ id, expires }) => {
    const sent = { id, expires, size: plain.size, sha256: plain.sha256, key: sealed?.key };
    return { reply: await wire.post({ ...message, file: id }, sent), ...sent };
  });
}
