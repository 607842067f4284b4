import { ChatError } from "../../common/errors.ts";
import { type ArgumentLimits, bindFields, bindTyped, quote } from "../../wire/command.ts";
import type { CommandHelp } from "../../wire/event.ts";
import type { LineLimits } from "../../wire/lines.ts";
import { refusalOf } from "./access.ts";
import type { CommandSpec } from "./command.ts";
import type { UserSession } from "../sessions/user_session.ts";

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
  readonly #longest: Readonly<Record<"guest" | "member", LongLines>>;

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
    this.#longest = { guest: longest(commands, "guest"), member: longest(commands, "member") };
  }

  /** How long lines in JSON may be of somebody who may log in, or has. */
  lineLimits(session: UserSession | undefined, bytes: number): LineLimits {
    const { lineBytes, beginning } = this.#longest[session ? "member" : "guest"];
    if (lineBytes <= bytes) return { bytes };
    if (session) return { bytes: lineBytes };
    return { bytes, longer: { bytes: lineBytes, fits: (line) => beginning.test(line) } };
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
    const refusal = session?.access && refusalOf(session.access, command, values, session);
    if (refusal !== undefined) throw new ChatError("forbidden", refusal);
    return { command, values };
  }
}

/** Lines that may be longer than others. */
interface LongLines {
  /** The longest, in bytes. */
  readonly lineBytes: number;
  /** What stands within the first bytes of one: a command that allows itself a longer line, or a field of it. */
  readonly beginning: RegExp;
}

function longest(commands: readonly CommandSpec[], of: "guest" | "member"): LongLines {
  const own = commands.filter(({ who, lineBytes }) => lineBytes > 0 && (who === "guest") === (of === "guest"));
  const words = own.flatMap((
    { name, aliases, arguments: fields },
  ) => [name, ...aliases, ...fields.map(({ name }) => name)]);
  return {
    lineBytes: Math.max(0, ...own.map(({ lineBytes }) => lineBytes)),
    beginning: new RegExp(`"(?:${words.join("|")})"`, "i"),
  };
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
    arguments: declared.map(({ name, kind, optional, typed }) => ({
      name,
      kind,
      optional: optional === true,
      ...(typed === false ? { typed } : {}),
    })),
    help,
    typed,
  };
}
