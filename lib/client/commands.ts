/**
 * The commands that a server told of, and what follows from their arguments.
 *
 * The client has no list of its own: a command that a server gains can be typed at once.
 */

import { type Argument, usageOf } from "../wire/command.ts";
import type { ArgumentHelp, CommandHelp } from "../wire/event.ts";
import type { Repetition } from "./outgoing.ts";

/** Commands that may be done twice; one that is not known here is not done again after a lost connection. */
const repeatable: ReadonlySet<string> = new Set(
  ["join", "leave", "rooms", "users", "who", "subscribe", "unsubscribe", "subs", "history", "whoami", "help"],
);

/** See the file's first line. */
export class CommandTable {
  /** In the server's order. */
  readonly all: readonly CommandHelp[];
  readonly #byName = new Map<string, CommandHelp>();

  constructor(commands: readonly CommandHelp[]) {
    this.all = commands;
    for (const command of commands) {
      for (const name of [command.name, ...command.aliases]) this.#byName.set(name.toLowerCase(), command);
    }
  }

  /** The command of that name or alias. */
  find(name: string): CommandHelp | undefined {
    return this.#byName.get(name.toLowerCase());
  }

  /** How a command is typed: `/msg <user> <text>`. */
  usage({ name, arguments: declared }: CommandHelp): string {
    return usageOf(name, toArguments(declared));
  }

  /** Whether a request may be sent again: one that takes a `cid` is a message, and known by it. */
  repetition(name: string): Repetition {
    if (this.find(name)?.arguments.some(({ name, kind }) => name === "cid" && kind === "id")) return "message";
    return repeatable.has(name) ? "repeat" : "once";
  }

  /** Whether a message goes to the room that the user is in, and can name it. */
  takesRoom(name: string): boolean {
    return this.find(name)?.arguments.some(({ kind, optional }) => kind === "room" && optional) ?? false;
  }
}

/** A command's arguments as the parser of typed lines takes them. */
export function toArguments(declared: readonly ArgumentHelp[]): Argument[] {
  return declared.map(({ name, kind, optional }) => ({ name, kind, ...(optional ? { optional } : {}) }));
}
