/**
 * The commands that an operator types, as one table: words, arguments, flags and help; `--help` and the parser derive
 * from it.
 */

import { durationRule } from "../wire/duration.ts";

/** A flag of a command; one without a placeholder takes no value. */
export interface AdminFlag {
  readonly placeholder?: string;
  readonly doc: string;
}

/** What an operator can have done: how it is typed, and what help says of it. */
export interface CommandSpec {
  /** Names of its arguments, in order; one in brackets may be left out. */
  readonly arguments: readonly string[];
  readonly flags?: Readonly<Record<string, AdminFlag>>;
  readonly doc: string;
  /** Whether a database may be made by it. */
  readonly making?: true;
}

const password = "asks for the password, or reads it from the standard input";

/** Words → what they do. */
export const commands = {
  "users list": { arguments: [], doc: "Everybody who has an account, and who is online where" },
  "users create": {
    arguments: ["user"],
    flags: { role: { placeholder: "<role>", doc: "user (the default), moderator or admin" } },
    doc: `Makes an account; ${password}`,
    making: true,
  },
  "users password": {
    arguments: ["user"],
    doc: `Sets a new password and closes the user's connections; ${password}`,
  },
  "users disable": { arguments: ["user"], doc: "Lets nobody log in or resume as the user, and closes its connections" },
  "users enable": { arguments: ["user"], doc: "Undoes disable" },
  "users show": { arguments: ["user"], doc: "What is stored of an account, without its secrets" },
  "users export": {
    arguments: ["user"],
    doc:
      "Writes one account's data as JSON lines: the account, its private messages, its feed, and what it said in rooms",
  },
  "users delete": {
    arguments: ["user"],
    doc:
      "Deletes an account for good, and closes its connections; its name stays taken, and what it said stays, under " +
      "another name",
  },
  "users role": { arguments: ["user", "role"], doc: "Makes the user a user, moderator or admin" },
  "users totp-off": {
    arguments: ["user"],
    doc: "Switches the user's two-factor login off, for who has lost the authenticator and the recovery codes",
  },
  "invitations new": {
    arguments: [],
    flags: { days: { placeholder: "<n>", doc: "for how many days it is good; 7 unless given" } },
    doc: "Makes an invitation, with which one account can be made where REGISTRATION is invite; shows its code once",
    making: true,
  },
  "invitations list": { arguments: [], doc: "Invitations: who made each, until when it is good, and who has used it" },
  "invitations revoke": { arguments: ["invitation"], doc: "Takes an invitation back, by its id or its code" },
  "rooms list": { arguments: [], doc: "Rooms with somebody in them or with messages" },
  "rooms purge": {
    arguments: ["room"],
    flags: { keep: { placeholder: "<n>", doc: "leaves the last n messages; 0 unless given" } },
    doc: "Forgets a room's messages; who has not read them is told of a gap",
  },
  "rooms show": { arguments: ["room"], doc: "Who owns and moderates a room, who is banned, muted, listed and invited" },
  "rooms set-owner": {
    arguments: ["room", "[user]"],
    doc: "Gives a room to a user; without one it belongs to the moderators of the service",
  },
  "rooms private": {
    arguments: ["room", "on|off"],
    doc: "Makes a room private, for those on its list only, or public",
  },
  "rooms delete": {
    arguments: ["room"],
    doc: "Removes everybody from a room, and forgets its messages, its owner and what else was decided of it",
  },
  "reports": { arguments: [], doc: "What users reported that nobody has closed, with the last messages as they were" },
  "reports close": { arguments: ["report"], doc: "Forgets a report, by its number" },
  "announce": { arguments: ["text"], doc: "Tells everybody something who is logged in" },
  "sessions list": { arguments: [], doc: "Who is logged in, on which server and in which room" },
  "sessions kick": {
    arguments: ["user"],
    doc: "Closes a user's connections and makes its resume tokens worthless; it may log in again",
  },
  "limits show": { arguments: [], doc: "Who has to wait for which limit on pace, on which server and for how long" },
  "limits clear": {
    arguments: ["[key]"],
    doc: "Lets a user, an address or a network wait no longer; everybody where none is named",
  },
  "bans list": { arguments: [], doc: "The networks that no client may come from" },
  "bans add": {
    arguments: ["network"],
    flags: {
      for: { placeholder: "<time>", doc: `how long, ${durationRule}; for good unless given` },
      reason: { placeholder: "<text>", doc: "what its clients are told" },
    },
    doc: "Lets no client come from an address or a network, and closes the connections from there",
  },
  "bans remove": { arguments: ["network"], doc: "Lets clients come from there again" },
  "servers list": { arguments: [], doc: "The servers that share the store, and their leases" },
  "reload": { arguments: [], doc: "Has every server read its certificate and configuration again" },
  "export": {
    arguments: ["[file]"],
    doc: "Writes everything that lasts as JSON lines, to the file or to the standard output; servers go on meanwhile",
  },
  "import": {
    arguments: ["[file]"],
    flags: { merge: { doc: "into a store that is not empty: adds what is not there, keeps what is" } },
    doc: "Reads what export wrote, from the file or from the standard input",
    making: true,
  },
  "migrate": {
    arguments: [],
    doc: "Brings what an earlier release stored to this release's schema, as a server does at its start; with Redis, " +
      "not while servers of an earlier release run",
  },
  "doctor": {
    arguments: [],
    doc: "Looks whether configuration, certificate, store, port and limits are as they should be",
  },
} as const satisfies Readonly<Record<string, CommandSpec>>;

/** Words of a command. */
export type CommandName = keyof typeof commands;

/** What `--help` prints. */
export function adminHelp(): string {
  const lines = [
    "Usage: deno task admin <command> [argument …] [--json] [--option value …]",
    "",
    "It uses the server's own configuration: the environment, .env and the server's flags (deno task server --help).",
    "With Redis it asks Redis; with SQLite it asks the server that runs, or opens the file where none does.",
    "",
  ];
  for (const [name, spec] of Object.entries(commands) as [string, CommandSpec][]) {
    lines.push(
      `  ${
        [name, ...spec.arguments.map((argument) => argument.startsWith("[") ? argument : `<${argument}>`)].join(" ")
      }`,
    );
    lines.push(`      ${spec.doc}.`);
    for (const [flag, { placeholder, doc }] of Object.entries(spec.flags ?? {})) {
      lines.push(`      --${flag}${placeholder ? ` ${placeholder}` : ""}: ${doc}.`);
    }
  }
  lines.push("", "  --json       One JSON object a line, for programs.", "  --help, -h   This text.", "");
  lines.push("Exit codes: 0 done, 1 not done (one line says why), 2 a command that there is not.");
  return lines.join("\n");
}
