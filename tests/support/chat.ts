/**
 * The client as its users run it: `client.ts` in a process, with a pipe as its input.
 */

import { join } from "node:path";

const root = join(import.meta.dirname!, "..", "..");

/** How it ended, and what it wrote. */
export interface ChatResult {
  readonly code: number;
  readonly out: string[];
  readonly err: string[];
}

/** The permissions that it is run with. */
export const allowed = ["--allow-net", "--allow-read", "--allow-env"];

/** Runs the client with this input, in a folder where there is nothing. */
export async function chat(
  args: readonly string[],
  { input = "", env = {}, permissions = allowed, cwd, kill }: {
    input?: string;
    env?: Record<string, string>;
    permissions?: readonly string[];
    cwd?: string;
    /** Kills it when it is aborted. */
    kill?: AbortSignal;
  } = {},
): Promise<ChatResult> {
  const config = join(root, "deno.json");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", `--config=${config}`, ...permissions, join(root, "client.ts"), ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    // Whoever runs the tests has profiles of their own, which are not to matter.
    env: { NO_COLOR: "1", XDG_CONFIG_HOME: cwd ?? root, XDG_STATE_HOME: cwd ?? root, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  kill?.addEventListener("abort", () => child.kill("SIGKILL"));
  const writer = child.stdin.getWriter();
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await written;
  const lines = (bytes: Uint8Array) => new TextDecoder().decode(bytes).split("\n").filter((line) => line !== "");
  return { code, out: lines(stdout), err: lines(stderr) };
}
