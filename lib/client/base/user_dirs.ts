/**
 * Where a user's own files are: what they write themselves in one folder, what the client remembers in another.
 *
 * The folders are the XDG Base Directory Specification's, on macOS as well; on Windows they are `%APPDATA%` and
 * `%LOCALAPPDATA%`.
 */

import { join } from "node:path";
import type { Environment } from "./environment.ts";

/** The folder of `config.json`; undefined where the environment names no home. */
export function configFolder(env: Environment): string | undefined {
  return folder(env("XDG_CONFIG_HOME"), env("APPDATA"), env("HOME"), ".config");
}

/** The folder of `known_servers` and of kept sessions; undefined where the environment names no home. */
export function stateFolder(env: Environment): string | undefined {
  return folder(env("XDG_STATE_HOME"), env("LOCALAPPDATA"), env("HOME"), join(".local", "state"));
}

function folder(xdg: string | undefined, windows: string | undefined, home: string | undefined, below: string) {
  const base = xdg || (Deno.build.os === "windows" ? windows : home && join(home, below));
  return base ? join(base, "chat") : undefined;
}
