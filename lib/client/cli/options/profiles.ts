/**
 * Profiles: what `config.json` says about servers that one goes to often.
 *
 *     {
 *       "default": "work",
 *       "profiles": { "work": { "server": "chat.example.org", "user": "alice", "remember": true } }
 *     }
 *
 * The keys are the options' names. Paths are seen from the file's own folder.
 */

import { dirname, isAbsolute, join } from "node:path";
import { closest } from "../../../common/similar.ts";
import { ClientError } from "../../base/exit.ts";
import { type OptionName, type OptionSpec, optionTable, takesPath, words } from "./option_table.ts";
import { isObject } from "../../base/shape.ts";

/** Option → its value. */
export type Values = { readonly [K in OptionName]?: string | boolean };

/** All profiles, and the name of the one that is used where no server is named. */
export interface Profiles {
  readonly default: string | undefined;
  readonly byName: ReadonlyMap<string, Values>;
}

/** There are none. */
export const noProfiles: Profiles = { default: undefined, byName: new Map() };

const name = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/**
 * What is said where a server is not there, or an option is missing, and the server's name may have been meant for a
 * profile's.
 *
 * @returns undefined where the name can be no profile's
 */
export function noProfile(named: string, { byName }: Profiles): string | undefined {
  if (named === "localhost" || !name.test(named) || byName.has(named)) return undefined;
  const profile = closest(named, byName.keys());
  const command = closest(named, Object.keys(words).filter((word) => word !== "chat"));
  const meant = profile ?? (command && `chat ${command}`);
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  const names = byName.size === 0 ? "there are none" : `allowed: ${[...byName.keys()].join(", ")}`;
  return `No profile is called "${named}"; ${names}${hint}`;
}

const allowed = Object.entries(optionTable).filter(([, spec]) => spec.profile).map(([name]) => name);

/**
 * Reads the text of `config.json`.
 *
 * @param path where it is: messages name it, and paths within are seen from its folder
 * @throws {ClientError} `usage`, naming what is wrong and what is allowed
 */
export function parseProfiles(text: string, path: string): Profiles {
  const wrong = (what: string) => new ClientError("usage", `In ${path}, ${what}`);
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (cause) {
    throw new ClientError("usage", `${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isObject(file)) throw wrong('the whole is not an object; allowed: "default" and "profiles"');
  const { default: byDefault, profiles = {}, ...rest } = file;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw wrong(`"${unknown}" is not known; allowed: "default" and "profiles"`);
  if (!isObject(profiles)) throw wrong('"profiles" is not an object');
  const byName = new Map(
    Object.entries(profiles).map(([profile, values]) => {
      if (!name.test(profile) || profile in words) {
        throw wrong(`"${profile}" cannot be a profile's name; allowed: letters, digits, _ and -, and no command`);
      }
      if (!isObject(values)) throw wrong(`the profile "${profile}" is not an object`);
      return [profile, readValues(values, path, (what) => wrong(`in the profile "${profile}", ${what}`))];
    }),
  );
  if (byDefault !== undefined && !(typeof byDefault === "string" && byName.has(byDefault))) {
    const known = [...byName.keys()].join(", ");
    throw wrong(`"default" is not the name of a profile; allowed: ${known || "none, for there is no profile"}`);
  }
  return { default: byDefault as string | undefined, byName };
}

function readValues(
  values: Readonly<Record<string, unknown>>,
  path: string,
  wrong: (what: string) => ClientError,
): Values {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const spec = (optionTable as Readonly<Record<string, OptionSpec>>)[key];
      if (key === "insecure") throw wrong('"insecure" cannot be kept: it is for the command line, each time');
      if (!spec?.profile) {
        const meant = closest(key, allowed);
        throw wrong(
          `"${key}" is not known; ${
            meant === undefined ? `allowed: ${allowed.join(", ")}` : `did you mean "${meant}"?`
          }`,
        );
      }
      if (typeof value !== spec.type || value === "") {
        throw wrong(`"${key}" is ${JSON.stringify(value)}; allowed: ${spec.value ?? "true or false"}`);
      }
      const relative = takesPath(spec) && !isAbsolute(value as string) && !/^~(?=$|[/\\])/.test(value as string);
      return [key, relative ? join(dirname(path), value as string) : value];
    }),
  );
}
