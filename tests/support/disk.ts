/**
 * A disk that is full, without the right to make one: the system lets a process write no file beyond a size, and its
 * writes fail as on a full disk. Pipes and sockets go on.
 */

import { type Need, need, permitted } from "./needs.ts";
import { Program, serverCommand } from "./process.ts";
import type { Settings } from "./server.ts";

async function decide(): Promise<Need> {
  const run = await permitted("run");
  if (run.ignored) return run;
  try {
    const { success } = await new Deno.Command("prlimit", { args: ["--version"], stdout: "null" }).output();
    return need(success ? undefined : "prlimit does not work here", "all");
  } catch {
    return need("there is no prlimit here");
  }
}

/** Whether a process can have a full disk here. */
export const smallDisks: Need = await decide();

/**
 * How a program is started so that {@linkcode Disk} can fill its disk: the signal that comes with a refused write is
 * ignored, and the process that was started becomes the program.
 */
export function onDisk(command: string, args: readonly string[]): { command: string; args: string[] } {
  return { command: "sh", args: ["-c", `trap "" XFSZ; exec "$0" "$@"`, command, ...args] };
}

/** Starts `server.ts` so that {@linkcode Disk} can fill its disk. */
export function runOnDisk(folder: string, settings: Settings): Program {
  const { command, options } = serverCommand(folder, settings);
  const started = onDisk(command, options.args);
  return new Program(started.command, { ...options, args: started.args });
}

/** The disk of one process. */
export class Disk {
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Lets nothing more be written. @param beyond lets files be written up to this size, in bytes */
  fill(beyond = 0): Promise<void> {
    return this.#limit(`${beyond}`);
  }

  /** Makes room. */
  free(): Promise<void> {
    return this.#limit("unlimited");
  }

  async #limit(size: string): Promise<void> {
    const args = ["--pid", `${this.#pid}`, `--fsize=${size}:`];
    const { success, stderr } = await new Deno.Command("prlimit", { args }).output();
    if (!success) throw new Error(`prlimit: ${new TextDecoder().decode(stderr)}`);
  }
}
