/**
 * The command line as one table, and what it and the environment amount to.
 *
 * Nothing here reads a file or asks for a permission; `--help` is made from the same table.
 */

import { parseArgs } from "node:util";
import { parsePort, parseServers, type ServerAddress, serversRule } from "./address.ts";
import { ClientError, exits } from "./exit.ts";

interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** What a string stands for, in `--help`. */
  readonly value?: string;
  readonly help: string;
}

/** Every option. */
const optionTable = {
  user: { type: "string", short: "u", value: "name", help: "log in as this user, without asking for the name" },
  register: { type: "boolean", help: "make an account of that name, and log in" },
  "password-file": { type: "string", value: "file", help: "read the password from a file's first line" },
  ca: {
    type: "string",
    value: "file",
    help: "the authority to trust, in PEM form (default: certs/ca.pem, or else the system's)",
  },
  help: { type: "boolean", short: "h", help: "show this help" },
  version: { type: "boolean", short: "V", help: "show the version" },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** Every variable that is read. */
const variables = {
  SERVER_PORT: "the port where none is named (default: 8000)",
  CHAT_PASSWORD: "the password for --user",
  SSL_CERT_FILE: "the system's trusted authorities, where they are not in the usual place",
  TERM: '"dumb" gives plain lines instead of an input line at the bottom',
} as const;

/** The port of a server that names none. */
const defaultPort = 8000;

/** Reads a variable of the environment; undefined where it is not set, or may not be read. */
export type Environment = (name: keyof typeof variables) => string | undefined;

/** What the client is to do. */
export type Options =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | {
    readonly kind: "chat";
    readonly servers: readonly ServerAddress[];
    readonly user?: string;
    readonly register: boolean;
    readonly ca?: string;
    readonly passwordFile?: string;
    readonly password?: string;
    /** Whether the terminal can do no more than lines. */
    readonly dumb: boolean;
  };

/**
 * Reads the command line.
 *
 * @throws {ClientError} `usage`, naming what is wrong and what is allowed
 */
export function readOptions(args: readonly string[], env: Environment): Options {
  const { values, positionals } = parse(args);
  if (values.help) return { kind: "help" };
  if (values.version) return { kind: "version" };
  if (positionals.length > 1) {
    throw new ClientError("usage", `"${positionals[1]}" is one argument too many; allowed: ${serversRule}`);
  }
  for (const name of ["user", "ca", "password-file"] as const) {
    if (values[name] === "") {
      throw new ClientError("usage", `--${name} must not be empty; allowed: a ${optionTable[name].value}`);
    }
  }
  if ((values.register || values["password-file"]) && values.user === undefined) {
    const option = values.register ? "--register" : "--password-file";
    throw new ClientError("usage", `${option} needs --user <name>`);
  }
  return {
    kind: "chat",
    servers: parseServers(positionals[0] ?? "localhost", portFrom(env)),
    user: values.user,
    register: values.register ?? false,
    ca: values.ca,
    passwordFile: values["password-file"],
    password: env("CHAT_PASSWORD"),
    dumb: env("TERM") === "dumb",
  };
}

/** The text of `--help`. */
export function helpText(): string {
  const options = Object.entries(optionTable).map(([name, spec]: [string, OptionSpec]): [string, string] => [
    `${spec.short ? `-${spec.short}, ` : "    "}--${name}${spec.value ? ` <${spec.value}>` : ""}`,
    spec.help,
  ]);
  const codes = Object.values(exits).map(({ code, means }): [string, string] => [String(code), means]);
  return `Chat in the terminal, over TLS that is always verified.

Usage: chat [options] [server]

A server is ${serversRule}: the first that answers is
used, the others are for when it goes. On a terminal, chat asks who you are; with a pipe as its input it runs a script:
one line a command or something to say, and the first line is LOGIN <user> <password> unless --user is given.
A script stops at the first command that is refused.

Options:
${columns(options)}

Environment:
${columns(Object.entries(variables))}

Exit codes:
${columns(codes)}

Examples:
  chat chat.example.org
  chat --user alice one.example.org,two.example.org:8001
  echo "build green" | CHAT_PASSWORD=… chat --user builder
  printf 'LOGIN alice password123\\n/join ops\\n/history 20\\n' | chat 8000`;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: optionTable, allowPositionals: true });
  } catch (cause) {
    const allowed = Object.keys(optionTable).map((name) => "--" + name).join(", ");
    const [sentence] = (cause as Error).message.split(/\.\s|\n/);
    throw new ClientError("usage", `${sentence}; allowed: ${allowed}`, { cause });
  }
}

function portFrom(env: Environment): number {
  const text = env("SERVER_PORT");
  if (text === undefined || text === "") return defaultPort;
  const port = parsePort(text);
  if (port === undefined) throw new ClientError("usage", `SERVER_PORT is "${text}"; allowed: 1 to 65535`);
  return port;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, help]) => `  ${name.padEnd(width)}  ${help}`).join("\n");
}
