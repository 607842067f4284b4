/**
 * A file's way to the server and from it, chunk by chunk, each after the answer to the one before.
 *
 * Lost connections are the caller's to mend: an `ask` that is answered late is no failure here. A server
 * that has forgotten a half-sent file gets it from its beginning; one for which the store is away is asked again.
 */

import { Buffer } from "node:buffer";
import { ChatError, type ErrorCode } from "../../common/errors.ts";
import type { Reply } from "../../wire/event.ts";
import { chunkCount, chunkSize, fileChunkBytes } from "../../wire/files.ts";
import type { Clock } from "../../common/time.ts";
import type { Request } from "../net/connection.ts";

/** How a transfer speaks with the server. */
export interface Wire {
  /** Asks, and is answered over the connection that there is then. */
  ask(request: Request): Promise<Reply>;
  readonly clock: Clock;
  /** Aborted when the transfer is not wanted any more. */
  readonly signal: AbortSignal;
  /** Told how many bytes are there. */
  progress(bytes: number): void;
}

/** Where a file goes. */
export type Where = { readonly to: string } | { readonly room: string };

/** A file to be sent. */
export interface Draft {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly where: Where;
}

/** How often a server may forget a file while it is sent. */
const maxLosses = 5;

/** After how many milliseconds a store that is away is asked again, and for how long. */
const againMs = 500;
const patienceMs = 60_000;

/**
 * Sends a file, and then what `offer` makes of its id. Where the server refuses any of it, what is there of the file is
 * withdrawn: nobody is offered it. (One that was there already, whole, may have been offered before, and stays.)
 *
 * @param offer sends the message that offers the file
 * @returns the file's id, and until when it can be fetched (ISO 8601)
 * @throws {ChatError} when the server refuses it
 */
export async function uploadFile<T>(
  draft: Draft,
  wire: Wire,
  offer: (file: { id: string; expires: string }) => Promise<T>,
): Promise<T> {
  for (let losses = 0;; losses++) {
    let unoffered: string | undefined;
    try {
      const file = await sendChunks(draft, wire, (id) => unoffered = id);
      return await patiently(wire, () => offer(file));
    } catch (error) {
      if (isCode(error, "unknown_file") && losses < maxLosses) continue;
      // With the store away, the message may have come through.
      if (unoffered !== undefined && refusal(error) && !isCode(error, "store_unavailable")) {
        await wire.ask({ cmd: "withdraw", file: unoffered }).catch(() => {});
      }
      throw error;
    }
  }
}

/** @param begun told the file's id, unless all of it is there already */
async function sendChunks(
  { name, sha256, bytes, where }: Draft,
  wire: Wire,
  begun: (id: string) => void,
): Promise<{ id: string; expires: string }> {
  const size = bytes.length;
  const answer = await patiently(wire, () => wire.ask({ cmd: "upload", name, size, sha256, ...where }));
  const { file, have, chunk_bytes, expires } = answer as unknown as Record<string, unknown>;
  if (typeof file !== "string" || typeof expires !== "string") throw odd("its answer names no file");
  if (chunk_bytes !== fileChunkBytes) throw odd("it cuts files in another way than this program");
  const all = chunkCount(size);
  let next = counted(have, all);
  if (next < all) begun(file);
  let idle = 0;
  while (next < all) {
    wire.progress(next * fileChunkBytes);
    const start = next * fileChunkBytes;
    const data = Buffer.from(bytes.buffer, bytes.byteOffset + start, chunkSize(size, next)).toString("base64");
    const n = next;
    const reply = await patiently(wire, () => wire.ask({ cmd: "chunk", file, n, data }));
    next = counted((reply as { have?: unknown }).have, all);
    if (next <= n && ++idle > maxLosses) throw odd("it does not take what it is sent");
  }
  wire.progress(size);
  return { id: file, expires };
}

/**
 * Fetches a file's chunks, from number `from` on.
 *
 * @param size the file's, in bytes
 * @param take keeps a chunk; the next is asked for when it has
 * @throws {ChatError} when the server refuses it
 */
export async function downloadFile(
  { id, size, from }: { id: string; size: number; from: number },
  wire: Wire,
  take: (bytes: Uint8Array<ArrayBuffer>, n: number) => Promise<void> | void,
): Promise<void> {
  const all = chunkCount(size);
  for (let n = from; n < all; n++) {
    wire.progress(n * fileChunkBytes);
    const reply = await patiently(wire, () => wire.ask({ cmd: "download", file: id, n }));
    const { data, n: answered } = reply as { data?: unknown; n?: unknown };
    const bytes = typeof data === "string" ? Uint8Array.from(Buffer.from(data, "base64")) : undefined;
    if (answered !== n || bytes?.length !== chunkSize(size, n)) throw odd("it sent something else than was asked for");
    await take(bytes, n);
  }
  wire.progress(size);
}

/** Repeats it while the store is away, for `patienceMs` at most and while it is wanted. */
async function patiently<T>({ clock, signal }: Wire, act: () => Promise<T>): Promise<T> {
  const since = clock.now();
  for (;;) {
    signal.throwIfAborted();
    try {
      return await unlessAborted(act(), signal);
    } catch (error) {
      if (!isCode(error, "store_unavailable") || clock.now() - since >= patienceMs) throw error;
      await clock.sleep(againMs, signal);
    }
  }
}

/** What it resolves to, or the signal's reason where that comes first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function counted(have: unknown, all: number): number {
  if (Number.isInteger(have) && (have as number) >= 0 && (have as number) <= all) return have as number;
  throw odd("its answer has no usable number");
}

function odd(what: string): Error {
  return new Error(`The server cannot be used for files: ${what}`);
}

/** Whether it is a refusal with this code, however it is wrapped. */
export function isCode(error: unknown, code: ErrorCode): boolean {
  return refusal(error)?.code === code;
}

function refusal(error: unknown): ChatError | undefined {
  if (error instanceof ChatError) return error;
  return error instanceof Error && error.cause instanceof ChatError ? error.cause : undefined;
}

/** A hash, in lower-case hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
}
