/** What an operator typed, read: the command with its arguments, and what is left for the configuration. */

import { type FlagSpec, readCommandLine } from "../common/command_line.ts";
import { flagTable } from "../config/config.ts";
import { type AdminFlag, type CommandName, commands, type CommandSpec } from "./command_table.ts";

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

/** Every command's own flags. */
const ownFlags: Readonly<Record<string, AdminFlag>> = Object.assign(
  {},
  ...Object.values(commands as Readonly<Record<string, CommandSpec>>).map(({ flags }) => flags),
);

const table: Readonly<Record<string, FlagSpec>> = {
  ...flagTable,
  ...Object.fromEntries(
    Object.entries(ownFlags).map(([name, { placeholder }]) => [
      name,
      placeholder === undefined ? { type: "boolean" } : { type: "string", allowed: placeholder },
    ]),
  ),
  json: { type: "boolean" },
};

/**
 * Splits a command line into the command, its arguments, and the configuration's flags.
 *
 * @returns "help" where that was asked for, or nothing was
 * @throws {UsageError} for a command that there is not, or that is typed with the wrong arguments or flags
 * @throws {CommandLineError} for a flag that no command and no option has, or that lacks its value
 */
export function parseCommand(args: readonly string[]): Typed | "help" {
  const { flags, positionals } = readCommandLine(args, table);
  if (flags.has("help") || args.length === 0 || positionals[0] === "help") return "help";
  const [first, second] = positionals;
  const command = [`${first} ${second}`, first].find((name) => name !== undefined && Object.hasOwn(commands, name)) as
    | CommandName
    | undefined;
  if (!command) {
    const words = positionals.slice(0, 2).join(" ");
    throw new UsageError(`There is no command ${JSON.stringify(words)}; --help lists them`);
  }
  const given = readArguments(command, positionals.slice(command.split(" ").length));
  for (const [name, text] of flags) {
    if (!Object.hasOwn(ownFlags, name)) continue;
    if (!Object.hasOwn((commands[command] as CommandSpec).flags ?? {}, name)) {
      throw new UsageError(`--${name} does not go with ${command}; --help says more`);
    }
    given[name] = text === true ? "yes" : text;
  }
  const rest = [...flags].filter(([name]) => Object.hasOwn(flagTable, name))
    .map(([name, text]) => text === true ? `--${name}` : `--${name}=${text}`);
  return { command, given, json: flags.has("json"), rest };
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
