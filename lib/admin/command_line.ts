/** What an operator typed, read: the command with its arguments, and what is left for the configuration. */

import { type CommandName, commands, type CommandSpec } from "./command_table.ts";
import { options } from "../config/config.ts";

/** A command line that says what to do. */
export interface Typed {
  readonly command: CommandName;
  /** Argument or flag → its text. */
  readonly given: Readonly<Record<string, string>>;
  readonly json: boolean;
  /** The server's own flags. */
  readonly rest: readonly string[];
}

/** A command line that nothing can be done about: one line for who typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Tells the command, what is given to it, and what is the configuration's.
 *
 * @returns "help" where that was asked for, or nothing was
 * @throws {UsageError} naming what is wrong
 */
export function readCommandLine(args: readonly string[]): Typed | "help" {
  if (args.length === 0 || args.some((arg) => arg === "--help" || arg === "-h" || arg === "help")) return "help";
  const words = args.filter((arg) => !arg.startsWith("-")).slice(0, 2);
  const command = [words.join(" "), words[0]].find((name) => name !== undefined && Object.hasOwn(commands, name)) as
    | CommandName
    | undefined;
  if (!command) throw new UsageError(`There is no command ${JSON.stringify(words.join(" "))}; --help lists them`);
  const { flags, positionals, json, rest } = readFlags(args, commands[command]);
  const given = { ...flags, ...readArguments(command, positionals.slice(command.split(" ").length)) };
  return { command, given, json, rest };
}

/** Sorts what was typed into the command's own flags, its arguments, and the configuration's flags. */
function readFlags(args: readonly string[], spec: CommandSpec) {
  const flags: Record<string, string> = {};
  const positionals: string[] = [];
  const rest: string[] = [];
  let json = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const [name, inline] = cut(arg.slice(2));
    const flag = spec.flags?.[name];
    if (!arg.startsWith("--")) positionals.push(arg);
    else if (arg === "--json") json = true;
    else if (flag) {
      const value = flag.placeholder === undefined ? "yes" : inline ?? args[++i];
      if (value === undefined) throw new UsageError(`--${name} is given without a value`);
      flags[name] = value;
    } else {
      rest.push(arg);
      if (inline === undefined && takesValue(name) && i + 1 < args.length) rest.push(args[++i]!);
    }
  }
  return { flags, positionals, json, rest };
}

/** Gives each argument its name. @throws {UsageError} where there are too few or too many */
function readArguments(command: CommandName, positionals: readonly string[]): Record<string, string> {
  const spec: CommandSpec = commands[command];
  const given: Record<string, string> = {};
  for (const [at, argument] of spec.arguments.entries()) {
    const value = positionals[at];
    if (value !== undefined) given[argument.replace(/[[\]]/g, "")] = value;
    else if (!argument.startsWith("[")) throw new UsageError(`${command} needs ${needs(spec)}; --help says more`);
  }
  const tooMuch = positionals[spec.arguments.length];
  if (tooMuch === undefined) return given;
  throw new UsageError(`${command} takes ${needs(spec) || "no arguments"}; ${JSON.stringify(tooMuch)} is too much`);
}

function needs({ arguments: names }: CommandSpec): string {
  return names.map((name) => name.startsWith("[") ? name : `<${name}>`).join(" ");
}

function cut(flag: string): [string, string | undefined] {
  const at = flag.indexOf("=");
  return at < 0 ? [flag, undefined] : [flag.slice(0, at), flag.slice(at + 1)];
}

/** Whether one of the server's flags is followed by its value; one that is on or off takes it with "=". */
function takesValue(flag: string): boolean {
  const name = flag.toUpperCase().replaceAll("-", "_");
  return Object.hasOwn(options, name) && !options[name as keyof typeof options].kind.bare;
}
