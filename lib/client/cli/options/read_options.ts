/**
 * What the command line, a profile and the environment amount to.
 *
 * An option goes before the profile, and that before the environment. Nothing here reads a file or asks for a
 * permission; the tables are in `option_table.ts`.
 */

import type { Environment } from "../../base/environment.ts";
import { CommandLineError, type FlagSpec, readCommandLine } from "../../../common/command_line.ts";
import { closest } from "../../../common/similar.ts";
import {
  placesFrom,
  portFrom,
  readChoice,
  readCount,
  readMs,
  readName,
  readRooms,
  readShell,
  usage,
} from "./option_values.ts";
import { deviceRule, fold, isDevice, isRoom, isUsername, roomRule, usernameRule } from "../../../wire/names.ts";
import { parseServers, serversRule } from "../../base/address.ts";
import { ClientError, withHint } from "../../base/exit.ts";
import type { ChatOptions, Destination, DiscoverOptions, Options, Target } from "./options.ts";
import { type OptionName, type OptionSpec, optionTable, type Word, words } from "./option_table.ts";
import { noProfile, noProfiles, type Profiles, type Values } from "./profiles.ts";
import { colors, notifications } from "../../tui/choices.ts";

/**
 * Reads the command line.
 *
 * @param readProfiles called where profiles may matter
 * @throws {ClientError} `usage`, naming what is wrong and what is allowed
 */
export function readOptions(
  args: readonly string[],
  env: Environment,
  readProfiles: () => Profiles = () => noProfiles,
): Options {
  const { values, positionals } = parse(args);
  if (values.help) return { kind: "help" };
  if (values.version) return { kind: "version" };
  const [first] = positionals;
  const word: Word = first !== undefined && Object.hasOwn(words, first) ? first as Word : "chat";
  const rest = first === word ? positionals.slice(1) : positionals;
  checkWord(word, values, rest);
  if (values.discover) return readDiscover(values, rest, env, readProfiles());
  if (word === "completions") return { kind: "completions", shell: readShell(rest[0]) };
  if (word === "forget") {
    if (rest[0] === undefined) throw usage(`forget needs a server; allowed: ${serversRule}`);
    const { profile: _, ...servers } = serversOf(rest[0], env, readProfiles());
    return { kind: "forget", ...servers };
  }
  return readDialing(word, values, rest, env, readProfiles());
}

const flagTable: Readonly<Record<string, FlagSpec>> = Object.fromEntries(
  Object.entries(optionTable as Readonly<Record<OptionName, OptionSpec>>).map((
    [name, spec],
  ) => [name, { type: spec.type, short: spec.short, allowed: allowedOf(spec) }]),
);

function allowedOf({ allowed, value }: OptionSpec): string {
  return allowed ?? `a ${value}`;
}

/** How many arguments each word takes, and what is allowed instead of one more. */
const argumentsOf: Readonly<Record<Word, { readonly most: number; readonly instead: string }>> = {
  chat: { most: 1, instead: serversRule },
  send: { most: Infinity, instead: "" },
  tail: { most: Infinity, instead: "" },
  history: { most: 0, instead: "options" },
  get: { most: Infinity, instead: "" },
  forget: { most: 1, instead: "one" },
  completions: { most: 1, instead: "one" },
};

/** @throws {ClientError} where an option does not go with the word, is empty, or there are too many arguments */
function checkWord(word: Word, values: Values, rest: readonly string[]): void {
  const refused = (why: string) => {
    const meant = word === "chat" && rest[0] !== undefined ? closest(rest[0], Object.keys(words)) : undefined;
    return usage(meant === undefined ? why : `"${rest[0]}" is no command; did you mean ${meant}?`);
  };
  for (const [name, spec] of Object.entries(optionTable) as [OptionName, OptionSpec][]) {
    if (values[name] === undefined) continue;
    if (!spec.words.includes(word)) {
      throw refused(`--${name} does not go with ${word}; it is for ${spec.words.join(", ")}`);
    }
    if (values[name] === "") throw usage(`--${name} must not be empty; allowed: ${allowedOf(spec)}`);
  }
  const { most, instead } = argumentsOf[word];
  if (rest.length > most) throw refused(`"${rest[most]}" is one argument too many; allowed: ${instead}`);
}

/** The servers are looked for, so the command line names none. */
function readDiscover(
  { discover: _, json, ...values }: Values,
  [unexpected]: readonly string[],
  env: Environment,
  profiles: Profiles,
): DiscoverOptions {
  if (unexpected !== undefined) throw usage(`"${unexpected}" is one argument too many; allowed: options`);
  if (values.server !== undefined) throw usage("--server does not go with --discover");
  const chat = readDialing("chat", values, [], env, profiles) as ChatOptions;
  const { join } = chat;
  return {
    kind: "discover",
    json: json === true,
    places: placesFrom(env),
    chat,
    ...(join === undefined ? {} : { join }),
  };
}

/** The words that connect to a server. */
type DialingWord = Exclude<Word, "completions" | "forget">;

/** What a command line that connects is read from. */
interface Dialing {
  /** As typed. */
  readonly given: Values;
  /** The same, and what a profile sets beside it. */
  readonly chosen: Values;
  readonly target: Target;
  readonly room: string | undefined;
  readonly to: string | undefined;
  readonly rest: readonly string[];
  readonly env: Environment;
}

function readDialing(
  word: DialingWord,
  values: Values,
  rest: readonly string[],
  env: Environment,
  profiles: Profiles,
): Options {
  const named = withUser(values);
  const given = word === "chat" && rest[0] !== undefined ? { ...named, server: rest[0] } : named;
  const { profile, ...servers } = serversOf(given.server ?? env("CHAT_SERVER"), env, profiles);
  const chosen = { ...profile, ...given };
  const target = targetOf(servers, chosen, env);
  try {
    checkTarget(given, target);
    const room = readName(chosen.room, "room", "#", isRoom, roomRule);
    const to = readName(chosen.to, "to", "@", isUsername, usernameRule);
    return readWord[word]({ given, chosen, target, room, to, rest, env });
  } catch (error) {
    // What is missing would have been in the profile.
    throw error instanceof ClientError ? withHint(error, servers.noProfile) : error;
  }
}

/** `--username` is another name for `--user`. */
function withUser({ username, ...values }: Values): Values {
  if (username === undefined) return values;
  if (values.user !== undefined) throw usage("--username does not go with --user: it is another name for it");
  return { ...values, user: username };
}

function targetOf(servers: Pick<Target, "servers" | "noProfile">, chosen: Values, env: Environment): Target {
  return {
    ...servers,
    user: chosen.user as string | undefined ?? (env("CHAT_USER") || undefined),
    ca: chosen.ca as string | undefined,
    tofu: chosen.tofu === true,
    insecure: chosen.insecure === true,
    passwordFile: chosen["password-file"] as string | undefined,
    password: env("CHAT_PASSWORD") || undefined,
    ...(env("CHAT_CODE") ? { code: env("CHAT_CODE")! } : {}),
  };
}

/** Each word's own options. */
const readWord: Readonly<Record<DialingWord, (dialing: Dialing) => Options>> = {
  chat: readChat,
  send: ({ target, given, chosen, room, to, rest }) => ({
    kind: "send",
    ...target,
    destination: readDestination(given, room, to),
    ...(chosen.file === undefined ? {} : { file: chosen.file as string }),
    ...(rest.length === 0 ? {} : { text: rest.join(" ") }),
  }),
  tail({ target, given, chosen, room, rest }) {
    if (given.room !== undefined && rest.length > 0) throw usage("--room does not go with rooms as arguments");
    const rooms = rest.length > 0 ? readRooms(rest) : room === undefined ? [] : [room];
    if (rooms.length === 0) throw usage("tail needs a room, or several");
    return { kind: "tail", ...target, rooms, count: readCount(chosen.count, 0), json: chosen.json === true };
  },
  history: ({ target, given, chosen, room, to }) => ({
    kind: "history",
    ...target,
    from: readTalk("history", given, room, to),
    count: readCount(chosen.count, 20),
    json: chosen.json === true,
  }),
  get({ target, given, chosen, room, to, rest }) {
    const output = chosen.output as string | undefined;
    if (output !== undefined && rest.length === 0) throw usage("--output needs the name of a file that was offered");
    if (output === "-" && rest.length > 1) throw usage("--output - takes one file");
    return {
      kind: "get",
      ...target,
      from: readTalk("get", given, room, to),
      files: rest,
      json: chosen.json === true,
      ...(output === undefined ? {} : { output }),
      ...(chosen.downloads === undefined ? {} : { downloads: chosen.downloads as string }),
    };
  },
};

function readChat({ target, given, chosen, env }: Dialing): Options {
  const json = chosen.json === true;
  const side = chosen.side === true;
  if (side && !json) throw usage("--side needs --json");
  if (side && chosen.register) throw usage("--register does not go with --side");
  const manyRooms = chosen["many-rooms"] === true;
  if (manyRooms && !json) throw usage("--many-rooms needs --json");
  const join = readName(chosen.join, "join", "#", isRoom, roomRule);
  const escapeMs = readMs(chosen["escape-time"], "escape-time", 2_000);
  if (json && join !== undefined) throw usage('--join does not go with --json: send {"cmd":"join"}');
  return {
    kind: "chat",
    ...target,
    register: chosen.register === true,
    remember: chosen.remember === true && !side,
    json,
    side,
    manyRooms,
    ...readDevice(given, chosen, side),
    ...(join === undefined ? {} : { join: fold(join) }),
    ...(chosen.downloads === undefined ? {} : { downloads: chosen.downloads as string }),
    screen: {
      plain: chosen.plain === true,
      dumb: env("TERM") === "dumb",
      color: readChoice(chosen.color, "color", colors),
      noColor: Boolean(env("NO_COLOR")),
      notify: readChoice(chosen.notify, "notify", notifications),
      mouse: chosen.mouse === true,
      ...(escapeMs === undefined ? {} : { escapeMs }),
    },
  };
}

/** A side connection's device has a made-up name, whatever a profile says. */
function readDevice(given: Values, { device }: Values, side: boolean): Pick<ChatOptions, "device"> {
  if (side && given.device !== undefined) throw usage("--device does not go with --side");
  if (side || device === undefined) return {};
  if (isDevice(String(device))) return { device: String(device) };
  throw usage(`--device is "${device}"; allowed: ${deviceRule}`);
}

function checkTarget(given: Values, { user, insecure }: Target): void {
  if (insecure && (given.tofu || given.ca !== undefined)) {
    throw usage(`--insecure does not go with ${given.tofu ? "--tofu" : "--ca"}`);
  }
  if (given.tofu && given.ca !== undefined) throw usage("--tofu does not go with --ca");
  for (const name of ["register", "password-file", "remember"] as const) {
    if (given[name] && user === undefined) throw usage(`--${name} needs --user <name>`);
  }
}

function serversOf(
  text: string | boolean | undefined,
  env: Environment,
  profiles: Profiles,
): Pick<Target, "servers" | "noProfile"> & { profile: Values } {
  const { default: byDefault, byName } = profiles;
  const named = (text || byDefault || "localhost") as string;
  const profile = byName.get(named) ?? {};
  const servers = byName.has(named) ? (profile.server as string | undefined) ?? "localhost" : named;
  const missing = noProfile(named, profiles);
  return {
    servers: parseServers(servers, portFrom(env)),
    ...(missing === undefined ? {} : { noProfile: missing }),
    profile,
  };
}

function readDestination(given: Values, room: string | undefined, to: string | undefined): Destination {
  const named = (["room", "to", "publish"] as const).filter((name) => given[name] !== undefined);
  if (named.length > 1) throw usage(`--${named[1]} does not go with --${named[0]}`);
  if (given.publish && given.file !== undefined) throw usage("--file needs --room <room> or --to <name>");
  if (given.publish) return { cmd: "publish" };
  if (to !== undefined) return { cmd: "msg", to };
  if (room === undefined) throw usage("send needs --room <room>, --to <name> or --publish");
  return { cmd: "say", room };
}

/** Which talk is meant: a room's, or the one with a user. */
function readTalk(
  word: Word,
  given: Values,
  room: string | undefined,
  to: string | undefined,
): { readonly room: string } | { readonly user: string } {
  if (to !== undefined && given.room !== undefined) throw usage("--to does not go with --room");
  if (to !== undefined) return { user: to };
  if (room === undefined) throw usage(`${word} needs --room <room> or --to <name>`);
  return { room };
}

function parse(args: readonly string[]): { values: Values; positionals: readonly string[] } {
  try {
    const { flags, positionals } = readCommandLine(args, flagTable);
    return { values: Object.fromEntries(flags) as Values, positionals };
  } catch (cause) {
    if (!(cause instanceof CommandLineError)) throw cause;
    throw new ClientError("usage", cause.message, { cause });
  }
}
