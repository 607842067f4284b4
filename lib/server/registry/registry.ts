import { ChatError } from "../../common/errors.ts";
import {
  type Argument,
  type ArgumentLimits,
  type Arguments,
  bindFields,
  bindTyped,
  quote,
} from "../../wire/command.ts";
import type { CommandHelp } from "../../wire/event.ts";
import type { Caller, Outcome, Services } from "./caller.ts";
import type { UserSession } from "../sessions/user_session.ts";

/**
 * Who may give a command: `guest` is not logged in, `user` is logged in, a side connection included, `member` has a
 * session, and `anyone` is anyone.
 */
export type Audience = "anyone" | "guest" | "user" | "member";

/** One command, whole: help, arguments, permission and handler in one record. */
export interface CommandSpec {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly arguments: readonly Argument[];
  readonly who: Audience;
  /** One sentence for people. */
  readonly help: string;
  /** Whether the next line is read before this one is answered; replies keep their order all the same. */
  readonly pipelined: boolean;
  /** Whether one with these arguments is not pipelined all the same, since it looks something up before it publishes. */
  alone(values: Record<string, unknown>): boolean;
  /** Whether a person may type it; the others exist in JSON only. */
  readonly typed: boolean;
  /** Whether it is written to the audit log, and under its name to the log, with its outcome. */
  readonly audited: boolean;
  /** The longest line in JSON, in bytes, where it may be longer than others. */
  readonly lineBytes: number;
  run(caller: Caller, values: Record<string, unknown>, services: Services): Promise<Outcome>;
}

/** A caller that the gate let through, as its command's audience sees it. */
export type Admitted<W extends Audience> = W extends "user" | "member" ? Caller & { session: UserSession } : Caller;

/** What {@linkcode defineCommand} takes: a spec whose handler gets its arguments typed. */
export interface CommandDefinition<A extends readonly Argument[], W extends Audience> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly arguments?: A;
  readonly who: W;
  readonly help: string;
  readonly pipelined?: true;
  alone?(values: Arguments<A>): boolean;
  readonly typed?: false;
  readonly audited?: true;
  readonly lineBytes?: number;
  run(caller: Admitted<W>, values: Arguments<A>, services: Services): Outcome | Promise<Outcome>;
}

/** Makes a command's record. */
export function defineCommand<const A extends readonly Argument[] = [], W extends Audience = Audience>(
  definition: CommandDefinition<A, W>,
): CommandSpec {
  return {
    name: definition.name,
    aliases: definition.aliases ?? [],
    arguments: definition.arguments ?? [],
    who: definition.who,
    help: definition.help,
    pipelined: definition.pipelined ?? false,
    alone: (values) => definition.alone?.(values as Arguments<A>) ?? false,
    typed: definition.typed ?? true,
    audited: definition.audited ?? false,
    lineBytes: definition.lineBytes ?? 0,
    // deno-lint-ignore require-await -- a handler's exception becomes a rejection, whether it is async or not
    run: async (caller, values, services) => definition.run(caller as Admitted<W>, values as Arguments<A>, services),
  };
}

/** How a command's arguments came in. */
export type Given =
  | { readonly rest: string }
  | { readonly fields: Readonly<Record<string, unknown>> };

/**
 * The commands' registry: what a command is, and the one gate before any handler.
 *
 * Whether a command exists, who may give it and whether its arguments are good is decided here, from the command's own
 * spec; a handler begins where its own work begins.
 */
export class Registry {
  readonly commands: readonly CommandSpec[];
  readonly #byName = new Map<string, CommandSpec>();
  readonly #limits: ArgumentLimits;
  readonly #longest: Readonly<Record<"guest" | "member", number>>;

  /** @throws {Error} where two commands share a name */
  constructor(commands: readonly CommandSpec[], limits: ArgumentLimits) {
    this.commands = commands;
    this.#limits = limits;
    for (const command of commands) {
      for (const name of [command.name, ...command.aliases]) {
        if (this.#byName.has(name)) throw new Error(`Two commands are called ${name}`);
        this.#byName.set(name, command);
      }
    }
    const longest = (fits: (command: CommandSpec) => boolean) =>
      Math.max(0, ...commands.filter(fits).map(({ lineBytes }) => lineBytes));
    this.#longest = { guest: longest(({ who }) => who === "guest"), member: longest(({ who }) => who !== "guest") };
  }

  /** The longest line in JSON, in bytes, that somebody may have a use for: who logs in, or who has. */
  longestLine(session: UserSession | undefined): number {
    return this.#longest[session ? "member" : "guest"];
  }

  /** The command of that name or alias. */
  find(name: string): CommandSpec | undefined {
    return this.#byName.get(name);
  }

  /**
   * Decides whether a command may run, and reads its arguments.
   *
   * @throws {ChatError} `unknown_command`, `login_required`, `already_authenticated`, `forbidden`, or what is wrong with
   *   an argument
   */
  admit(
    name: string,
    given: Given,
    session: UserSession | undefined,
  ): { command: CommandSpec; values: Record<string, unknown> } {
    const command = this.#byName.get(name);
    if (!command || ("rest" in given && !command.typed)) {
      throw new ChatError("unknown_command", `There is no command ${quote(name)}; /help lists them`);
    }
    if (command.who === "guest" && session) throw new ChatError("already_authenticated", `You are ${session.user}`);
    if ((command.who === "user" || command.who === "member") && !session) throw loginRequired();
    if (command.who === "member" && session!.side) {
      throw new ChatError("forbidden", `A side connection cannot ${quote(command.name)}`);
    }
    const values = "rest" in given
      ? bindTyped(command.name, command.arguments, given.rest, this.#limits)
      : bindFields(command.name, command.arguments, given.fields, this.#limits);
    return { command, values };
  }
}

/** What anybody is told who is not logged in. */
export function loginRequired(): ChatError {
  return new ChatError("login_required", "Log in first: LOGIN <username> <password>");
}

/** A command as `help` describes it. */
export function describe({ name, aliases, arguments: declared, help, typed }: CommandSpec): CommandHelp {
  return {
    name,
    aliases,
    arguments: declared.map(({ name, kind, optional }) => ({ name, kind, optional: optional === true })),
    help,
    typed,
  };
}
