/** What the figures were taken on: they mean nothing without it. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findRedis } from "../scripts/redis_binary.ts";

/** The machine, and the versions of what was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  /** What else it had to do just before: the load average of a minute. */
  readonly loadBefore: number;
  readonly deno: string;
  readonly redis: string;
  readonly project: string;
}

/**
 * Looks at this machine.
 *
 * @param root the folder of the project that is measured; this one
 */
export async function describeMachine(root: string | URL = new URL("..", import.meta.url)): Promise<Machine> {
  const { found } = await findRedis();
  return {
    cpu: cpuModel(),
    cores: navigator.hardwareConcurrency,
    memoryGb: Math.round(Deno.systemMemoryInfo().total / 2 ** 30),
    kernel: `${Deno.build.os} ${Deno.osRelease()}`,
    loadBefore: Math.round(Deno.loadavg()[0] * 100) / 100,
    deno: Deno.version.deno,
    redis: found?.version ?? "none",
    project: await projectVersion(root),
  };
}

/** The machine in one line. */
export function machineLine({ cpu, cores, memoryGb, kernel, loadBefore, deno, redis, project }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGb} GB, ${kernel}, load ${loadBefore} before; ` +
    `Deno ${deno}, Redis ${redis}, chat ${project}`;
}

function cpuModel(): string {
  try {
    const info = Deno.readTextFileSync("/proc/cpuinfo");
    return /^model name\s*:\s*(.+)$/m.exec(info)?.[1] ?? Deno.build.arch;
  } catch {
    return Deno.build.arch;
  }
}

/** The version, the commit, and a `+` where there is more than the commit. */
async function projectVersion(root: string | URL): Promise<string> {
  const folder = root instanceof URL ? fileURLToPath(root) : root;
  const { version } = JSON.parse(await Deno.readTextFile(join(folder, "deno.json")));
  const git = async (...args: string[]) => {
    const { success, stdout } = await new Deno.Command("git", { args, cwd: folder, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  };
  try {
    const commit = await git("rev-parse", "--short", "HEAD");
    if (!commit) return version;
    const changed = await git("status", "--porcelain", "--", "lib", "server.ts", "deno.lock");
    return `${version} (${commit}${changed ? "+" : ""})`;
  } catch {
    return version; // no git here
  }
}
