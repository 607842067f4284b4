import { reasonOf } from "./errors.ts";

/** A file that is there and is not text. */
export class TextError extends Error {
  override readonly name = "TextError";
}

/**
 * Reads a text that a person wrote with any editor: UTF-8 with or without a byte order mark, or UTF-16 with one, as
 * Windows' editors and shells write it. The mark is no part of the text.
 *
 * @throws {TextError} `it is not text in UTF-8: …`, where it is neither
 */
export function decodeText(bytes: Uint8Array): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe
    ? "utf-16le"
    : bytes[0] === 0xfe && bytes[1] === 0xff
    ? "utf-16be"
    : "utf-8";
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new TextError("it is not text in UTF-8; save it as UTF-8");
  }
  if (text.includes("\0")) throw new TextError("it is not text in UTF-8, as it has zero bytes; save it as UTF-8");
  return text;
}

/** No text that a person writes is larger; a device like /dev/zero has no end. */
const maxBytes = 16 * 1024 * 1024;

/**
 * Reads a file of text of at most 16 MB: see {@linkcode decodeText}. It may be a pipe.
 *
 * @throws {Deno.errors.NotFound} where there is none
 * @throws {Error} where it cannot be read, with the reason in one line
 */
export function readTextFile(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readBounded(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) throw cause;
    throw new Error(reasonOf(cause), { cause });
  }
  return decodeText(bytes);
}

/** Reads what is there to its end, if that comes within {@linkcode maxBytes}. */
function readBounded(path: string): Uint8Array {
  using file = Deno.openSync(path);
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const part = new Uint8Array(64 * 1024);
    const read = file.readSync(part);
    if (read === null) break;
    length += read;
    if (length > maxBytes) throw new Error(`it is larger than ${maxBytes / (1024 * 1024)} MB`);
    parts.push(part.subarray(0, read));
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
