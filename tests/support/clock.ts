/**
 * A clock of the machine that can be set, for one process: libfaketime stands before the system's own. The clock that
 * nobody sets goes on.
 */

import { join } from "node:path";
import { type Need, need, permitted } from "./needs.ts";
import { temporaryFolder } from "./process.ts";

const folders = ["x86_64-linux-gnu", "aarch64-linux-gnu", "faketime"].map((name) => `/usr/lib/${name}`);

async function findLibrary(): Promise<string | undefined> {
  for (
    const path of folders.flatMap((folder) => [`${folder}/faketime/libfaketime.so.1`, `${folder}/libfaketime.so.1`])
  ) {
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
}

const allowed = await permitted("read", "write", "run");
const library = allowed.ignored ? undefined : await findLibrary();

/** Whether there are such clocks here. */
export const clocks: Need = allowed.ignored
  ? allowed
  : need(library === undefined ? "there is no libfaketime" : undefined, "all");

/** A clock that processes are started with; disposing of it removes its file. */
export class SettableClock implements AsyncDisposable {
  private constructor(readonly env: Readonly<Record<string, string>>, readonly folder: AsyncDisposable) {}

  static async make(): Promise<SettableClock> {
    const folder = await temporaryFolder();
    const clock = new SettableClock({
      // The system's own allocator: Redis' asks for the time while it begins, and would wait for itself.
      LD_PRELOAD: `${library} libc.so.6`,
      FAKETIME_TIMESTAMP_FILE: join(folder.path, "clock"),
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    }, folder);
    await clock.set(0);
    return clock;
  }

  /** Sets the clock to so many seconds from the machine's. */
  async set(seconds: number): Promise<void> {
    const file = this.env.FAKETIME_TIMESTAMP_FILE;
    await Deno.writeTextFile(`${file}.new`, `${seconds < 0 ? "" : "+"}${seconds}s\n`);
    await Deno.rename(`${file}.new`, file); // it is read at any moment
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
  }
}
