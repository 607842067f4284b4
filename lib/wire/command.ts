/**
 * Line → command: how a command is typed, and how both formats give its arguments.
 *
 * Arguments are declared once, in a command's spec; this file reads them from a typed line or from a JSON object, and
 * checks each by its kind. It knows no command by name.
 */

import { ChatError } from "../common/errors.ts";
import {
  type ArgumentKind,
  type ArgumentLimits,
  type ArgumentValues,
  checkArgument,
  jsonOnly,
} from "./argument_kinds.ts";
import { durationText } from "./duration.ts";
import { fold } from "./names.ts";

export { type ArgumentLimits, checkLength, maxCount, maxIdLength, maxTokenLength, quote } from "./argument_kinds.ts";

/** One argument of a command, as its spec declares it. */
export interface Argument {
  /** The JSON field's name, and the word in the usage line. */
  readonly name: string;
  readonly kind: ArgumentKind;
  readonly optional?: true;
  /** False for one that exists in JSON only, though its kind can be typed. */
  readonly typed?: false;
  /** Whether an optional user may be typed without the @ before the name. */
  readonly bare?: true;
  /** Whether it may be an empty text, which takes something away; nobody types that. */
  readonly empty?: true;
}

/** The typed arguments that a spec's declaration gives its handler. */
export type Arguments<A extends readonly Argument[]> =
  & { readonly [P in A[number] as P["optional"] extends true ? never : P["name"]]: ArgumentValues[P["kind"]] }
  & { readonly [P in A[number] as P["optional"] extends true ? P["name"] : never]?: ArgumentValues[P["kind"]] };

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

/** What stands in the usage line for arguments whose names say little. */
const words: Partial<Record<ArgumentKind, string>> = { switch: "on|off", duration: "time" };

/** How a command is typed: `/msg <user> <text>`. */
export function usageOf(name: string, declared: readonly Argument[]): string {
  const typed = typedOf(declared).map(({ name, kind, optional }) => {
    const word = optional && kind === "user" ? `@${name}` : words[kind] ?? name;
    return optional ? `[${word}]` : `<${word}>`;
  });
  return ["/" + name, ...typed].join(" ");
}

/**
 * Reads a command's arguments from what was typed behind its name.
 *
 * The last argument takes the rest of the line. An optional `user` is written `@name`
 * so that it can be left out; one that is `bare` may be written without. Where a command takes two secrets, each may be double-quoted.
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
    const marked = argument.optional && argument.kind === "user" && left.trimStart().startsWith("@");
    if (argument.optional && argument.kind === "user" && !argument.bare && !marked) continue;
    const last = index === typed.length - 1;
    const cut = cutWord(left, last, quotes && argument.kind === "secret", argument.kind);
    left = cut.left;
    if (cut.word === "") {
      if (argument.optional) continue;
      throw new ChatError("usage", `Usage: ${usageOf(name, declared)}`);
    }
    const word = marked ? cut.word.slice(1) : cut.word;
    values[argument.name] = checkArgument(argument, argument.kind === "count" ? Number(word) : word, limits);
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
    .map(({ name, kind, optional }) => {
      if (kind === "switch") return values[name] === true ? "on" : "off";
      if (kind === "duration") return durationText(Number(values[name]));
      return `${optional && kind === "user" ? "@" : ""}${values[name]}`;
    });
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
    values[argument.name] = checkArgument(argument, value, limits);
  }
  return values;
}
