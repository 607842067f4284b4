/**
 * The options: one table gives their names, flags, defaults, ranges and docs, and from it come the typed
 * {@linkcode Config}, `--help` and the README's table.
 *
 * A flag beats the environment, that beats the `.env` file, that beats the default; an empty value counts as not
 * given. What is wrong is one line that names the option, what it was and what is allowed, and never shows a password.
 * This file reads no environment: the caller hands it in.
 */

import { parseArgs, parseEnv } from "node:util";
import {
  choice,
  decimal,
  duration,
  host,
  hostPorts,
  type Kind,
  path,
  pattern,
  redisUrl,
  roomList,
  secret,
  toggle,
  whole,
} from "./config_kinds.ts";
import { lobby } from "./wire/names.ts";

/** One option of the table. */
export interface Option<T> {
  /** The default as it would be written, or undefined where there is none. */
  readonly default: string | undefined;
  readonly kind: Kind<T>;
  /** One line, with the unit. */
  readonly doc: string;
  /** The heading that it stands under. */
  readonly section: string;
}

type Unplaced<T> = Omit<Option<T>, "section">;

function option<T>(byDefault: string, kind: Kind<T>, doc: string): Unplaced<T>;
function option<T>(byDefault: undefined, kind: Kind<T>, doc: string): Unplaced<T | undefined>;
function option<T>(byDefault: string | undefined, kind: Kind<T>, doc: string): Unplaced<T> {
  return { default: byDefault, kind, doc };
}

function section<T extends Record<string, Unplaced<unknown>>>(
  heading: string,
  options: T,
): { readonly [K in keyof T]: T[K] & { readonly section: string } } {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, { ...option, section: heading }]),
  ) as { [K in keyof T]: T[K] & { readonly section: string } };
}

/** Environment variable → what it is. */
export const options = {
  ...section("Server", {
    SERVER_PORT: option("8000", whole(0, 65_535), "The TCP port, TLS only; 0 takes any that is free"),
    SERVER_HOST: option("0.0.0.0", host, "The address that the port is opened on; :: is IPv6 and IPv4"),
    SERVER_ID: option(
      undefined,
      pattern("1–32 of A-Z a-z 0-9 _ - .", "<name>", /^[A-Za-z0-9_.-]{1,32}$/),
      "This server's name among those that share a store; without it the lowest free of server1, server2, …",
    ),
    ROOMS: option(lobby, roomList, `The rooms that are listed even when empty; ${lobby} always is`),
    FOLLOW_ROOM_MESSAGES: option("off", toggle, "Whether followers who are not in the room get its messages too"),
    DRAIN_SECONDS: option("8", decimal(0, 600), "How long a stop may take to say goodbye and flush, in seconds"),
  }),
  ...section("Accounts", {
    REGISTRATION: option("open", choice("open", "closed"), "Whether a client may make itself an account"),
    DEMO_ACCOUNTS: option("off", toggle, "Whether to make accounts with known passwords: for trying out only"),
    DUPLICATE_LOGIN: option(
      "force",
      choice("force", "reject"),
      "On a user's second login: force ends the earlier session, reject refuses the new one",
    ),
    BCRYPT_COST: option("12", whole(4, 16), "The work for a password's hash; each step doubles it"),
    BCRYPT_CONCURRENCY: option("2", whole(1, 64), "How many passwords are hashed at once; the rest wait"),
  }),
  ...section("Store", {
    REDIS_URL: option(undefined, redisUrl, "The Redis to use; with neither this nor REDIS_HOST, SQLite in DATA_DIR"),
    REDIS_HOST: option(undefined, host, "The Redis to use, by name; REDIS_URL goes before it"),
    REDIS_PORT: option("6379", whole(1, 65_535), "The port at REDIS_HOST"),
    REDIS_DB: option("0", whole(0, 65_535), "The database's number, unless REDIS_URL names it"),
    REDIS_USERNAME: option(undefined, pattern("any text", "<name>", /^\P{Cc}+$/u), "Who to log in to Redis as"),
    REDIS_PASSWORD: option(undefined, secret, "The password for Redis, unless REDIS_URL has it"),
    REDIS_SENTINELS: option(undefined, hostPorts, "Sentinels that know where the master is; go before the others"),
    REDIS_MASTER_NAME: option(
      "mymaster",
      pattern("1–64 of A-Z a-z 0-9 _ - .", "<name>", /^[A-Za-z0-9_.-]{1,64}$/),
      "What the sentinels call the master",
    ),
    REDIS_CLUSTER_NODES: option(undefined, hostPorts, "Some nodes of a Redis Cluster; go before the others"),
    REDIS_PREFIX: option(
      "chat:",
      pattern("1–64 of A-Z a-z 0-9 _ - . :", "<text>", /^[A-Za-z0-9_.:-]{1,64}$/),
      "What every key and channel in Redis begins with",
    ),
    STORE_TIMEOUT_MS: option("2000", whole(10, 600_000), "How long the store may take to answer, in milliseconds"),
    DATA_DIR: option("data", path, "The folder of the SQLite database"),
    DURABILITY: option(
      "normal",
      choice("normal", "full"),
      "What SQLite's messages survive: normal a killed server, full a power cut as well",
    ),
  }),
  ...section("Certificate", {
    CERT_FILE: option("certs/cert.pem", path, "The certificate, PEM; made with its key where both are missing"),
    KEY_FILE: option("certs/key.pem", path, "Its private key, PEM"),
  }),
  ...section("History", {
    HISTORY_MAX_MESSAGES: option("10000", whole(1, 10_000_000), "How many messages a topic keeps"),
    HISTORY_MAX_AGE: option("90d", duration, "How long a topic keeps a message"),
    MAX_INBOX: option("1000", whole(1, 1_000_000), "How many unread direct messages a user may have"),
  }),
  ...section("Leases and time limits", {
    ACTIVE_TTL_SECONDS: option("15", decimal(0.1, 3600), "How long a silent server counts as alive, in seconds"),
    HEARTBEAT_INTERVAL_SECONDS: option("5", decimal(0.01, 1800), "How often a server says that it lives, in seconds"),
    HANDSHAKE_TIMEOUT_SECONDS: option("10", decimal(0.05, 600), "How long a TLS handshake may take, in seconds"),
    IDLE_TIMEOUT_SECONDS: option("120", decimal(0.05, 86_400), "How long a client may take to log in, in seconds"),
  }),
  ...section("Limits", {
    MAX_CONNECTIONS: option("10000", whole(1, 1_000_000), "How many clients may be connected"),
    MAX_CONNECTIONS_PER_IP: option("1000", whole(1, 1_000_000), "How many of them from one address"),
    MAX_HANDSHAKES: option("2000", whole(1, 1_000_000), "How many TLS handshakes may be under way, counted apart"),
    MAX_LINE_BYTES: option("8192", whole(512, 1_048_576), "The longest line that a client may send, in bytes"),
    MAX_MESSAGE_BYTES: option("4096", whole(1, 1_048_575), "The longest message, in bytes of UTF-8"),
    MAX_QUEUE_BYTES: option("1048576", whole(1024, 1_073_741_824), "What may wait for a slow reader, in bytes"),
    MAX_FOLLOWS: option("1000", whole(1, 1_000_000), "How many users one may follow"),
  }),
  ...section("Pace", {
    RATE_LIMIT: option("on", toggle, "Whether the limits of this section hold; off is for benchmarks"),
    LOGIN_FAILURES_PER_MINUTE_PER_ADDRESS: option("60", whole(1, 1_000_000), "Failed logins from one address"),
    LOGIN_FAILURES_PER_MINUTE_PER_ACCOUNT: option("10", whole(1, 1_000_000), "Failed logins to one account"),
    REGISTRATIONS_PER_HOUR_PER_ADDRESS: option("200", whole(1, 1_000_000), "New accounts from one address"),
    MESSAGES_PER_SECOND: option(
      "100",
      decimal(0.1, 1_000_000),
      "Messages of one session; ten seconds' worth may come at once, what is over is read later, not dropped",
    ),
    JOINS_PER_MINUTE: option("120", whole(1, 1_000_000), "Changes of room of one session"),
  }),
  ...section("Log", {
    LOG_LEVEL: option("info", choice("debug", "info", "warn", "error"), "The least level that is logged"),
    LOG_FORMAT: option(
      "auto",
      choice("auto", "pretty", "json"),
      "How the log is written; auto is pretty on a terminal and JSON lines elsewhere",
    ),
  }),
};

type Name = keyof typeof options;

/** `SERVER_PORT` → `serverPort`. */
export type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<S>;

/** Every option's value, under its name in camel case; durations in milliseconds, the rest in the unit of its name. */
export type Config = {
  readonly [K in keyof typeof options as CamelCase<K>]: (typeof options)[K]["kind"] extends Kind<infer T> ? T : never;
};

/** A value, a flag or a combination that is not allowed: one line for whoever starts the program. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Where values come from, strongest first. */
export interface Sources {
  /** The command line, without the program's name. */
  readonly args: readonly string[];
  /** The environment's variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of the `.env` file, if there is one. */
  readonly dotenv?: string | undefined;
}

/** Either the values, or the text that `--help` or `-h` asked for. */
export type Loaded =
  | { readonly kind: "config"; readonly config: Config }
  | { readonly kind: "help"; readonly text: string };

const names = Object.keys(options) as Name[];
const entries: readonly (readonly [Name, Option<unknown>])[] = names.map((name) => [name, options[name]]);
const byFlag = new Map(names.map((name) => [flagOf(name), name]));

/** `SERVER_PORT` → `server-port`. */
function flagOf(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** `SERVER_PORT` → `serverPort`. */
function keyOf(name: string): string {
  return name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Reads every option.
 *
 * @returns the values, or the text for `--help`, which goes before any error
 * @throws {ConfigError} if a value is not allowed, a flag is unknown, or two values do not go together
 *
 * @example
 * ```ts
 * import { loadConfig } from "./config.ts";
 *
 * const loaded = loadConfig({ args: ["--server-port=9000"], env: { LOG_LEVEL: "debug" } });
 * if (loaded.kind !== "config" || loaded.config.serverPort !== 9000) throw new Error("unexpected");
 * ```
 */
export function loadConfig({ args, env, dotenv = "" }: Sources): Loaded {
  const flags = readFlags(args);
  if (flags === "help") return { kind: "help", text: helpText() };
  const file = parseEnv(dotenv);
  const given = new Set<Name>();
  const config: Record<string, unknown> = {};
  for (const [name, { kind, default: byDefault }] of entries) {
    const sources = flags.has(name)
      ? [[`--${flagOf(name)}`, flags.get(name)]] as const
      : [[name, env[name]], [`${name} in .env`, file[name]]] as const;
    const [source, text] = sources.map(([source, text]) => [source, text?.trim()] as const).find(([, text]) => text) ??
      [name, undefined];
    if (text) given.add(name);
    const value = text || byDefault;
    config[keyOf(name)] = value === undefined ? undefined : kind.parse(value);
    if (value !== undefined && config[keyOf(name)] === undefined) {
      throw new ConfigError(`${source} is ${shown(value, kind.secret)}; allowed: ${kind.allowed}`);
    }
  }
  const problem = conflict(config as Config, given);
  if (problem) throw new ConfigError(problem);
  return { kind: "config", config: config as Config };
}

/** What is wrong between values that are each allowed, if anything. */
function conflict(config: Config, given: ReadonlySet<Name>): string | undefined {
  const { heartbeatIntervalSeconds, activeTtlSeconds, maxMessageBytes, maxLineBytes, maxQueueBytes } = config;
  if (heartbeatIntervalSeconds > activeTtlSeconds / 2) {
    // One heartbeat may come late or be lost without the server being taken for dead.
    return `HEARTBEAT_INTERVAL_SECONDS is ${heartbeatIntervalSeconds}; allowed: at most half of ACTIVE_TTL_SECONDS, ` +
      `which is ${activeTtlSeconds}`;
  }
  if (maxMessageBytes >= maxLineBytes) {
    return `MAX_MESSAGE_BYTES is ${maxMessageBytes}; allowed: less than MAX_LINE_BYTES, which is ${maxLineBytes}`;
  }
  if (maxQueueBytes < maxLineBytes) {
    // A queue that cannot hold one event would throw out every reader.
    return `MAX_QUEUE_BYTES is ${maxQueueBytes}; allowed: at least MAX_LINE_BYTES, which is ${maxLineBytes}`;
  }
  if (config.redisClusterNodes && config.redisSentinels) {
    return "REDIS_CLUSTER_NODES is given beside REDIS_SENTINELS; allowed: one of them";
  }
  if (config.redisClusterNodes && config.redisDb !== 0) {
    return `REDIS_DB is ${config.redisDb}; allowed: 0, as a Redis Cluster has no other`;
  }
  if (given.has("CERT_FILE") !== given.has("KEY_FILE")) {
    const [one, other] = given.has("CERT_FILE") ? ["CERT_FILE", "KEY_FILE"] : ["KEY_FILE", "CERT_FILE"];
    return `${one} is given without ${other}; allowed: both or neither`;
  }
  return undefined;
}

/** The flags' texts, not yet judged; an empty one stands for the default. */
function readFlags(args: readonly string[]): ReadonlyMap<Name, string> | "help" {
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries([
      ["help", { type: "boolean", short: "h" }],
      ...entries.map(([name, { kind }]) => [flagOf(name), { type: kind.bare ? "boolean" : "string" }] as const),
    ]),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  if (tokens.some((token) => token.kind === "option" && token.name === "help")) return "help";
  const flags = new Map<Name, string>();
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") throw new ConfigError(`Unexpected argument ${shown(token.value)}; see --help`);
    const name = byFlag.get(token.name);
    if (!name || !token.rawName.startsWith("--")) {
      throw new ConfigError(`Unknown flag ${shown(token.rawName)}; --help lists those that there are`);
    }
    const { kind } = options[name] as Option<unknown>;
    let text = token.value;
    if (kind.bare && text === undefined) {
      const next = tokens[i + 1];
      const follows = next?.kind === "positional" && kind.parse(next.value) !== undefined;
      text = follows ? next.value : "on";
      if (follows) i++;
    }
    // What follows a flag without "=" and is itself a flag was not meant as its value.
    if (text === undefined || (!token.inlineValue && text.startsWith("--"))) {
      throw new ConfigError(`${token.rawName} is given without a value; allowed: ${kind.allowed}`);
    }
    flags.set(name, text);
  }
  return flags;
}

/**
 * A store's address with `***` for its user and password, fit for logs and errors.
 *
 * @returns undefined where the text is not clearly an address, so that no part of it is safe to show
 */
export function withoutPassword(url: string): string | undefined {
  const [, scheme, credentials, rest] =
    /^([a-z][a-z0-9+.-]*:\/\/)(.*@)?([\w.-]+(?::\d*)?(?:\/\d*)?|\[[\da-f:.]+\](?::\d*)?(?:\/\d*)?)$/i.exec(url) ?? [];
  return scheme === undefined ? undefined : `${scheme}${credentials ? "***@" : ""}${rest}`;
}

/** A value as an error may show it: on one line, cut, quoted, and not at all where it may hold a password. */
function shown(text: string, secret = false): string {
  // An address with a password in it may also have been given to the wrong option.
  const safe = secret || text.includes("@") || text.includes("//") ? withoutPassword(text) : text;
  if (safe === undefined) return "something that is not shown, as it may hold a password";
  const quoted = JSON.stringify(safe.length > 60 ? `${safe.slice(0, 60)}…` : safe);
  return quoted.replace(/[^\x20-\x7e\u00a0-\u2027\u2030-\uffff]/g, "?");
}

/**
 * The text of the `.env` file.
 *
 * @returns undefined where there is none
 * @throws {ConfigError} if there is one that cannot be read
 */
export function readDotenv(path = ".env"): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new ConfigError(`${path} cannot be read: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

const sections = Map.groupBy(entries, ([, { section }]) => section);

/** What `--help` prints: every option under its heading. */
export function helpText(usage = "deno task server [--flag value …]"): string {
  const lines = [
    `Usage: ${usage}`,
    "",
    "A flag goes before the environment variable, that before the .env file, that before the default.",
  ];
  for (const [heading, options] of sections) {
    lines.push("", `${heading}:`);
    for (const [name, { kind, doc, default: byDefault }] of options) {
      lines.push(`  --${flagOf(name)}${kind.bare ? "=" : " "}${kind.placeholder}`);
      lines.push(`      ${doc}.`);
      lines.push(`      ${name}, default ${byDefault ?? "none"}; allowed: ${kind.allowed}`);
    }
  }
  lines.push("", "  --help, -h", "      This text.");
  return `${lines.join("\n")}\n`;
}

const [opening, closing] = ["<!-- options -->", "<!-- /options -->"];

/** The README's option table, between its markers, laid out as the formatter leaves it. */
export function markdownTable(): string {
  const lines = [opening];
  for (const [heading, options] of sections) {
    const rows = options.map(([name, { kind, doc, default: byDefault }]) => [
      `\`${name}\``,
      byDefault === undefined ? "" : `\`${byDefault}\``,
      kind.allowed,
      doc,
    ]);
    const cells = [[heading, "Default", "Allowed", "What it is"], ...rows];
    const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
    const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
    lines.push("", line(cells[0]!), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line));
  }
  return [...lines, "", closing].join("\n");
}

/**
 * A text with the table in it brought up to date.
 *
 * @throws {RangeError} if the text does not hold both markers
 */
export function withMarkdownTable(markdown: string): string {
  const [start, end] = [markdown.indexOf(opening), markdown.indexOf(closing)];
  if (start < 0 || end < start) throw new RangeError(`The markers ${opening} and ${closing} are missing`);
  return markdown.slice(0, start) + markdownTable() + markdown.slice(end + closing.length);
}
