/**
 * A file while it arrives: beside the place where it will be, under a name that nobody takes for it.
 *
 * Promises:
 * 1. what is written is a file of the client's own making: nothing that stands in the folder is written over, and no
 *    link is followed;
 * 2. what arrived before the connection, or the program, was lost need not come again;
 * 3. the file's own name is given to it in one step, when it is whole and has been compared; it is readable by its owner
 *    only, and not executable.
 */

import { basename, dirname, join } from "node:path";
import { ClientError } from "../exit.ts";
import { fileChunkBytes } from "../../wire/files.ts";
import { numberedName } from "./safe_name.ts";

/** How many files of one name there may be. */
const maxSameName = 1_000;

/** Where a file is to be: in a folder under a name that is free, or exactly there. */
export type Goal =
  | { readonly folder: string; readonly name: string }
  | { readonly path: string };

/** See the file's promises. */
export class PartFile implements Disposable {
  readonly #path: string;
  readonly #goal: Goal;
  readonly #size: number;
  readonly #file: Deno.FsFile;
  #have: number;

  private constructor(path: string, goal: Goal, size: number, file: Deno.FsFile, have: number) {
    this.#path = path;
    this.#goal = goal;
    this.#size = size;
    this.#file = file;
    this.#have = have;
  }

  /**
   * Makes one, or goes on with what an earlier run has left.
   *
   * @param id the file's id at the server, which must be a name that does no harm
   * @param size how many bytes there will be
   * @throws {ClientError} `usage` where it cannot be written
   */
  static async open(goal: Goal, id: string, size: number): Promise<PartFile> {
    const folder = "folder" in goal ? goal.folder : dirname(goal.path);
    const path = join(folder, `.${id}.part`);
    permit(folder);
    try {
      if ("path" in goal && await exists(goal.path)) throw new Error("it is there already");
      const file = await openOwn(path);
      const { size: found } = await file.stat();
      // Of a chunk that was half written nothing is kept, nor of a file that was another one.
      const have = found > size ? 0 : Math.floor(found / fileChunkBytes);
      const kept = found === size ? size : have * fileChunkBytes;
      await file.truncate(kept);
      await file.seek(0, Deno.SeekMode.End);
      return new PartFile(path, goal, size, file, found === size ? Math.ceil(size / fileChunkBytes) : have);
    } catch (cause) {
      const what = "path" in goal ? goal.path : path;
      throw new ClientError("usage", `${what} cannot be written: ${(cause as Error).message}`, { cause });
    }
  }

  /** How many bytes there will be. */
  get size(): number {
    return this.#size;
  }

  /** How many chunks are there. */
  get have(): number {
    return this.#have;
  }

  /** Adds a chunk. */
  async append(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) written += await this.#file.write(bytes.subarray(written));
    this.#have++;
  }

  /** All that is there. */
  async read(): Promise<Uint8Array<ArrayBuffer>> {
    const { size } = await this.#file.stat();
    const bytes = new Uint8Array(size);
    await this.#file.seek(0, Deno.SeekMode.Start);
    for (let got = 0; got < size;) {
      const count = await this.#file.read(bytes.subarray(got));
      if (count === null) throw new Error(`${this.#path} has become shorter`);
      got += count;
    }
    return bytes;
  }

  /** Puts something else in its place: what was decrypted. */
  async replace(bytes: Uint8Array): Promise<void> {
    await this.#file.truncate(0);
    await this.#file.seek(0, Deno.SeekMode.Start);
    for (let written = 0; written < bytes.length;) written += await this.#file.write(bytes.subarray(written));
  }

  /**
   * Gives it its own name.
   *
   * @returns where it is
   * @throws {ClientError} `usage` where that cannot be done; what arrived stays
   */
  async finish(): Promise<string> {
    await this.#file.sync();
    this[Symbol.dispose]();
    const path = await reserve(this.#goal);
    try {
      await Deno.rename(this.#path, path);
    } catch (cause) {
      await Deno.remove(path).catch(() => {});
      throw new ClientError("usage", `${path} cannot be written: ${(cause as Error).message}`, { cause });
    }
    return path;
  }

  /** Removes it. */
  async discard(): Promise<void> {
    this[Symbol.dispose]();
    await Deno.remove(this.#path).catch(() => {});
  }

  /** Lets go of it; what arrived stays for the next time. */
  [Symbol.dispose](): void {
    try {
      this.#file.close();
    } catch {
      // closed already
    }
  }
}

/** Opens a file that is not there yet, or one that was made here: no link, and nothing but a file. */
async function openOwn(path: string): Promise<Deno.FsFile> {
  const options = { read: true, write: true };
  try {
    return await Deno.open(path, { ...options, createNew: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const found = await Deno.lstat(path);
  if (found.isFile && (found.nlink ?? 1) === 1) return await Deno.open(path, options);
  throw new Error("something else stands there");
}

/** Makes an empty file of the name that is free, so that nobody else can take it. */
async function reserve(goal: Goal): Promise<string> {
  for (let n = 1; n <= maxSameName; n++) {
    const path = "path" in goal ? goal.path : join(goal.folder, numberedName(goal.name, n));
    try {
      (await Deno.open(path, { write: true, createNew: true, mode: 0o600 })).close();
      return path;
    } catch (cause) {
      const taken = cause instanceof Deno.errors.AlreadyExists || cause instanceof Deno.errors.IsADirectory;
      if (taken && "folder" in goal) continue;
      const why = taken ? "it is there already" : (cause as Error).message;
      throw new ClientError("usage", `${path} cannot be written: ${why}`, { cause });
    }
  }
  const { name } = goal as { name: string };
  throw new ClientError("usage", `${basename(name)} cannot be written: there are ${maxSameName} files of that name`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

function permit(folder: string): void {
  for (const name of ["read", "write"] as const) {
    if (Deno.permissions.querySync({ name, path: folder }).state === "granted") continue;
    throw new ClientError("usage", `${folder} may not be used: --allow-${name} is missing`);
  }
}
