/**
 * Line → command: how a command is typed, and how both formats give its arguments.
 *
 * Arguments are declared once, in a command's spec; this file reads them from a typed line or from a JSON object, and
 * checks each by its kind. It knows no command by name.
 */

import { ChatError } from "../common/errors.ts";
import type { ArgumentKind } from "./event.ts";
import { filenameRule, isFilename } from "./files.ts";
import { cleanText } from "./clean.ts";
import { fold, isRoom, isUsername, parseTopic, roomRule, type Topic, usernameRule } from "./names.ts";
import { isPublicKey } from "./sealed.ts";

/** One argument of a command, as its spec declares it. */
export interface Argument {
  /** The JSON field's name, and the word in the usage line. */
  readonly name: string;
  readonly kind: ArgumentKind;
  readonly optional?: true;
  /** False for one that exists in JSON only, though its kind can be typed. */
  readonly typed?: false;
}

/** What each kind of argument is once it is read. */
export interface ArgumentValues {
  user: string;
  room: string;
  topic: Topic;
  text: string;
  secret: string;
  count: number;
  seq: number;
  seq_or_pos: number | string;
  command: string;
  id: string;
  flag: boolean;
  fields: Readonly<Record<string, unknown>>;
  filename: string;
  hash: string;
  key: string;
  data: string;
}

/** The typed arguments that a spec's declaration gives its handler. */
export type Arguments<A extends readonly Argument[]> =
  & { readonly [P in A[number] as P["optional"] extends true ? never : P["name"]]: ArgumentValues[P["kind"]] }
  & { readonly [P in A[number] as P["optional"] extends true ? P["name"] : never]?: ArgumentValues[P["kind"]] };

/** The bounds that an argument's value is checked against. */
export interface ArgumentLimits {
  /** Longest message text, in UTF-8 bytes. */
  readonly maxMessageBytes: number;
}

/** The most messages that one `history` gives. */
export const maxCount = 500;

/** The longest `cid`, in characters. */
export const maxIdLength = 64;

/**
 * What an id must not have: control and format characters, line and paragraph separators, halves of characters. They
 * are refused and never removed, so that no two ids become one.
 */
const unclean = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Kinds that exist in JSON only: nobody types them. */
const jsonOnly: ReadonlySet<ArgumentKind> = new Set([
  "topic",
  "seq",
  "seq_or_pos",
  "id",
  "flag",
  "fields",
  "filename",
  "hash",
  "key",
  "data",
]);

/** A typed line: a command and the rest behind its name, or something said. */
export type TypedLine =
  | { readonly kind: "command"; readonly name: string; readonly rest: string }
  | { readonly kind: "say"; readonly text: string };

/**
 * Reads a line as a logged-in person means it: `/name rest`, `//x` for "/x", anything else said.
 */
export function parseTyped(line: string): TypedLine {
  if (!line.startsWith("/")) return { kind: "say", text: line };
  if (line.startsWith("//")) return { kind: "say", text: line.slice(1) };
  return { kind: "command", ...splitVerb(line.slice(1)) };
}

/** Cuts a line into its verb, in lower case, and what follows the one space behind it. */
export function splitVerb(line: string): { name: string; rest: string } {
  const end = line.search(/[ \t]/);
  return end < 0 ? { name: fold(line), rest: "" } : { name: fold(line.slice(0, end)), rest: line.slice(end + 1) };
}

/** The arguments that can be typed: `text` takes the rest of the line, so that nothing can follow it. */
function typedOf(declared: readonly Argument[]): readonly Argument[] {
  const typed = declared.filter(({ kind, typed }) => typed !== false && !jsonOnly.has(kind));
  const text = typed.findIndex((argument) => argument.kind === "text");
  return text < 0 ? typed : typed.slice(0, text + 1);
}

/** What reading a typed line needs of a command's arguments, found once for each command. */
interface Typing {
  readonly typed: readonly Argument[];
  /** Whether secrets may be quoted: where there are two. */
  readonly quotes: boolean;
}

const typings = new WeakMap<readonly Argument[], Typing>();

function typingOf(declared: readonly Argument[]): Typing {
  let typing = typings.get(declared);
  if (!typing) {
    const typed = typedOf(declared);
    typing = { typed, quotes: typed.filter(({ kind }) => kind === "secret").length > 1 };
    typings.set(declared, typing);
  }
  return typing;
}

/** How a command is typed: `/msg <user> <text>`. */
export function usageOf(name: string, declared: readonly Argument[]): string {
  const words = typedOf(declared).map(({ name, kind, optional }) => {
    const word = optional && kind === "user" ? `@${name}` : name;
    return optional ? `[${word}]` : `<${word}>`;
  });
  return ["/" + name, ...words].join(" ");
}

/**
 * Reads a command's arguments from what was typed behind its name.
 *
 * The last argument takes the rest of the line. An optional `user` is written `@name`
 * so that it can be left out. Where a command takes two secrets, each may be double-quoted.
 *
 * @throws {ChatError} `usage` for a missing argument, or the code of the kind that was wrong
 */
export function bindTyped(
  name: string,
  declared: readonly Argument[],
  rest: string,
  limits: ArgumentLimits,
): Record<string, unknown> {
  const { typed, quotes } = typingOf(declared);
  const values: Record<string, unknown> = {};
  let left = rest;
  for (let index = 0; index < typed.length; index++) {
    const argument = typed[index];
    if (argument.optional && argument.kind === "user" && !left.trimStart().startsWith("@")) continue;
    const last = index === typed.length - 1;
    const cut = cutWord(left, last, quotes && argument.kind === "secret", argument.kind);
    left = cut.left;
    if (cut.word === "") {
      if (argument.optional) continue;
      throw new ChatError("usage", `Usage: ${usageOf(name, declared)}`);
    }
    const word = argument.optional && argument.kind === "user" ? cut.word.slice(1) : cut.word;
    values[argument.name] = check(argument, argument.kind === "count" ? Number(word) : word, limits);
  }
  return values;
}

/**
 * A request as it is typed, the reverse of {@linkcode bindTyped}: `/msg bob hi`. Secrets are left out, and so is what
 * nobody types.
 *
 * @param declared the arguments of its command; where they are not known, its user and its text are shown
 */
export function typedText(
  { cmd, ...values }: Readonly<Record<string, unknown>> & { readonly cmd: string },
  declared: readonly Argument[] = unknownArguments,
): string {
  if (cmd === "say") {
    const text = String(values.text ?? "");
    return text.startsWith("/") ? "/" + text : text;
  }
  const words = typedOf(declared).filter(({ name, kind }) => kind !== "secret" && values[name] !== undefined)
    .map(({ name, kind, optional }) => `${optional && kind === "user" ? "@" : ""}${values[name]}`);
  return ["/" + cmd, ...words].join(" ");
}

const unknownArguments: readonly Argument[] = [{ name: "to", kind: "user" }, { name: "text", kind: "text" }];

/** Takes the next word, or all that is left of the line. */
function cutWord(left: string, last: boolean, quotes: boolean, kind: ArgumentKind): { word: string; left: string } {
  if (quotes) {
    const quoted = /^\s*"((?:[^"\\]|\\.)*)"(?:\s+|$)/s.exec(left);
    if (quoted && (!last || quoted[0].length === left.length)) {
      return { word: quoted[1].replace(/\\(.)/gs, "$1"), left: left.slice(quoted[0].length) };
    }
  }
  if (last) {
    const verbatim = kind === "secret" || kind === "text";
    return { word: verbatim && left.trim() !== "" ? left : left.trim(), left: "" };
  }
  const start = left.trimStart();
  const end = start.search(/[ \t]/);
  return end < 0 ? { word: start, left: "" } : { word: start.slice(0, end), left: start.slice(end + 1) };
}

/**
 * Reads a command's arguments from a request's fields; fields that are not declared are ignored.
 *
 * @throws {ChatError} `usage` for a missing argument or one of another type, or the code of its kind, as `invalid_room`
 */
export function bindFields(
  name: string,
  declared: readonly Argument[],
  fields: Readonly<Record<string, unknown>>,
  limits: ArgumentLimits,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const argument of declared) {
    const value = Object.hasOwn(fields, argument.name) ? fields[argument.name] : undefined;
    if (value === undefined || value === null) {
      if (argument.optional) continue;
      throw new ChatError("usage", `The command "${name}" needs the field "${argument.name}"`);
    }
    values[argument.name] = check(argument, value, limits);
  }
  return values;
}

/** The JSON types of each kind, where it is not a string alone. */
const jsonTypes: Partial<Record<ArgumentKind, readonly string[]>> = {
  count: ["number"],
  seq: ["number"],
  seq_or_pos: ["number", "string"],
  flag: ["boolean"],
  fields: ["object"],
};

function check({ name, kind }: Argument, value: unknown, limits: ArgumentLimits): unknown {
  const expected = jsonTypes[kind] ?? ["string"];
  if (!expected.includes(typeof value) || Array.isArray(value)) {
    const types = expected.map((type) => (type === "object" ? "an " : "a ") + type).join(" or ");
    throw new ChatError("usage", `The field "${name}" must be ${types}`);
  }
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
  seq(value: number, name) {
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new ChatError("usage", `"${name}" must be a whole number that is not negative`);
  },
  seq_or_pos(value: number | string, name) {
    if (typeof value === "string" ? isId(value) : Number.isSafeInteger(value) && value >= 0) return value;
    throw new ChatError("usage", `"${name}" must be a whole number that is not negative, or a pos`);
  },
  id(value: string, name) {
    if (isId(value)) return value;
    throw new ChatError("usage", `"${name}" must be 1 to ${maxIdLength} characters, none of them invisible`);
  },
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

function isId(text: string): boolean {
  return text.length >= 1 && text.length <= maxIdLength && !unclean.test(text);
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
