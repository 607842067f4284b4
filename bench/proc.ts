/** What Linux tells of a process in `/proc`: CPU time and memory. Elsewhere nothing is known, and that is said. */

/** Whether CPU time and memory can be told here. */
export const hasProc: boolean = Deno.build.os === "linux";

/** The kernel counts CPU time in these, and not in those of its own clock. */
const ticksPerSecond = 100;

/** CPU time that a process has used, all threads, in seconds; undefined where it cannot be told. */
export function cpuSeconds(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the program's name, in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Memory that a process has in RAM, in KB; undefined where it cannot be told. */
export function residentKb(pid: number): number | undefined {
  const status = read(`/proc/${pid}/status`);
  return status === undefined ? undefined : Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
}

/** Undefined where there is none, or where not all permissions are given, as `/proc` needs. */
function read(path: string): string | undefined {
  if (!hasProc) return undefined;
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
