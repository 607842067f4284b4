import { ChatError } from "../../common/errors.ts";
import { parseTyped } from "../../wire/command.ts";
import { cleanLine } from "../../wire/clean.ts";
import { isTyped } from "../net/commands.ts";
import type { Update } from "./update.ts";

/** Where a command says what came of it. */
export interface Tell {
  /** A line that was asked for. */
  answer(line: string): void;
  /** A sentence that was not, about how it goes. */
  note(sentence: string): void;
}

/** What Tab makes of an argument; `@user` can be left out, a `target` is a user or a room, a `path` the line's rest. */
export type Completed = "user" | "@user" | "room" | "target" | "path" | readonly string[] | (() => readonly string[]);

/** One of the client's own commands. */
export interface LocalCommand {
  readonly name: string;
  /** Other names for it. */
  readonly aliases?: readonly string[];
  /** How it is typed: `/verify <user> [yes|no]`. */
  readonly usage: string;
  readonly help: string;
  /** What its arguments are completed from, in order. */
  readonly completes?: readonly Completed[];
  /**
   * Does it. A script waits until it is done; a person goes on typing.
   *
   * @param rest what was typed behind the name, without blanks at its ends
   * @throws {ChatError} `usage` for wrong arguments, or anything else that is then shown as one line
   */
  run(rest: string, tell: Tell): void | Promise<void>;
}

/** A command as it was typed. */
export interface LocalCall {
  readonly command: LocalCommand;
  readonly rest: string;
}

/** What went wrong was shown already, where it came from. */
export class AlreadyTold extends Error {
  constructor(override readonly cause: unknown) {
    super("It was told already");
  }
}

/**
 * The client's own commands: what can be typed like a server's command and is done here.
 *
 * Each is one record with its name, its usage, its help, its completions and what it does, so that the full screen,
 * plain terminals and scripts know the same ones. Where a server has a command of the same name, the client's is meant.
 */
export class LocalCommands {
  readonly #commands: LocalCommand[] = [];
  readonly #footers: string[] = [];

  /** All of them, in the order of `/help`. */
  get all(): readonly LocalCommand[] {
    return this.#commands;
  }

  /** Their names, the other ones too. */
  get names(): readonly string[] {
    return this.#commands.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  }

  /** Adds commands. */
  add(...commands: readonly LocalCommand[]): void {
    this.#commands.push(...commands);
  }

  /** The lines at the end of `/help`. */
  get footers(): readonly string[] {
    return this.#footers;
  }

  /** Adds a line to the end of `/help`. */
  addHelp(line: string): void {
    this.#footers.push(line);
  }

  /** The command of that name. */
  find(name: string): LocalCommand | undefined {
    const wanted = name.toLowerCase();
    return this.#commands.find(({ name, aliases }) => name === wanted || aliases?.includes(wanted));
  }

  /** The command that a typed line calls; undefined where it calls none of the client's own. */
  call(line: string): LocalCall | undefined {
    const typed = parseTyped(line);
    if (typed.kind === "say") return undefined;
    const rest = typed.rest.trim();
    const asked = typed.name === "help" ? this.find(rest.replace(/^\//, "")) : undefined;
    if (asked) return { command: { ...asked, run: (_, { answer }) => answer(helpLine(asked)) }, rest: "" };
    const command = this.find(typed.name);
    return command && { command, rest };
  }

  /**
   * What is to be shown for an update: the answer to `/help`, which a script asks the server for, goes without commands
   * that are the client's or for programs.
   *
   * @returns the update, and the lines to show after it
   */
  explain(update: Update): { update: Update; lines: readonly string[] } {
    if (update.kind !== "reply" || update.reply.of !== "help" || update.request.command !== undefined) {
      return { update, lines: [] };
    }
    const { reply } = update;
    const commands = Array.isArray(reply.commands)
      ? reply.commands.filter((command) => isTyped(command) && !this.find(command.name))
      : [];
    return {
      update: { ...update, reply: { ...reply, commands } },
      lines: [...this.#commands.map(helpLine), ...this.#footers],
    };
  }
}

/** A command that was typed in a way that it cannot be meant. */
export function misused({ usage }: Pick<LocalCommand, "usage">): ChatError {
  return new ChatError("usage", `Usage: ${usage}`);
}

/** A command as `/help` explains it. */
export function helpLine({ usage, help }: LocalCommand): string {
  return cleanLine(`${usage} — ${help}`);
}
