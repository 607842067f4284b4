/**
 * Line ↔ request of the JSON lines format: the command's name, its fields, and the id that the reply carries.
 */

import { ChatError } from "../common/errors.ts";
import { fold } from "./names.ts";

/** A number as the client wrote it, such as `1.0` or `1e400`: `JSON.stringify` writes it so again. */
export interface WrittenNumber {
  readonly rawJSON: string;
}

/** What a request is told from others by, and its reply carries. */
export type RequestId = string | number | WrittenNumber;

/** The longest `id` of a request, in UTF-16 units of the text, or characters of the number as it is written. */
export const maxRequestIdLength = 256;

/** A request of the JSON lines format. */
export interface Request {
  /** What the reply will carry, if the client gave one. */
  readonly id: RequestId | undefined;
  readonly cmd: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Reads one line of the JSON lines format.
 *
 * @throws {ChatError} `invalid_json` where it is not one object, `usage` where it names no command or its `id` is none;
 *   `extra.id` is the request's, where it could be read
 */
export function parseRequest(line: string): Request {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    throw new ChatError("invalid_json", "The line is not valid JSON; each line is one object");
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    throw new ChatError("invalid_json", 'The line is not a JSON object such as {"id":1,"cmd":"whoami"}');
  }
  const { id: given, cmd } = fields as Record<string, unknown>;
  const id = readId(given, line);
  if (typeof cmd !== "string") {
    throw new ChatError("usage", 'The field "cmd" must name a command', id === undefined ? {} : { id });
  }
  return { id, cmd: fold(cmd), fields: fields as Record<string, unknown> };
}

/**
 * Reads a request's id.
 *
 * @param given its `id`, as the line was parsed
 * @param line the text of the one JSON object
 * @returns the id exactly as it came; undefined where there is none, or null
 * @throws {ChatError} `usage` where it is neither text nor number, or too long
 */
export function readId(given: unknown, line: string): RequestId | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given !== "string" && typeof given !== "number") {
    throw new ChatError("usage", 'The field "id" must be a text or a number');
  }
  const written = typeof given === "string" ? given : writtenId(given, line);
  if (written.length > maxRequestIdLength) {
    throw new ChatError(
      "usage",
      `The field "id" is ${written.length} characters; at most ${maxRequestIdLength} are allowed`,
    );
  }
  return typeof given === "number" && String(given) !== written ? rawNumber(written) : given;
}

/** The id that most clients give: a plain whole number, first in its line. */
const plainId = /^\{"id":(0|-?[1-9][0-9]{0,15})[,}]/;

/** The text of a request's number `id`; the number that was read from it may be another, as 2 ** 53 + 1 is. */
function writtenId(given: number, line: string): string {
  const [, plain] = plainId.exec(line) ?? [];
  // Another `id` behind it, however it is written, would be the one that counts.
  const isOnly = line.lastIndexOf('"id"') === 1 && !line.includes("\\u00");
  return plain === String(given) && isOnly ? plain : findId(line) ?? String(given);
}

/**
 * The text of the last `id` of an object, which is the one that counts; its number is written right behind its key.
 *
 * A reviver would tell it too, but calls a function for each value in the line: that takes 170 ms for an array of 256 KiB,
 * and what is nested deeply exceeds the stack.
 *
 * @param object the text of one JSON object
 */
function findId(object: string): string | undefined {
  let found: string | undefined;
  for (let at = 0, depth = 0; at < object.length; at++) {
    const char = object[at];
    if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    if (char !== '"') continue;
    const end = endOfString(object, at);
    const isName = depth === 1 && end - at < maxIdKeyLength && JSON.parse(object.slice(at, end)) === "id";
    behindKey.lastIndex = at = end;
    if (isName) found = behindKey.exec(object)?.[1] ?? found;
    at--; // the loop goes on behind the string
  }
  return found;
}

/** As long as `"id"` can be written in JSON: each letter as an escape. */
const maxIdKeyLength = '"\\u0069\\u0064"'.length + 1;

/** A colon and the number behind it: only keys are followed by a colon. */
const behindKey = /[ \t\n\r]*:[ \t\n\r]*(-?[0-9][0-9.eE+-]*)/y;

/** Where a string ends that begins at an index: behind its closing quote, which is the first that no backslash escapes. */
function endOfString(json: string, start: number): number {
  for (let quote = start;;) {
    quote = json.indexOf('"', quote + 1);
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
}

function rawNumber(text: string): WrittenNumber {
  return (JSON as unknown as { rawJSON(text: string): WrittenNumber }).rawJSON(text);
}
