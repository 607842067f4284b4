/**
 * A file that programs of the same user go on with, in a folder where others may write as well.
 *
 * Promises: it is a regular file of one's own that nobody else may read or write, it is the one that stands under its
 * name, and while it is open no other program that asks here gets it.
 */

import { dirname, join } from "node:path";

/** How often it is looked for anew where it vanished while it was opened. */
const maxAttempts = 10;

/**
 * Opens a file for reading and writing, and makes it where there is none.
 *
 * @returns undefined where another program has it
 * @throws {Error} where something else stands there, or it cannot be opened
 */
export async function openOwn(path: string): Promise<Deno.FsFile | undefined> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const file = await made(path) ?? await found(path);
    if (!file) continue;
    const isFree = await lock(file);
    // Its holder may have removed it meanwhile.
    if (isFree && await stands(path, file)) return file;
    file.close();
    if (!isFree) return undefined;
  }
  throw new Error("what stands there changes all the time");
}

/** @returns undefined where something stands there */
async function made(path: string): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, { read: true, write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** @returns undefined where nothing stands there any more, or something else than a moment ago */
async function found(path: string): Promise<Deno.FsFile | undefined> {
  try {
    const before = await Deno.lstat(path); // a link is not followed, and a pipe not waited for
    if (!before.isFile) throw new Error("something else stands there");
    const file = await Deno.open(path, { read: true, write: true });
    const opened = await file.stat();
    if (isSame(before, opened) && await isOwn(opened, dirname(path))) return file;
    file.close();
    if (isSame(before, opened)) throw new Error("something else stands there");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Whether a file is as one's own are in that folder. A new file there shows the user's number and the modes. It is
 * made because asking the system for the number would take a permission of its own.
 */
async function isOwn({ nlink, uid, mode }: Deno.FileInfo, folder: string): Promise<boolean> {
  const path = join(folder, `.${crypto.randomUUID()}.tmp`);
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  await Deno.remove(path);
  const own = await file.stat();
  return (nlink ?? 1) <= 1 && uid === own.uid && permissions(mode) === permissions(own.mode);
}

function permissions(mode: number | null): number | null {
  return mode === null ? null : mode & 0o777;
}

/**
 * Locks a file for as long as it is open.
 *
 * @returns false where another has locked it; true also where nothing can be locked (a file system, or an earlier
 *   release of Deno): then two may disturb each other, which the comparison in the end brings to light
 */
async function lock(file: Deno.FsFile): Promise<boolean> {
  try {
    return await file.tryLock?.(true) ?? true;
  } catch {
    return true;
  }
}

async function stands(path: string, file: Deno.FsFile): Promise<boolean> {
  try {
    return isSame(await Deno.lstat(path), await file.stat());
  } catch {
    return false;
  }
}

function isSame(one: Deno.FileInfo, other: Deno.FileInfo): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}
