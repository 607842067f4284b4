/**
 * Paths as they are typed behind a command, and what Tab makes of them.
 *
 * A path is the rest of the line, blanks and all. It may stand in quotes, and blanks may be escaped, as terminals write
 * a file that is dropped onto them.
 */

import { basename, join } from "node:path";
import { cleanLine } from "../../wire/clean.ts";
import { expanded } from "./local.ts";

/** How many entries of a folder are looked at. */
const maxEntries = 5_000;

/** How many of them are offered. */
const maxCandidates = 200;

/** Takes the first word off what was typed. */
export function firstWord(typed: string): { word: string; rest: string } {
  const [, word, rest] = /^(\S*)\s*(.*)$/s.exec(typed.trim())!;
  return { word, rest };
}

/** The path that is meant. */
export function readPath(typed: string, windows = Deno.build.os === "windows"): string {
  const quoted = /^(["'])(.*)\1$/s.exec(typed.trim());
  if (quoted) return quoted[2];
  const path = typed.trim().replace(/^file:\/\/(?=\/)/, "");
  if (path !== typed.trim()) return decoded(path);
  return windows ? path : path.replace(/\\(.)/gs, "$1");
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** What a path that was begun can become; folders end with a slash. */
export function pathCandidates(typed: string): readonly string[] {
  const quote = /^["']/.exec(typed)?.[0] ?? "";
  const { folder, start } = parted(quote === "" ? readPath(typed) : typed.slice(1));
  const entries = entriesOf(expanded(folder === "" ? "." : folder), start);
  const written = entries.map(({ name, isFolder }) => {
    const whole = folder + name + (isFolder ? "/" : "");
    return quote === "" ? escaped(whole) : quote + whole + (isFolder ? "" : quote);
  });
  return written.sort();
}

/** The folder of a path that was begun, and what of a name in it is typed. */
function parted(path: string): { folder: string; start: string } {
  if (path === "~") return { folder: "~/", start: "" };
  if (path === "" || path.endsWith("/")) return { folder: path, start: "" };
  const start = basename(path);
  return { folder: path.slice(0, path.length - start.length), start };
}

/** What a folder has that begins so and can be typed; nothing where the folder may not, or cannot, be read. */
function entriesOf(folder: string, start: string): { name: string; isFolder: boolean }[] {
  if (Deno.permissions.querySync({ name: "read", path: folder }).state !== "granted") return [];
  const fits = (name: string) =>
    name.startsWith(start) && (!name.startsWith(".") || start.startsWith(".")) && cleanLine(name) === name;
  const found: { name: string; isFolder: boolean }[] = [];
  try {
    let looked = 0;
    for (const { name, isDirectory, isSymlink } of Deno.readDirSync(folder)) {
      if (++looked > maxEntries || found.length >= maxCandidates) break;
      if (!fits(name)) continue;
      found.push({ name, isFolder: isDirectory || (isSymlink && leadsToFolder(join(folder, name))) });
    }
  } catch {
    return [];
  }
  return found;
}

function leadsToFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function escaped(path: string): string {
  return Deno.build.os === "windows" ? path : path.replaceAll("\\", "\\\\");
}
