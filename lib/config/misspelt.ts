import { parseEnv } from "node:util";
import { closest } from "../common/similar.ts";
import { options } from "./table.ts";

/** A name in `.env` that is no option's. */
export interface Misspelt {
  readonly name: string;
  /** The option that it looks like. */
  readonly meant: string;
}

/** What `compose.yaml` reads from the same file. */
export const composeNames = [
  "GRAFANA_PORT",
  "PROMETHEUS_PORT",
  "REDIS_MAXMEMORY",
  "REDIS_MEMORY",
  ...[2, 3, 4, 5, 6, 7, 8].map((number) => `SERVER_${number}_PORT`),
  "SERVER_ADDRESS",
  "SERVER_MEMORY",
];

/** The names in a `.env` file that look like an option's and are not: what they say has no effect. */
export function misspelt(dotenv: string): Misspelt[] {
  const known = [...Object.keys(options), ...composeNames];
  return Object.keys(parseEnv(dotenv)).filter((name) => !known.includes(name)).flatMap((name) => {
    const meant = closest(name, known);
    return meant === undefined ? [] : [{ name, meant }];
  });
}

/**
 * The lines of a `.env` file that say nothing, as they have no `=`: `SERVER_HOST: 127.0.0.1`.
 *
 * @returns their numbers, from 1 on; not their text, which may be a password
 */
export function unreadLines(dotenv: string): number[] {
  // A value in quotes may go on over several lines, which are no settings of their own.
  const settings = dotenv.replace(/^([^\n#=]*=\s*)(["'`])[^]*?\2/gm, (value) => `=${value.replace(/[^\n]/g, "")}`);
  return settings.split("\n").flatMap((line, at) => /^\s*(#|$)|=/.test(line) ? [] : [at + 1]);
}
