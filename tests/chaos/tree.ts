/**
 * Copies of the source tree: servers run from one, so that what is edited while a run lasts does not change it, and
 * what is broken on purpose is broken in a copy only.
 */

import { join } from "node:path";

/** What a server needs to run. */
const parts = ["server.ts", "deno.json", "deno.lock", "lib"];

/** Text of a file that is replaced by another. */
export interface Patch {
  /** The file, from the tree's root. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly from: string;
  readonly to: string;
}

/** Copies a tree's servers into a folder. */
export async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for (const part of parts) await copy(join(from, part), join(to, part));
}

/**
 * Changes a file of a tree.
 *
 * @throws {Error} where the text is not there, or is there more than once
 */
export async function applyPatch(root: string, { file, from, to }: Patch): Promise<void> {
  const path = join(root, file);
  const source = await Deno.readTextFile(path);
  const times = source.split(from).length - 1;
  if (times !== 1) throw new Error(`${file} has ${times} times what is to be replaced: ${from}`);
  await Deno.writeTextFile(path, source.replace(from, () => to));
}

async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}
