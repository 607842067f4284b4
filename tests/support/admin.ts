/** `admin.ts` as an operator runs it: in a process, against a server or a store. */

import { join } from "node:path";
import { options } from "../../lib/config/config.ts";
import type { Json } from "./client.ts";
import type { Settings } from "./server.ts";

const root = join(import.meta.dirname!, "..", "..");

/** How a command ended. */
export interface AdminResult {
  readonly code: number;
  readonly out: string;
  readonly error: string;
  /** What it wrote with `--json`. */
  readonly rows: Json[];
}

/**
 * Runs one command.
 *
 * @param settings the server's, by the names of the environment's variables
 * @param input what it reads from its standard input
 */
export async function admin(settings: Settings, args: readonly string[], input = ""): Promise<AdminResult> {
  const command = ["run", "--quiet", "--config", join(root, "deno.json"), "-P=admin", join(root, "admin.ts"), ...args];
  const env = {
    ...Object.fromEntries(Object.keys(options).map((name) => [name, ""])),
    BCRYPT_COST: "4",
    NO_COLOR: "1",
  };
  const child = new Deno.Command(Deno.execPath(), {
    args: command,
    cwd: "/",
    env: { ...env, ...settings },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {}); // not read
  const { code, stdout, stderr } = await child.output();
  await written;
  const out = new TextDecoder().decode(stdout);
  const error = new TextDecoder().decode(stderr).split("\n").filter((line) => !line.includes("experimental feature"));
  const rows = args.includes("--json") ? out.split("\n").filter(Boolean).map((line) => JSON.parse(line) as Json) : [];
  return { code, out: out.trimEnd(), error: error.join("\n").trimEnd(), rows };
}

/** The rows of a list that is right. */
export async function list(settings: Settings, ...args: readonly string[]): Promise<Json[]> {
  const { code, rows, error } = await admin(settings, [...args, "--json"]);
  if (code !== 0) throw new Error(`${args.join(" ")}: ${error}`);
  return rows;
}
