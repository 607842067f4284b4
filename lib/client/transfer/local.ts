/**
 * This machine's side of a transfer: the file that is sent, and the folder that files are fetched into.
 */

import { basename, join, resolve } from "node:path";
import { reasonOf } from "../../common/errors.ts";
import { readTextFile } from "../../common/text_file.ts";
import { ClientError } from "../base/exit.ts";
import { type Environment, environment } from "../base/environment.ts";
import type { Goal } from "./part_file.ts";
import { largestFile } from "./offers.ts";
import { safeName } from "./safe_name.ts";
import { formatSize } from "./size.ts";

/** A path as a person writes it, with `~` for their home. */
export function expanded(path: string, env: Environment = environment): string {
  const home = env("HOME") || env("USERPROFILE");
  return resolve(home && /^~(?=$|[/\\])/.test(path) ? home + path.slice(1) : path);
}

/** What a file is when it is sent. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Bytes that are to be sent as a file. @throws as {@linkcode readFile} */
export function sendable(name: string, bytes: Uint8Array<ArrayBuffer>, most: number): NamedBytes {
  checkSize(bytes.length, most, (why) => new ClientError("usage", `${name} cannot be sent: ${why}`));
  return { name, bytes };
}

/**
 * Reads a file that is to be sent.
 *
 * @param most how many bytes the server takes
 * @throws {ClientError} `usage` where it cannot be sent
 */
export async function readFile(path: string, most: number): Promise<NamedBytes> {
  const full = expanded(path);
  const refuse = (why: string, cause?: unknown) =>
    new ClientError("usage", `${full} cannot be sent: ${why}`, { cause });
  if (Deno.permissions.querySync({ name: "read", path: full }).state !== "granted") {
    throw refuse("--allow-read is missing");
  }
  try {
    const { isFile, isDirectory, size } = await Deno.stat(full);
    if (!isFile) throw refuse(isDirectory ? "it is a folder" : "it is no regular file");
    checkSize(size, most, refuse);
    const bytes = await Deno.readFile(full);
    checkSize(bytes.length, most, refuse); // it may have grown meanwhile
    return { name: safeName(basename(full)), bytes };
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    throw refuse(cause instanceof Deno.errors.NotFound ? "there is no such file" : reasonOf(cause), cause);
  }
}

function checkSize(size: number, most: number, refuse: (why: string) => ClientError): void {
  if (most === 0) throw refuse("this server takes no files");
  const limit = Math.min(most, largestFile);
  if (size <= limit) return;
  const [has, takes] = [formatSize(size), formatSize(limit)];
  if (has !== takes) throw refuse(`it has ${has}, and the server takes at most ${takes}`);
  throw refuse(`it has ${size} bytes, and the server takes at most ${limit}`);
}

/**
 * The folder for what is fetched: the one that was chosen, else the desktop's, else `~/Downloads`, else the present one.
 *
 * @param chosen from the command line or a profile
 */
export function downloadFolder(chosen: string | undefined, env: Environment = environment): string {
  if (chosen !== undefined) return expanded(chosen, env);
  const home = env("HOME") || env("USERPROFILE");
  const candidates = [env("XDG_DOWNLOAD_DIR"), desktopFolder(home, env), home && join(home, "Downloads")];
  return candidates.find((folder) => folder && isFolder(folder)) || resolve(".");
}

/** @see https://www.freedesktop.org/wiki/Software/xdg-user-dirs/ */
function desktopFolder(home: string | undefined, env: Environment): string | undefined {
  const config = env("XDG_CONFIG_HOME") || (home && join(home, ".config"));
  const file = config && join(config, "user-dirs.dirs");
  if (!file || Deno.permissions.querySync({ name: "read", path: file }).state !== "granted") return undefined;
  try {
    const found = /^[ \t]*XDG_DOWNLOAD_DIR="((?:[^"\\]|\\.)*)"/m.exec(readTextFile(file))?.[1];
    return found?.replace(/\\(.)/g, "$1").replace(/^\$HOME(?=$|\/)/, home ?? "");
  } catch {
    return undefined;
  }
}

/**
 * Where a fetched file is to be.
 *
 * @param path what a person asked for: a folder, or a file that is not there yet
 * @throws {ClientError} `usage` where a folder cannot be made
 */
export async function goalOf(path: string | undefined, name: string, downloads: () => string): Promise<Goal> {
  if (path === undefined) {
    const folder = downloads();
    if (!isFolder(folder)) {
      await Deno.mkdir(folder, { recursive: true }).catch((cause) => {
        throw new ClientError("usage", `${folder} cannot be made: ${reasonOf(cause)}`, { cause });
      });
    }
    return { folder, name };
  }
  const full = expanded(path);
  if (isFolder(full)) return { folder: full, name };
  if (/[/\\]$/.test(path)) throw new ClientError("usage", `${full} is no folder; make it first`);
  return { path: full };
}

function isFolder(path: string): boolean {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return false;
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
