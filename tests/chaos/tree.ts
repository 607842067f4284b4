/**
 * Copies of the source tree: servers run from one, so that what is edited while a run lasts does not change it, and
 * what is broken on purpose is broken in a copy only.
 */

import { join } from "node:path";
import { replaceFunction } from "./replace_function.ts";

/** What a server needs to run. */
const parts = ["server.ts", "deno.json", "deno.lock", "lib"];

/** A function, or a script's line, that is replaced by another; files are named from the tree's root. */
export type Replacement = FunctionReplacement | LineReplacement;

/** A function of a TypeScript file that is replaced. */
export interface FunctionReplacement {
  readonly file: `${string}.ts`;
  /** Such as `readOn` or `Relay.#hear`; declared there exactly once. */
  readonly function: string;
  /** The whole declaration that takes its place. */
  readonly source: string;
}

/** A line of a Lua script that is replaced. */
export interface LineReplacement {
  readonly file: `${string}.lua`;
  /** The whole line but for its indentation; there exactly once. */
  readonly line: string;
  readonly by: string;
}

/** Copies a tree's servers into a folder. */
export async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for (const part of parts) await copy(join(from, part), join(to, part));
}

/**
 * Replaces a function, or a script's line, of a tree.
 *
 * @throws {Error} where the function or the line is not there exactly once, or what takes its place does not fit
 */
export async function applyReplacement(root: string, replacement: Replacement): Promise<void> {
  const path = join(root, replacement.file);
  try {
    const before = await Deno.readTextFile(path);
    const after = "line" in replacement
      ? replaceLine(before, replacement.line, replacement.by)
      : replaceFunction(before, replacement.function, replacement.source);
    if (after === before) throw new Error("What takes its place is the same");
    await Deno.writeTextFile(path, after);
  } catch (cause) {
    throw new Error(`${replacement.file}: ${(cause as Error).message}`, { cause });
  }
}

/** Replaces a line. @throws {Error} where it is not there exactly once */
export function replaceLine(source: string, line: string, by: string): string {
  const lines = source.split("\n");
  const found = lines.flatMap((each, index) => each.trim() === line ? [index] : []);
  if (found.length !== 1) throw new Error(`There are ${found.length} lines ${line}`);
  return lines.with(found[0], by).join("\n");
}

async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}
