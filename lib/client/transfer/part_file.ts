import { basename, dirname, join } from "node:path";
import { reasonOf } from "../../common/errors.ts";
import { ClientError } from "../base/exit.ts";
import { fileChunkBytes } from "../../wire/files.ts";
import { openOwn } from "./own_file.ts";
import { numberedName } from "./safe_name.ts";

/** How many files of one name there may be. */
const maxSameName = 1_000;

/** Where a file is to be: in a folder under a name that is free, or exactly there. */
export type Goal =
  | { readonly folder: string; readonly name: string }
  | { readonly path: string };

/**
 * A file while it arrives: beside the place where it will be, under a name that nobody takes for it.
 *
 * Promises:
 * 1. what is written is a file of the client's own making: nothing that stands in the folder is written over, and no
 *    link is followed; what an earlier run has left is one's own, and nobody else's to read or write;
 * 2. what arrived before the connection, or the program, was lost need not come again;
 * 3. the file's own name is given, in one step, to a new file with the bytes that have been compared, and which nobody
 *    else has open; it is readable by its owner only, and not executable;
 * 4. of several programs, or transfers, one has it at a time, and the others are told.
 */
export class PartFile implements Disposable {
  readonly #path: string;
  readonly #goal: Goal;
  readonly #size: number;
  readonly #file: Deno.FsFile;
  #have: number;
  #closed = false;

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
   * @throws {ClientError} `usage` where it cannot be written, or somebody else is writing it
   */
  static async open(goal: Goal, id: string, size: number): Promise<PartFile> {
    const folder = "folder" in goal ? goal.folder : dirname(goal.path);
    const path = join(folder, `.${id}.part`);
    permit(folder);
    let file: Deno.FsFile | undefined;
    try {
      if ("path" in goal && await exists(goal.path)) throw new Error("it is there already");
      file = await openOwn(path);
      if (file === undefined) {
        const name = "path" in goal ? basename(goal.path) : goal.name;
        throw new ClientError("usage", `${name} is being fetched into ${folder} already`);
      }
      const { size: found } = await file.stat();
      // Nothing is kept of a half-written chunk, nor of a file that is too long and so another one.
      const have = found > size ? 0 : Math.floor(found / fileChunkBytes);
      const kept = found === size ? size : have * fileChunkBytes;
      await file.truncate(kept);
      await file.seek(0, Deno.SeekMode.End);
      return new PartFile(path, goal, size, file, found === size ? Math.ceil(size / fileChunkBytes) : have);
    } catch (cause) {
      file?.close();
      if (cause instanceof ClientError) throw cause;
      const what = "path" in goal ? goal.path : path;
      throw new ClientError("usage", `${what} cannot be written: ${reasonOf(cause)}`, { cause });
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

  /**
   * Adds a chunk.
   *
   * @throws {ClientError} `usage` where it cannot be written; what arrived before stays
   */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#file, bytes);
    } catch (cause) {
      throw new ClientError("usage", `${this.#path} cannot be written: ${reasonOf(cause)}`, { cause });
    }
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

  /**
   * Puts the file in its place, and removes what arrived.
   *
   * @param bytes the file's bytes, compared and, if need be, decrypted: those on the disk are neither
   * @returns where it is
   * @throws {ClientError} `usage` where that cannot be done; what arrived stays
   */
  async finish(bytes: Uint8Array): Promise<string> {
    // A name of its own: what a kill leaves of it is never gone on with, and is removed by the next attempt.
    const whole = this.#path.replace(/part$/, "whole");
    try {
      await Deno.remove(whole).catch(() => {});
      await writeNew(whole, bytes);
      const path = await reserve(this.#goal);
      try {
        await Deno.rename(whole, path);
      } catch (cause) {
        await Deno.remove(path).catch(() => {});
        throw new ClientError("usage", `${path} cannot be written: ${reasonOf(cause)}`, { cause });
      }
      await this.discard();
      return path;
    } catch (cause) {
      await Deno.remove(whole).catch(() => {});
      if (cause instanceof ClientError) throw cause;
      throw new ClientError("usage", `${whole} cannot be written: ${reasonOf(cause)}`, { cause });
    }
  }

  /** Removes it. */
  async discard(): Promise<void> {
    if (this.#closed) return; // it may be another one's by now
    this.#closed = true;
    await Deno.remove(this.#path).catch(() => {});
    this.#file.close();
  }

  /** Lets go of it; what arrived stays for the next time. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }
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
      const why = taken ? "it is there already" : reasonOf(cause);
      throw new ClientError("usage", `${path} cannot be written: ${why}`, { cause });
    }
  }
  const { name } = goal as { name: string };
  throw new ClientError("usage", `${basename(name)} cannot be written: there are ${maxSameName} files of that name`);
}

async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  await writeAll(file, bytes);
  await file.sync();
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
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
