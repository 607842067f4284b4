/**
 * The configuration: the typed {@linkcode Config}, `--help` and the README's table, all from the one table of
 * `config_table.ts`.
 *
 * A flag beats the environment, that beats the `.env` file, that beats the default; an empty value counts as not
 * given. What is wrong is one line that names the option, what it was and what is allowed, and never shows a password.
 * This file reads no environment: the caller hands it in.
 */

import { isDeepStrictEqual, parseEnv } from "node:util";
import { type CommandLine, CommandLineError, type FlagSpec, readCommandLine } from "../common/command_line.ts";
import { shown } from "../common/shown.ts";
import { type Kind, maxWorkers } from "./kinds.ts";
import { type Option, options } from "./table.ts";
import { messageOf } from "../common/errors.ts";
import { readTextFile } from "../common/text_file.ts";

export { type Option, options } from "./table.ts";

type Name = keyof typeof options;

/** `SERVER_PORT` → `serverPort`. */
export type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<S>;

/** Every option's value, under its name in camel case; durations in milliseconds, the rest in the unit of its name. */
export type Config = {
  readonly [K in keyof typeof options as CamelCase<K>]: (typeof options)[K]["kind"] extends Kind<infer T> ? T : never;
};

/** A value, a flag or a combination that is not allowed: one line for the person who starts the program. */
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

/** Every option as a flag, and `--help`. */
export const flagTable: Readonly<Record<string, FlagSpec>> = {
  help: { type: "boolean", short: "h" },
  ...Object.fromEntries(
    entries.map(([name, { kind: { allowed, bare, parse } }]) => [
      flagOf(name),
      bare ? { type: "boolean", accepts: (text) => parse(text) !== undefined } : { type: "string", allowed },
    ]),
  ),
};

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

/** How the log is to be written, as far as it can be read: for what is told of a configuration that cannot be used. */
export function logFormatOf(read: () => Sources): Config["logFormat"] {
  try {
    const { args, env, dotenv = "" } = read();
    const flag = args.flatMap((arg, at) =>
      /^--log-format(?:=(.*))?$/.exec(arg) ? [arg.split("=")[1] ?? args[at + 1]] : []
    );
    const text = flag.at(-1) || env.LOG_FORMAT?.trim() || parseEnv(dotenv).LOG_FORMAT || "";
    return options.LOG_FORMAT.kind.parse(text) ?? "auto";
  } catch {
    return "auto";
  }
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
  const redis = redisConflict(config, given);
  if (redis) return redis;
  if (typeof config.workers === "number" && config.workers > 1 && !usesRedis(config)) {
    return `WORKERS is ${config.workers}; allowed: 1 or auto without REDIS_URL or REDIS_HOST, as SQLite is for one server only`;
  }
  const longestId = 32 - `-${maxWorkers}`.length;
  if (config.workers !== 1 && config.serverId !== undefined && config.serverId.length > longestId) {
    return `SERVER_ID is ${shown(config.serverId)}; allowed: at most ${longestId} characters with WORKERS, ` +
      "since each adds its number";
  }
  if (given.has("CERT_FILE") !== given.has("KEY_FILE")) {
    const [one, other] = given.has("CERT_FILE") ? ["CERT_FILE", "KEY_FILE"] : ["KEY_FILE", "CERT_FILE"];
    return `${one} is given without ${other}; allowed: both or neither`;
  }
  return undefined;
}

/** What is wrong between those that say where Redis is. */
function redisConflict(config: Config, given: ReadonlySet<Name>): string | undefined {
  if (config.redisClusterNodes && config.redisSentinels) {
    return "REDIS_CLUSTER_NODES is given beside REDIS_SENTINELS; allowed: one of them";
  }
  if (config.redisClusterNodes && config.redisDb !== 0) {
    return `REDIS_DB is ${config.redisDb}; allowed: 0, as a Redis Cluster has no other`;
  }
  if (given.has("REDIS_CA_FILE") && !speaksTls(config)) {
    return "REDIS_CA_FILE is given without TLS; allowed: with REDIS_TLS=on, or rediss:// in REDIS_URL";
  }
  const forSentinels = [...given].find((name) => name.startsWith("REDIS_SENTINEL_"));
  if (forSentinels && !config.redisSentinels) return `${forSentinels} is given without REDIS_SENTINELS; allowed: both`;
  return undefined;
}

/** Whether a Redis is named; else the store is the embedded one. */
export function usesRedis({ redisUrl, redisHost, redisSentinels, redisClusterNodes }: Config): boolean {
  return [redisUrl, redisHost, redisSentinels, redisClusterNodes].some((address) => address !== undefined);
}

/** Whether Redis is spoken to in TLS: by the option, or by its URL where that is what counts. */
export function speaksTls(
  { redisTls, redisUrl, redisSentinels, redisClusterNodes }: Pick<
    Config,
    "redisTls" | "redisUrl" | "redisSentinels" | "redisClusterNodes"
  >,
): boolean {
  return redisTls || (!redisSentinels && !redisClusterNodes && redisUrl?.startsWith("rediss:") === true);
}

/** @throws {ConfigError} for a flag that there is not, or that lacks its value */
function takeApart(args: readonly string[]): CommandLine {
  try {
    return readCommandLine(args, flagTable);
  } catch (error) {
    throw error instanceof CommandLineError ? new ConfigError(error.message) : error;
  }
}

/** The flags' texts, not yet judged; an empty one stands for the default. */
function readFlags(args: readonly string[]): ReadonlyMap<Name, string> | "help" {
  const { flags, positionals: [unexpected] } = takeApart(args);
  if (flags.has("help")) return "help";
  if (unexpected !== undefined) throw new ConfigError(`Unexpected argument ${shown(unexpected)}; see --help`);
  return new Map([...flags].map(([flag, text]) => [byFlag.get(flag)!, text === true ? "on" : text]));
}

/**
 * The text of the `.env` file.
 *
 * @returns undefined where there is none
 * @throws {ConfigError} if there is one that cannot be read
 */
export function readDotenv(path = ".env"): string | undefined {
  try {
    return readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new ConfigError(`${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Which options differ between two configurations. */
export interface ConfigChange {
  /** Those that a running server takes. */
  readonly taken: readonly string[];
  /** Those that wait for a restart. */
  readonly atRestart: readonly string[];
}

/**
 * Takes the options of a newer configuration that may change while a server runs into the one that it runs with.
 *
 * @param config changed in place: its parts read live options when they need them
 */
export function takeLive(config: Config, next: Config): ConfigChange {
  const taken: string[] = [];
  const atRestart: string[] = [];
  const [values, wanted] = [config as Record<string, unknown>, next as Readonly<Record<string, unknown>>];
  for (const [name, { live }] of entries) {
    const key = keyOf(name);
    if (isDeepStrictEqual(values[key], wanted[key])) continue;
    if (live) values[key] = wanted[key];
    (live ? taken : atRestart).push(name);
  }
  return { taken, atRestart };
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
    for (const [name, { kind, doc, default: byDefault, live }] of options) {
      lines.push(`  --${flagOf(name)}${kind.bare ? "=" : " "}${kind.placeholder}`);
      lines.push(`      ${doc}.`);
      lines.push(`      ${name}, default ${byDefault ?? "none"}; allowed: ${kind.allowed}`);
      if (live) lines.push("      A running server takes it on SIGHUP.");
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
    const rows = options.map(([name, { kind, doc, default: byDefault, live }]) => [
      `\`${name}\``,
      byDefault === undefined ? "" : `\`${byDefault}\``,
      kind.allowed,
      live ? "yes" : "",
      doc,
    ]);
    const cells = [[heading, "Default", "Allowed", "SIGHUP", "What it is"], ...rows];
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
