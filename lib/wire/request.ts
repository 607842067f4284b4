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

/** @returns the id exactly as it came; undefined where there is none, or null */
function readId(given: unknown, line: string): RequestId | undefined {
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
  if (plain === String(given)) return plain;
  const written = new Map<unknown, string>();
  const note = function (this: unknown, key: string, value: unknown, { source }: { source?: string }): unknown {
    if (key === "id" && source !== undefined) written.set(this, source);
    return value;
  };
  return written.get(JSON.parse(line, note as Parameters<typeof JSON.parse>[1])) ?? String(given);
}

function rawNumber(text: string): WrittenNumber {
  return (JSON as unknown as { rawJSON(text: string): WrittenNumber }).rawJSON(text);
}
