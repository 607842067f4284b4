/** A disk that gets full: a file system in memory, of a size that can be changed. */

import { every, need, permitted } from "./needs.ts";
import { temporaryFolder } from "./process.ts";

/** A mounted file system. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Gives it another size. */
  resize(bytes: number): Promise<void>;
  /** Lets nobody write to it any more, or again. */
  readOnly(on: boolean): Promise<void>;
}

async function run(command: string, ...args: string[]): Promise<boolean> {
  return await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()
    .then(({ success }) => success, () => false);
}

async function must(command: string, ...args: string[]): Promise<void> {
  if (!await run(command, ...args)) throw new Error(`${[command, ...args].join(" ")} failed`);
}

/** Mounts one of that size, in bytes. */
export async function smallDisk(bytes: number): Promise<SmallDisk> {
  const folder = await temporaryFolder();
  await must("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "none", folder.path);
  return {
    path: folder.path,
    resize: (bytes) => must("mount", "-o", `remount,size=${bytes}`, folder.path),
    readOnly: (on) => must("mount", "-o", `remount,${on ? "ro" : "rw"}`, folder.path),
    async [Symbol.asyncDispose]() {
      await run("umount", "-l", folder.path);
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function mountable(): Promise<boolean> {
  try {
    await using _ = await smallDisk(65_536);
    return true;
  } catch {
    return false;
  }
}

const permissions = every(await permitted("run", "read", "write"));

/** Whether this user may mount one. */
export const smallDisks = every(
  permissions,
  need(!permissions.ignored && await mountable() ? undefined : "nothing can be mounted here"),
);
