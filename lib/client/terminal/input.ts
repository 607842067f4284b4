/**
 * What a person types → a request, by the server's own command table.
 *
 * The words and the errors are those of the text format, for the same functions read both.
 */

import { ChatError } from "../../common/errors.ts";
import { bindTyped, parseTyped } from "../../wire/command.ts";
import type { CommandHelp } from "../../wire/event.ts";
import { type CommandTable, toArguments } from "../net/commands.ts";
import type { Request } from "../net/connection.ts";
import { unknownCommand } from "../session/help.ts";
import type { Login } from "../session/update.ts";
import { submittedLines } from "./editor.ts";
import { looksLikeLogin } from "./secrets.ts";

/** What a typed line is. */
export type Typed =
  | { readonly kind: "request"; readonly request: Request }
  /** A command whose secrets are to be asked for, so that they are not seen on the screen. */
  | { readonly kind: "secrets"; readonly command: CommandHelp; readonly names: readonly string[] }
  | { readonly kind: "nothing" };

/**
 * Reads a line: `/name arguments`, `//x` for "/x", anything else is said.
 *
 * @param maxMessageBytes the longest message that the server takes
 * @param own the names of the client's own commands, one of which may have been meant
 * @throws {ChatError} `unknown_command`, `usage`, or what is wrong with an argument
 */
export function readLine(
  line: string,
  commands: CommandTable,
  maxMessageBytes: number,
  own: readonly string[] = [],
): Typed {
  if (line.trim() === "") return { kind: "nothing" };
  const typed = parseTyped(line);
  const { name, rest } = typed.kind === "say" ? { name: "say", rest: typed.text } : typed;
  const command = findTyped(name, commands);
  if (!command) {
    throw unknownCommand(name, [...own, ...commands.typed.flatMap(({ name, aliases }) => [name, ...aliases])]);
  }
  const names = command.arguments.filter(({ kind }) => kind === "secret").map(({ name }) => name);
  const onlySecrets = names.length > 0 &&
    command.arguments.every(({ kind, optional }) => kind === "secret" || optional);
  if (onlySecrets && rest.trim() === "") return { kind: "secrets", command, names };
  return { kind: "request", request: bind(command, rest, maxMessageBytes) };
}

/**
 * Reads a login as the first line of a script: `LOGIN user password` or `REGISTER user password`.
 *
 * @returns undefined where the line is neither
 * @throws {ChatError} `usage` for a missing argument
 */
export function readLogin(line: string): Login | undefined {
  const found = /^\/?(login|register)(?:[ \t]+(\S+)(?:[ \t](.+))?)?[ \t]*$/i.exec(line);
  if (!found) return undefined;
  const [, verb, user, password] = found;
  const cmd = verb.toLowerCase() === "login" ? "login" : "register";
  if (!user || !password) throw new ChatError("usage", `Usage: ${cmd.toUpperCase()} <user> <password>`);
  return { cmd, user, password };
}

/** Whether a line carries a secret, or looks as if it did: nothing keeps it, and it is not said without a question. */
export function isSecret(line: string, commands: CommandTable, user?: string): boolean {
  const typed = parseTyped(line);
  const command = typed.kind === "say" ? undefined : commands.find(typed.name);
  if (command) return takesSecret(command);
  const names = commands.all.filter(takesSecret).map(({ name }) => name);
  return looksLikeLogin(line, { user, names });
}

/**
 * Whether a submitted text may be kept in a file: no line of it carries a secret, and each is understood. Nobody can say
 * what is in a line that begins with an unknown command: a password, where that was a login's name misspelt.
 *
 * @param isOwn whether the client itself has a command of that name
 */
export function mayKeep(
  text: string,
  commands: CommandTable,
  isOwn: (name: string) => boolean,
  user?: string,
): boolean {
  return submittedLines(text).every((line) => {
    const typed = parseTyped(line);
    const known = typed.kind === "say" || isOwn(typed.name) || findTyped(typed.name, commands) !== undefined;
    return known && !isSecret(line, commands, user);
  });
}

/** The server's command of that name, where it is one that people type. */
function findTyped(name: string, commands: CommandTable): CommandHelp | undefined {
  const command = commands.find(name);
  return command?.typed === false ? undefined : command;
}

function takesSecret(command: CommandHelp): boolean {
  return command.arguments.some(({ kind }) => kind === "secret");
}

function bind({ name, arguments: declared }: CommandHelp, rest: string, maxMessageBytes: number): Request {
  const [first] = declared;
  // People write @bob and #general; no name begins with a sign, so that nothing else can be meant.
  const sign = first?.optional ? undefined : first?.kind === "user" ? "@" : first?.kind === "room" ? "#" : undefined;
  const bare = sign !== undefined && rest.trimStart().startsWith(sign) ? rest.trimStart().slice(1) : rest;
  return { ...bindTyped(name, toArguments(declared), bare, { maxMessageBytes }), cmd: name };
}
