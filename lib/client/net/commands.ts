import { type Argument, typedText, usageOf } from "../../wire/command.ts";
import type { ArgumentHelp, CommandHelp } from "../../wire/event.ts";
import type { Request } from "./connection.ts";

/** Whether a request can be sent again: `message` has a `cid`, `repeat` is harmless twice, `once` is neither. */
export type Repetition = "message" | "repeat" | "once";

/** Commands that may be done twice; one that is not known here is not done again after a lost connection. */
const repeatable: ReadonlySet<string> = new Set(
  [
    ...[
      "join",
      "leave",
      "rooms",
      "users",
      "who",
      "subscribe",
      "unsubscribe",
      "subs",
      "block",
      "unblock",
      "blocks",
      "history",
      "whoami",
      "away",
      "devices",
      "tokens",
      "requests",
      "help",
    ],
    ...["room", "topic", "private", "slow", "unban", "unmute", "op", "deop"],
    ...["upload", "chunk", "download", "withdraw", "keys", "key", "unkey"],
  ],
);

/** The names of the command for a private message; a server has no say in them. */
const privateNames: ReadonlySet<string> = new Set(["msg", "dm", "tell"]);

/** What is typed of one: a server may add what programs give it, and nothing that a person types. */
const privateArguments: readonly ArgumentHelp[] = [
  { name: "to", kind: "user", optional: false },
  { name: "text", kind: "text", optional: false },
  { name: "cid", kind: "id", optional: true },
];

/**
 * The commands that a server told of, and what follows from their arguments.
 *
 * The client has no list of its own: a command that a server gains can be typed at once. The one exception is the
 * private message: what it is called and which of its words are the text is not for a server to say, since the text is
 * encrypted and all else is not.
 */
export class CommandTable {
  /** In the server's order. */
  readonly all: readonly CommandHelp[];
  readonly #byName = new Map<string, CommandHelp>();

  constructor(commands: readonly CommandHelp[]) {
    this.all = commands.map((command) =>
      command.name === "msg" ? { ...command, arguments: privateArguments } : command
    );
    for (const command of this.all) {
      for (const name of [command.name, ...command.aliases]) {
        const isPrivate = privateNames.has(name.toLowerCase());
        if (!isPrivate || command.name === "msg") this.#byName.set(name.toLowerCase(), command);
      }
    }
  }

  /** Those that people type. */
  get typed(): readonly CommandHelp[] {
    return this.all.filter(isTyped);
  }

  /** Whether a request is a private message. */
  isPrivate({ cmd }: { readonly cmd: string }): boolean {
    return privateNames.has(cmd.toLowerCase()) || this.find(cmd)?.name === "msg";
  }

  /** The command of that name or alias. */
  find(name: string): CommandHelp | undefined {
    return this.#byName.get(name.toLowerCase());
  }

  /** How a command is typed: `/msg <user> <text>`. */
  usage({ name, arguments: declared }: CommandHelp): string {
    return usageOf(name, toArguments(declared));
  }

  /** A request as it is typed: `/msg bob hi`, without its secrets. */
  textOf(request: Request): string {
    const declared = this.find(request.cmd)?.arguments;
    return typedText(request, declared && toArguments(declared));
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

/** Whether a command is for people; `hello` can be typed, and is the first line of programs. */
export function isTyped({ name, typed }: Pick<CommandHelp, "name" | "typed">): boolean {
  return typed !== false && name !== "hello";
}

/** A command's arguments as the parser of typed lines takes them. */
export function toArguments(declared: readonly ArgumentHelp[]): Argument[] {
  return declared.map(({ name, kind, optional, typed }) => ({
    name,
    kind,
    ...(optional ? { optional } : {}),
    ...(typed === false ? { typed } : {}),
  }));
}
