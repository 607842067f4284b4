/**
 * Paths as they are typed behind a command, and what Tab makes of them.
 *
 * A path is the rest of the line, blanks and all. It may stand in quotes, and blanks may be escaped, as terminals write
 * a file that is dropped onto them.
 */

import { basename, join } from "node:path";
import { cleanLine } from "../base/clean.ts";
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
  const path = quote === "" ? readPath(typed) : typed.slice(1);
  const open = path === "" || path.endsWith("/") || path === "~";
  const folder = path === "~" ? "~/" : open ? path : path.slice(0, path.length - basename(path).length);
  const start = open ? "" : basename(path);
  const real = expanded(folder === "" ? "." : folder);
  if (Deno.permissions.querySync({ name: "read", path: real }).state !== "granted") return [];
  const found: string[] = [];
  try {
    let looked = 0;
    for (const { name, isDirectory, isSymlink } of Deno.readDirSync(real)) {
      if (++looked > maxEntries || found.length >= maxCandidates) break;
      if (!name.startsWith(start) || (name.startsWith(".") && !start.startsWith("."))) continue;
      if (cleanLine(name) !== name) continue; // it cannot be typed
      const isFolder = isDirectory || (isSymlink && leadsToFolder(join(real, name)));
      const whole = folder + name + (isFolder ? "/" : "");
      found.push(quote === "" ? escaped(whole) : quote + whole + (isFolder ? "" : quote));
    }
  } catch {
    return [];
  }
  return found.sort();
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
