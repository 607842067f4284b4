/**
 * The kinds of arguments: what each is once it is read, and what it must be like.
 */

import { ChatError } from "../common/errors.ts";
import { cleanText } from "./clean.ts";
import { durationRule, maxDuration, parseDuration } from "./duration.ts";
import { filenameRule, isFilename } from "./files.ts";
import {
  deviceRule,
  fold,
  isDevice,
  isRoom,
  isUsername,
  parseTopic,
  roomRule,
  type Topic,
  usernameRule,
} from "./names.ts";
import { isPublicKey } from "./sealed.ts";

/** What each kind of argument is once it is read. */
export interface ArgumentValues {
  user: string;
  room: string;
  topic: Topic;
  word: string;
  text: string;
  secret: string;
  count: number;
  /** Seconds; 0 for none. */
  duration: number;
  switch: boolean;
  seq: number;
  seq_or_pos: number | string;
  command: string;
  device: string;
  id: string;
  token: string;
  flag: boolean;
  fields: Readonly<Record<string, unknown>>;
  filename: string;
  hash: string;
  key: string;
  data: string;
}

/** What an argument is, which decides how it is read and checked. */
export type ArgumentKind = keyof ArgumentValues;

/** The bounds that an argument's value is checked against. */
export interface ArgumentLimits {
  /** Longest message text, in UTF-8 bytes. */
  readonly maxMessageBytes: number;
}

/** The most messages that one `history` gives. */
export const maxCount = 500;

/** The longest `cid`, in characters. */
export const maxIdLength = 64;

/** The longest resume token, in characters. */
export const maxTokenLength = 128;

/**
 * What an id must not have: control and format characters, line and paragraph separators, halves of characters. They
 * are refused and never removed, so that no two ids become one.
 */
const unclean = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Kinds that exist in JSON only: nobody types them. */
export const jsonOnly: ReadonlySet<ArgumentKind> = new Set([
  "topic",
  "seq",
  "seq_or_pos",
  "id",
  "token",
  "flag",
  "fields",
  "filename",
  "hash",
  "key",
  "data",
]);

/** The JSON types of each kind, where it is not a string alone. */
const jsonTypes: Partial<Record<ArgumentKind, readonly string[]>> = {
  count: ["number"],
  duration: ["number", "string"],
  switch: ["boolean", "string"],
  seq: ["number"],
  seq_or_pos: ["number", "string"],
  flag: ["boolean"],
  fields: ["object"],
};

/**
 * A value as its handler gets it.
 *
 * @param name what the argument is called
 * @throws {ChatError} `usage` where it is of another type, or the code of its kind, as `invalid_room`
 */
export function checkArgument(
  { name, kind, empty }: { readonly name: string; readonly kind: ArgumentKind; readonly empty?: true },
  value: unknown,
  limits: ArgumentLimits,
): unknown {
  const expected = jsonTypes[kind] ?? ["string"];
  if (!expected.includes(typeof value) || Array.isArray(value)) {
    const types = expected.map((type) => (type === "object" ? "an " : "a ") + type).join(" or ");
    throw new ChatError("usage", `The field "${name}" must be ${types}`);
  }
  if (empty && value === "") return value;
  return checks[kind]?.(value as never, name, limits) ?? value;
}

/**
 * What each kind of argument must be like, beyond its JSON type; a kind that is not here may be anything of its type.
 * Each returns the argument as a handler gets it, or throws a {@linkcode ChatError}.
 */
const checks: Readonly<
  Partial<Record<ArgumentKind, (value: never, name: string, limits: ArgumentLimits) => unknown>>
> = {
  user(value: string) {
    if (isUsername(value)) return value;
    throw new ChatError("invalid_username", `${quote(value)} is not a username: ${usernameRule}`);
  },
  room(value: string) {
    if (isRoom(value)) return fold(value);
    throw new ChatError("invalid_room", `${quote(value)} is not a room: ${roomRule}`);
  },
  topic(value: string) {
    const parsed = parseTopic(value);
    if (parsed) return parsed.topic;
    throw new ChatError("usage", `${quote(value)} is not a topic: room:<room>, feed:<user> or inbox:<user>`);
  },
  text: (value: string, _name, limits) => checkText(value, limits),
  count(value: number, name) {
    if (Number.isInteger(value) && value >= 1 && value <= maxCount) return value;
    throw new ChatError("usage", `"${name}" must be a whole number from 1 to ${maxCount}`);
  },
  // As people write them, also in JSON: a client that does not know the kind gives what was typed.
  duration(value: number | string, name) {
    const seconds = typeof value === "string" ? parseDuration(value) : value;
    if (Number.isSafeInteger(seconds) && seconds! >= 0 && seconds! <= maxDuration) return seconds;
    throw new ChatError("usage", `"${name}" must be ${durationRule}`);
  },
  switch(value: boolean | string, name) {
    if (typeof value === "boolean") return value;
    if (/^(on|off)$/i.test(value)) return fold(value) === "on";
    throw new ChatError("usage", `"${name}" must be on or off`);
  },
  seq(value: number, name) {
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new ChatError("usage", `"${name}" must be a whole number that is not negative`);
  },
  seq_or_pos(value: number | string, name) {
    if (typeof value === "string" ? isId(value) : Number.isSafeInteger(value) && value >= 0) return value;
    throw new ChatError("usage", `"${name}" must be a whole number that is not negative, or a pos`);
  },
  device(value: string) {
    if (isDevice(value)) return value;
    throw new ChatError("usage", `${quote(value)} is not a device: ${deviceRule}`);
  },
  id: (value: string, name) => checkId(value, name, maxIdLength),
  token: (value: string, name) => checkId(value, name, maxTokenLength),
  filename(value: string) {
    if (isFilename(value)) return value;
    throw new ChatError("usage", `${quote(value)} is not a file's name: ${filenameRule}`);
  },
  hash(value: string, name) {
    if (/^[0-9a-f]{64}$/.test(value)) return value;
    throw new ChatError("usage", `"${name}" must be a SHA-256 in 64 digits of 0-9 a-f`);
  },
  key(value: string, name) {
    if (isPublicKey(value)) return value;
    throw new ChatError("usage", `"${name}" must be a public key of 32 bytes in base64url`);
  },
  data(value: string, name) {
    if (isBase64(value)) return value;
    throw new ChatError("usage", `"${name}" must be base64 (RFC 4648, section 4), padded and without line ends`);
  },
};

function isId(text: string, most = maxIdLength): boolean {
  return text.length >= 1 && text.length <= most && !unclean.test(text);
}

function checkId(value: string, name: string, most: number): string {
  if (isId(value, most)) return value;
  throw new ChatError("usage", `"${name}" must be 1 to ${most} characters, none of them invisible`);
}

/** Whether it is base64 as RFC 4648 writes it, of at least a byte. */
function isBase64(text: string): boolean {
  return text.length > 0 && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

function checkText(value: string, { maxMessageBytes }: ArgumentLimits): string {
  const text = cleanText(value);
  if (text.trim() === "") throw new ChatError("usage", "The text must not be empty");
  return checkLength(text, maxMessageBytes);
}

/**
 * A text that is not too long.
 *
 * @param most how many bytes of UTF-8 it may have
 * @throws {ChatError} `message_too_long`
 */
export function checkLength(text: string, most: number): string {
  // A UTF-16 unit is at most 3 bytes of UTF-8: most texts need no counting.
  if (text.length * 3 > most) {
    const bytes = new TextEncoder().encode(text).length;
    if (bytes > most) {
      throw new ChatError("message_too_long", `The text is ${bytes} bytes; at most ${most} are allowed`);
    }
  }
  return text;
}

/**
 * A peer's value inside an error: a text short, clean and in quotes, a number as it is.
 *
 * @param value anything that JSON can hold; an object is not made into a text, since its `toString` is the peer's
 */
export function quote(value: unknown): string {
  if (typeof value === "string") return quoteText(value);
  if (typeof value !== "object" || value === null) return quoteText(String(value));
  return Array.isArray(value) ? "an array" : "an object";
}

function quoteText(word: string): string {
  const clean = cleanText(word);
  return `"${clean.length > 40 ? clean.slice(0, 40).toWellFormed() + "…" : clean}"`;
}
