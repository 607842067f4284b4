import { dirname, join } from "node:path";
import { reasonOf } from "../../common/errors.ts";
import { readTextFile } from "../../common/text_file.ts";
import { ClientError } from "./exit.ts";

/**
 * Reads a private file: one of the small files, readable by their owner only, in which the client remembers things.
 *
 * @returns undefined where there is no such file, or the permission to read it was not given
 * @throws {ClientError} `usage` when it is there and cannot be read
 */
export function readPrivate(path: string): string | undefined {
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
  try {
    return readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new ClientError("usage", `${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Writes a private file in a single step: a program that reads it meanwhile, or after a power cut, gets the old or the new
 * one, whole. The file, and its folder where that is made, are readable by their owner only, from the first byte on.
 *
 * @throws {ClientError} `usage` when it cannot be written
 */
export function writePrivate(path: string, text: string): void {
  permitWrite(path);
  const temporary = join(dirname(path), `.${crypto.randomUUID()}.tmp`);
  try {
    ensureFolder(dirname(path));
    Deno.writeTextFileSync(temporary, text, { createNew: true, mode: 0o600 });
    Deno.renameSync(temporary, path);
  } catch (cause) {
    removeIfThere(temporary);
    throw new ClientError("usage", `${path} cannot be written: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Makes a private folder, where there is none.
 *
 * @throws {Error} where that cannot be done
 */
export function ensureFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) throw new Error(`${path} is no folder`, { cause });
    throw cause;
  }
}

/**
 * Writes a private file where there is none yet, whole from the first moment. Of several programs that try, one does.
 *
 * @returns whether this program did
 * @throws {ClientError} `usage` when it cannot be written
 */
export function createPrivate(path: string, text: string): boolean {
  const temporary = join(dirname(path), `.${crypto.randomUUID()}.tmp`);
  writePrivate(temporary, text);
  try {
    Deno.linkSync(temporary, path);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) return false;
    // A file system without links: then a reader may come between the creation and the last byte.
    return createPlainly(path, text);
  } finally {
    removeIfThere(temporary);
  }
}

function createPlainly(path: string, text: string): boolean {
  try {
    Deno.writeTextFileSync(path, text, { createNew: true, mode: 0o600 });
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) return false;
    throw new ClientError("usage", `${path} cannot be written: ${reasonOf(cause)}`, { cause });
  }
}

/** Removes one. @returns whether there was one */
export function removePrivate(path: string): boolean {
  permitWrite(path);
  try {
    Deno.removeSync(path);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw new ClientError("usage", `${path} cannot be removed: ${reasonOf(cause)}`, { cause });
  }
}

function permitWrite(path: string): void {
  if (Deno.permissions.querySync({ name: "write", path }).state === "granted") return;
  throw new ClientError("usage", `${path} may not be written: --allow-write is missing`);
}

/** Removes what is of no use to anybody; where that fails, it does no harm. */
function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // it was not made, or stays
  }
}
