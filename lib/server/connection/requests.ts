import { ChatError } from "../../common/errors.ts";
import { parseTyped, splitVerb } from "../../wire/command.ts";
import { cleanText } from "../../wire/clean.ts";
import { parseRequest, type RequestId } from "../../wire/request.ts";
import { type Given, loginRequired, type Registry } from "../registry/registry.ts";

/** What a line asks for: a command by any of its names, an error that is the answer already, or nothing. */
export type Request =
  | {
    readonly kind: "command";
    readonly name: string;
    readonly given: Given;
    readonly id?: RequestId | undefined;
  }
  | { readonly kind: "refused"; readonly error: unknown; readonly id?: RequestId | undefined }
  | { readonly kind: "nothing" };

/** What requests are read with. */
type Commands = Pick<Registry, "find">;

/** Reads a line of the text format from somebody who is, or is not, logged in. */
export function readText(line: string, isLoggedIn: boolean, commands: Commands): Request {
  if (!/^[!-~]/.test(line) && cleanText(line).trim() === "") return { kind: "nothing" };
  if (!isLoggedIn) return readGuest(line, commands);
  const typed = parseTyped(line);
  if (typed.kind === "command") return { kind: "command", name: typed.name, given: { rest: typed.rest } };
  // A password must not be said aloud by somebody who believes that the connection is a new one.
  if (/^(?:(?:LOGIN|REGISTER) \S+ \S|CODE \d{6}$)/.test(line)) {
    return { kind: "command", name: splitVerb(line).name, given: { rest: "" } };
  }
  return { kind: "command", name: "say", given: { rest: typed.text } };
}

function readGuest(line: string, commands: Commands): Request {
  const { name, rest } = splitVerb(line.startsWith("/") ? line.slice(1) : line);
  const greeting = name === "hello" && !rest.trimStart().startsWith("{"); // said too early, and no HELLO
  if (greeting || !commands.find(name)?.typed) return { kind: "refused", error: loginRequired() };
  return { kind: "command", name, given: { rest } };
}

/**
 * Reads a line of the JSON format.
 *
 * @param bytes the line's length; a command may allow itself a longer one than `maxLineBytes`
 */
export function readJson(line: string, bytes: number, maxLineBytes: number, commands: Commands): Request {
  if (/^HELLO /i.test(line)) return { kind: "command", name: "hello", given: { rest: splitVerb(line).rest } };
  let request;
  try {
    request = parseRequest(line);
  } catch (error) {
    const { id } = (error as ChatError).extra;
    return { kind: "refused", error, id: id as RequestId | undefined };
  }
  const { cmd, id, fields } = request;
  const allowed = Math.max(maxLineBytes, commands.find(cmd)?.lineBytes ?? 0);
  if (bytes > allowed) return { kind: "refused", error: lineTooLong(allowed), id };
  return { kind: "command", name: cmd, given: { fields }, id };
}

/** The id with which a request begins that was too long to be read; undefined where it does not begin with one. */
export function idOfBeginning(beginning = ""): RequestId | undefined {
  const [, id] = /^[ \t]*\{[ \t]*"id"[ \t]*:[ \t]*("(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*)[ \t]*,/.exec(beginning) ?? [];
  try {
    // Its bytes were read one a character; its text is UTF-8.
    const text = new TextDecoder().decode(Uint8Array.from(id ?? "", (char) => char.charCodeAt(0)));
    return parseRequest(`{"id":${text},"cmd":""}`).id;
  } catch {
    return undefined;
  }
}

/** What a client is told whose line was skipped for its length. */
export function lineTooLong(maxBytes: number): ChatError {
  return new ChatError("line_too_long", `A line is at most ${maxBytes} bytes; this one was skipped`);
}
