/** Reads the single values of the command line and the environment: each is one of what is allowed, or refused. */

import { defaultPlace, formerPlace, isMulticastGroup } from "../../../wire/discovery.ts";
import type { Environment } from "../../base/environment.ts";
import { parsePort } from "../../base/address.ts";
import { ClientError } from "../../base/exit.ts";
import { fold, isRoom, roomRule } from "../../../wire/names.ts";
import { type OptionName, type Shell, shells } from "./option_table.ts";

/** The port of a server that names none. */
const defaultPort = 8000;

/** The most messages of before that are asked for. */
const maxCount = 10_000;

/** A command line that is refused. */
export const usage = (message: string) => new ClientError("usage", message);

/**
 * Reads a name that may stand behind its sign, as in `#ops` and `@bob`.
 *
 * @param rule what is allowed, in words
 * @throws {ClientError} `usage`
 */
export function readName(
  value: string | boolean | undefined,
  option: string,
  sign: string,
  isName: (name: string) => boolean,
  rule: string,
): string | undefined {
  if (value === undefined) return undefined;
  // No name begins with its sign.
  const name = String(value).startsWith(sign) ? String(value).slice(1) : String(value);
  if (!isName(name)) throw usage(`--${option} is "${name}"; allowed: ${rule}`);
  return name;
}

/**
 * Reads rooms, each perhaps behind its sign.
 *
 * @returns each once, folded
 * @throws {ClientError} `usage`
 */
export function readRooms(names: readonly string[]): string[] {
  const rooms = names.map((name) => {
    const room = name.startsWith("#") ? name.slice(1) : name;
    if (!isRoom(room)) throw usage(`"${room}" is no room; allowed: ${roomRule}`);
    return fold(room);
  });
  return [...new Set(rooms)];
}

/**
 * Reads one of some words.
 *
 * @returns the first of them where nothing was chosen
 * @throws {ClientError} `usage`
 */
export function readChoice<C extends string>(
  value: string | boolean | undefined,
  option: OptionName,
  choices: readonly [C, ...C[]],
): C {
  if (value === undefined) return choices[0];
  const found = choices.find((choice) => choice === value);
  if (!found) throw usage(`--${option} is "${value}"; allowed: ${choices.join(", ")}`);
  return found;
}

/**
 * Reads how many earlier messages are asked for.
 *
 * @throws {ClientError} `usage`
 */
export function readCount(value: string | boolean | undefined, byDefault: number): number {
  if (value === undefined) return byDefault;
  const count = /^\d{1,6}$/.test(String(value)) ? Number(value) : NaN;
  if (!(count <= maxCount)) throw usage(`--count is "${value}"; allowed: 0 to ${maxCount}`);
  return count;
}

/**
 * Reads a time in milliseconds.
 *
 * @param most the longest that is allowed
 * @returns undefined where nothing was chosen
 * @throws {ClientError} `usage`
 */
export function readMs(value: string | boolean | undefined, option: OptionName, most: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d{1,6}$/.test(String(value)) ? Number(value) : NaN;
  if (!(ms >= 1 && ms <= most)) throw usage(`--${option} is "${value}"; allowed: 1 to ${most}, in milliseconds`);
  return ms;
}

/**
 * Reads what completions are printed for: a shell, or `profiles`, which the printed completions ask for themselves.
 *
 * @throws {ClientError} `usage`
 */
export function readShell(name: string | undefined): Shell | "profiles" {
  const found = [...shells, "profiles" as const].find((shell) => shell === name);
  if (!found) {
    throw usage(
      `${name === undefined ? "completions needs a shell" : `"${name}" is no shell`}; allowed: ${shells.join(", ")}`,
    );
  }
  return found;
}

/**
 * The port of a server that names none: `SERVER_PORT`, or 8000.
 *
 * @throws {ClientError} `usage` where the variable is no port
 */
export function portFrom(env: Environment): number {
  const text = env("SERVER_PORT");
  if (text === undefined || text === "") return defaultPort;
  const port = parsePort(text);
  if (port === undefined) throw usage(`SERVER_PORT is "${text}"; allowed: 1 to 65535`);
  return port;
}

/** A multicast group and a UDP port where servers hear questions. */
export interface Place {
  readonly group: string;
  readonly port: number;
}

/**
 * Where servers are asked for: the place of `DISCOVERY_GROUP` and `DISCOVERY_PORT`, and that of earlier servers.
 *
 * @throws {ClientError} `usage`
 */
export function placesFrom(env: Environment): readonly Place[] {
  const group = env("DISCOVERY_GROUP") || defaultPlace.group;
  if (!isMulticastGroup(group)) {
    throw usage(`DISCOVERY_GROUP is "${group}"; allowed: an IPv4 multicast address, 224.0.0.0 to 239.255.255.255`);
  }
  const text = env("DISCOVERY_PORT") || `${defaultPlace.port}`;
  const port = parsePort(text);
  if (port === undefined) throw usage(`DISCOVERY_PORT is "${text}"; allowed: 1 to 65535`);
  return [{ group, port }, formerPlace];
}
