/**
 * Reads the command lines of every program here, by a table of the flags that the program has.
 *
 * It knows no program's flags or words: what the values mean, and which go together, is the program's to say.
 */

import { parseArgs } from "node:util";
import { shown } from "./shown.ts";
import { closest } from "./similar.ts";

/** What is to be known of a flag to read it. */
export interface FlagSpec {
  /** A `boolean` stands alone; a `string` has a value. */
  readonly type: "string" | "boolean";
  /** Its one-letter name. */
  readonly short?: string | undefined;
  /** What is allowed as its value, in words. */
  readonly allowed?: string | undefined;
  /** For a `boolean` that may have a value all the same: whether a text is one. `--flag` alone stands for true. */
  readonly accepts?: ((text: string) => boolean) | undefined;
}

/** A command line, taken apart. */
export interface CommandLine {
  /** Flag → its text, or true where it stands alone; of one given twice, the last. */
  readonly flags: ReadonlyMap<string, string | true>;
  /** Everything else, in order. */
  readonly positionals: readonly string[];
}

/** A flag that there is not, or that is given with or without a value where it must not be: one line for a person. */
export class CommandLineError extends Error {
  override readonly name = "CommandLineError";
}

/** A value with a dash before it is more likely a flag, unless it is a number or `-` alone; `=` tells them apart. */
const likeFlag = /^-(-|[A-Za-z])/;

type Table = Readonly<Record<string, FlagSpec>>;
type Token = ReturnType<typeof tokensOf>[number];
type OptionToken = Extract<Token, { kind: "option" }>;

/**
 * Takes a command line apart. What follows `--` is no flag.
 *
 * @param table flag, without its dashes → how it is read; where it has `help`, that goes before any error
 * @throws {CommandLineError} naming the flag that is wrong and what is allowed
 */
export function readCommandLine(args: readonly string[], table: Table): CommandLine {
  const tokens = tokensOf(args, table);
  if (Object.hasOwn(table, "help") && tokens.some(asksForHelp)) {
    return { flags: new Map([["help", true]]), positionals: [] };
  }
  const positionals: string[] = [];
  const flags = new Map<string, string | true>();
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const spec = specOf(token, table);
    const next = tokens[at + 1];
    if (next?.kind === "positional" && token.value === undefined && spec.accepts?.(next.value)) {
      flags.set(token.name, next.value);
      at++;
    } else {
      flags.set(token.name, spec.type === "string" ? stringOf(token, spec) : standingAlone(token, spec));
    }
  }
  return { flags, positionals };
}

function tokensOf(args: readonly string[], table: Table) {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { type, short }]) => [name, short === undefined ? { type } : { type, short }]),
  );
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function asksForHelp(token: Token): boolean {
  return token.kind === "option" && token.name === "help" && token.value === undefined;
}

function specOf({ name, rawName }: OptionToken, table: Table): FlagSpec {
  const spec = Object.hasOwn(table, name) ? table[name]! : undefined;
  // `-x` is a short name only: it does not stand for a flag whose whole name is one letter.
  if (spec && (rawName.startsWith("--") || rawName === `-${spec.short}`)) return spec;
  const meant = rawName.startsWith("--") ? closest(name, Object.keys(table)) : undefined;
  const advice = meant === undefined ? "--help lists those that there are" : `did you mean --${meant}?`;
  throw new CommandLineError(`Unknown flag ${shown(rawName)}; ${advice}`);
}

function stringOf({ rawName, value, inlineValue }: OptionToken, { allowed }: FlagSpec): string {
  if (value !== undefined && (inlineValue || !likeFlag.test(value))) return value;
  throw new CommandLineError(`${rawName} is given without a value; allowed: ${allowed}`);
}

function standingAlone({ rawName, value }: OptionToken, { accepts }: FlagSpec): string | true {
  if (value === undefined || accepts) return value ?? true;
  throw new CommandLineError(`${rawName} takes no value; allowed: ${rawName}`);
}
