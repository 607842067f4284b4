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

/**
 * Reads a file of text: see {@linkcode decodeText}.
 *
 * @throws {Deno.errors.NotFound} where there is none
 * @throws {Error} where it cannot be read, with the reason in one line
 */
export function readTextFile(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) throw cause;
    throw new Error(reasonOf(cause), { cause });
  }
  return decodeText(bytes);
}
