/**
 * The command line as tables: words, options and variables.
 *
 * The parser, `--help` and the shells' completions are made from them and nothing else.
 */

import { deviceRule } from "../../../wire/names.ts";

/** What the client can be told to do; the first is what it does when nothing is said. */
export const words = {
  chat: { usage: "[server]", help: "talk; with a pipe as the input, run a script" },
  send: { usage: "[text …]", help: "say the text, or each line of the input, in a room or to somebody" },
  tail: { usage: "[room …]", help: "print what is said in a room, or in several, as it is said" },
  history: { usage: "", help: "print what was said in a room, or with somebody" },
  get: {
    usage: "[name or id …]",
    help: "fetch files that were offered in a room or a talk; without a name, list them",
  },
  forget: { usage: "<server>", help: "forget a server's remembered certificate, so that you are asked again" },
  completions: { usage: "<shell>", help: "print completions for bash, zsh or fish" },
} as const;

/** A key of {@linkcode words}: what the client is told to do. */
export type Word = keyof typeof words;

/** The shells that there are completions for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** A shell that completions can be printed for. */
export type Shell = (typeof shells)[number];

/** An option as the parser, `--help` and completions read it. */
export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** What a string stands for, in `--help`; a `file` or a `folder` is a path. */
  readonly value?: string;
  /** What is allowed, in words, where that is more than a value of this kind. */
  readonly allowed?: string;
  readonly help: string;
  /** What it goes with. */
  readonly words: readonly Word[];
  /** Whether a profile may set it. */
  readonly profile: boolean;
}

const dialing: readonly Word[] = ["chat", "send", "tail", "history", "get"];
const beside: readonly Word[] = ["send", "tail", "history", "get"];
const all = Object.keys(words) as Word[];

/** Every option. */
export const optionTable = {
  server: {
    type: "string",
    short: "s",
    value: "server",
    help: "the servers, or a profile, where no argument names them",
    words: dialing,
    profile: true,
  },
  user: {
    type: "string",
    short: "u",
    value: "name",
    help: "log in as this user, without asking for the name",
    words: dialing,
    profile: true,
  },
  username: {
    type: "string",
    value: "name",
    help: "another name for --user",
    words: dialing,
    profile: false,
  },
  register: {
    type: "boolean",
    help: "make an account of that name, and log in",
    words: ["chat"],
    profile: false,
  },
  device: {
    type: "string",
    value: "name",
    allowed: deviceRule,
    help: "the name of this device, for a server where one is logged in on several",
    words: ["chat"],
    profile: true,
  },
  "password-file": {
    type: "string",
    value: "file",
    help: "read the password from a file's first line",
    words: dialing,
    profile: true,
  },
  remember: {
    type: "boolean",
    help: "stay logged in on this machine: keep what resumes the session, in a file for you alone",
    words: ["chat"],
    profile: true,
  },
  ca: {
    type: "string",
    value: "file",
    help: "the authority to trust, as PEM (default: the system's, in the project's folder its own)",
    words: dialing,
    profile: true,
  },
  tofu: {
    type: "boolean",
    help: "ask about a certificate at once, whatever an authority says, and refuse any other from then on",
    words: dialing,
    profile: true,
  },
  insecure: {
    type: "boolean",
    help: "accept any certificate, this time only: anybody in between can read and change it all",
    words: dialing,
    profile: false,
  },
  room: {
    type: "string",
    short: "r",
    value: "room",
    help: "the room to write to or to read",
    words: beside,
    profile: true,
  },
  to: {
    type: "string",
    short: "t",
    value: "name",
    help: "the user to write to, or the talk with them",
    words: ["send", "history", "get"],
    profile: false,
  },
  publish: {
    type: "boolean",
    help: "tell everybody who follows you",
    words: ["send"],
    profile: false,
  },
  file: {
    type: "string",
    short: "f",
    value: "file",
    help: "offer this file; the text, if there is one, goes with it",
    words: ["send"],
    profile: false,
  },
  output: {
    type: "string",
    short: "o",
    value: "file",
    help: "where the file goes: a file, a folder, or - for the output",
    words: ["get"],
    profile: false,
  },
  downloads: {
    type: "string",
    value: "folder",
    help: "the folder for fetched files (default: the desktop's, ~/Downloads, or this one)",
    words: ["chat", "get"],
    profile: true,
  },
  count: {
    type: "string",
    short: "n",
    value: "number",
    help: "how many messages of before, at most 10000 (history: 20, tail: 0)",
    words: ["tail", "history"],
    profile: false,
  },
  json: {
    type: "boolean",
    help: "speak JSON lines instead of text",
    words: ["chat", "tail", "history", "get"],
    profile: false,
  },
  side: {
    type: "boolean",
    help: "with --json: log in beside the user's session, which evicts nobody",
    words: ["chat"],
    profile: false,
  },
  "many-rooms": {
    type: "boolean",
    help: "with --json: be in all rooms of the account, or join several with --side; requests name theirs",
    words: ["chat"],
    profile: false,
  },
  plain: {
    type: "boolean",
    help: "plain lines instead of a screen",
    words: ["chat"],
    profile: true,
  },
  color: {
    type: "string",
    value: "when",
    allowed: "auto, always, never",
    help: "use colours: auto, always or never (default: auto, which is not where NO_COLOR is set)",
    words: ["chat"],
    profile: true,
  },
  notify: {
    type: "string",
    value: "how",
    allowed: "off, bell, osc9, osc777",
    help: "when you are named or written to: off, bell, osc9 or osc777 (default: off)",
    words: ["chat"],
    profile: true,
  },
  mouse: {
    type: "boolean",
    help: "let the mouse's wheel scroll; selecting then needs Shift",
    words: ["chat"],
    profile: true,
  },
  "escape-time": {
    type: "string",
    value: "ms",
    allowed: "a time in milliseconds",
    help: "how long Escape waits for the rest of a key (default: 50; more over slow lines)",
    words: ["chat"],
    profile: true,
  },
  discover: {
    type: "boolean",
    help: "list the servers that answer in this network, with their rooms; on a terminal, choose one",
    words: ["chat"],
    profile: false,
  },
  join: {
    type: "string",
    short: "j",
    value: "room",
    help: "join this room after the login; with --discover, on the first trusted server that has it",
    words: ["chat"],
    profile: false,
  },
  help: { type: "boolean", short: "h", help: "show this help", words: all, profile: false },
  version: { type: "boolean", short: "V", help: "show the version", words: all, profile: false },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** An option's long name, without its dashes. */
export type OptionName = keyof typeof optionTable;

/** Whether an option's value is a path. */
export function takesPath({ value }: OptionSpec): boolean {
  return value === "file" || value === "folder";
}
