/**
 * The log: lines on stderr, JSON for programs and coloured for people.
 *
 * 1. A line is an event: a name in snake_case that does not change (`session_opened`), and properties that say the
 *    rest (`{ user, address }`). No sentences with values in them, so that what is logged can be counted and searched.
 * 2. No password, no token and no text of a message is ever a property. Should one be, under one of the names of
 *    {@linkcode secretProperties}, it is struck out; what goes by another name is not noticed.
 * 3. Before {@linkcode configureLog} nothing is written: the parts may log without knowing whether anybody listens.
 */

import {
  configureSync,
  getLogger,
  jsonLinesFormatter,
  type LogRecord,
  resetSync,
  type TextFormatter,
} from "@logtape/logtape";
import { getPrettyFormatter } from "@logtape/pretty";
import { lineStream } from "./line_streams.ts";
import type { LineWriter } from "./line_writer.ts";

const root = "chat";

/** What an event says besides its name. */
export type Properties = Readonly<Record<string, unknown>>;

/** Where a part of the program logs to; an error goes in as the property `error`. */
export interface Log {
  /** What helps to find a fault, and is too much otherwise. */
  debug(event: string, properties?: Properties): void;
  /** What an operator may want to know. */
  info(event: string, properties?: Properties): void;
  /** What is not as it should be, while the service goes on. */
  warn(event: string, properties?: Properties): void;
  /** What failed. */
  error(event: string, properties?: Properties): void;
  /** The same log with properties that every event gets. */
  with(properties: Properties): Log;
}

/** How the log is written. */
export interface LogOptions {
  /** The least level that is written. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** `auto` is pretty on a terminal and JSON elsewhere. */
  readonly format: "auto" | "pretty" | "json";
  /** What every line says besides, such as whose it is. */
  readonly properties?: Properties;
  /** Whether stderr is a terminal. */
  readonly isTerminal: boolean;
  /** Where the lines go, instead of stderr. */
  readonly write?: (line: string, urgent: boolean) => void;
}

/** The names under which nothing is ever written. */
export const secretProperties: ReadonlySet<string> = new Set([
  "password",
  "old",
  "new",
  "hash",
  "token",
  "resume",
  "text",
]);

/**
 * The log of one part of the program.
 *
 * @param category which part, such as `"server", "session"`
 */
export function getLog(...category: readonly string[]): Log {
  return getLogger([root, ...category]);
}

/**
 * Starts to write what is logged, instead of how it was written before. Nobody who logs waits, also where nobody reads
 * stderr: what does not fit is dropped, and `log_dropped` says how many lines that was when there is room again.
 *
 * @returns what ends it
 *
 * @example
 * ```ts
 * import { configureLog, getLog } from "./log.ts";
 *
 * const lines: string[] = [];
 * {
 *   using _ = configureLog({ level: "info", format: "json", isTerminal: false, write: (line) => lines.push(line) });
 *   getLog("server").info("server_started", { port: 8000 });
 * }
 * if (JSON.parse(lines[0]!).message !== "server_started") throw new Error("unexpected");
 * ```
 */
export function configureLog(options: LogOptions): Disposable {
  const { level, format, isTerminal, properties, write = writeToStderr } = options;
  const pretty = format === "pretty" || (format === "auto" && isTerminal);
  const formatter = pretty ? prettyLine(isTerminal && !Deno.noColor) : jsonLinesFormatter;
  configureSync({
    reset: true,
    sinks: { lines: (record) => write(formatter(withoutSecrets(record, properties)), urgent.has(record.level)) },
    loggers: [
      { category: root, sinks: ["lines"], lowestLevel: level === "warn" ? "warning" : level },
      { category: "logtape", sinks: ["lines"], lowestLevel: "error" },
    ],
  });
  return { [Symbol.dispose]: resetSync };
}

function withoutSecrets(record: LogRecord, common?: Properties): LogRecord {
  const properties = Object.entries({ ...common, ...record.properties }).map(([name, value]) =>
    [name, secretProperties.has(name) ? "***" : value] as const
  );
  return { ...record, properties: Object.fromEntries(properties) };
}

/** The event's name, then its properties on the same line; an error brings its stack. */
function prettyLine(colors: boolean): TextFormatter {
  const format = getPrettyFormatter({
    timestamp: "time",
    icons: false,
    colors,
    wordWrap: false,
    categorySeparator: ".",
    categoryWidth: 16,
    messageColor: null,
    messageStyle: null,
  });
  return (record) => {
    // LogTape's messages are text, value, text, …, text, and it shows the values by their types.
    const message: unknown[] = [record.message.join("")];
    for (const [name, value] of Object.entries(record.properties)) message.push(`${message.pop()} ${name}=`, value, "");
    return format({ ...record, category: record.category.slice(1), message });
  };
}

/** The levels of what is kept where other lines are dropped. */
const urgent: ReadonlySet<string> = new Set(["error", "fatal"]);

function writeToStderr(line: string, urgent: boolean): void {
  stderrLines().write(line, urgent);
}

/** The writer of stderr, which tells the log what it dropped. */
export function stderrLines(): LineWriter {
  return lineStream("stderr", { onDropped: (lines) => getLog("log").error("log_dropped", { lines }) });
}
