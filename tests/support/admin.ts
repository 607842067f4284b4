/** The operator's commands, against a server or a store: as `admin.ts` runs them, in a process or in this one. */

import { join } from "node:path";
import { runAdmin } from "../../lib/admin/run.ts";
import { options } from "../../lib/config/config.ts";
import type { Json } from "./client.ts";
import type { Settings } from "./server.ts";

const root = join(import.meta.dirname!, "..", "..");
const encoder = new TextEncoder();

/** How a command ended. */
export interface AdminResult {
  readonly code: number;
  readonly out: string;
  readonly error: string;
  /** What it wrote with `--json`. */
  readonly rows: Json[];
}

/**
 * Runs one command, in a process of its own.
 *
 * @param settings the server's, by the names of the environment's variables
 * @param input what it reads from its standard input
 */
export async function adminProcess(settings: Settings, args: readonly string[], input = ""): Promise<AdminResult> {
  const command = ["run", "--quiet", "--config", join(root, "deno.json"), "-P=admin", join(root, "admin.ts"), ...args];
  const child = new Deno.Command(Deno.execPath(), {
    args: command,
    cwd: "/",
    env: environment(settings),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const written = writer.write(encoder.encode(input)).then(() => writer.close()).catch(() => {}); // not read
  const { code, stdout, stderr } = await child.output();
  await written;
  return resultOf(code, args, stdout, stderr);
}

/** As {@linkcode adminProcess}, in this process: a process that only starts takes a second. */
export async function admin(settings: Settings, args: readonly string[], input = ""): Promise<AdminResult> {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const stdin = {
    readable: ReadableStream.from(input === "" ? [] : [encoder.encode(input)]),
    isTerminal: () => false,
    setRaw: unused,
    read: unused,
  };
  const streams = { stdin, stdout, stderr };
  const code = await runAdmin({ args, env: environment(settings), dotenv: undefined, streams });
  return resultOf(code, args, stdout.bytes, stderr.bytes);
}

/** Keeps what is written. */
class Sink {
  bytes = new Uint8Array();

  writeSync(more: Uint8Array): number {
    this.bytes = new Uint8Array([...this.bytes, ...more]);
    return more.length;
  }

  write(more: Uint8Array): Promise<number> {
    return Promise.resolve(this.writeSync(more));
  }

  isTerminal(): boolean {
    return false;
  }
}

function unused(): never {
  throw new Error("This input is no terminal");
}

/** Every option that is not given is set to nothing, its default. */
function environment(settings: Settings): Record<string, string> {
  const none = Object.fromEntries(Object.keys(options).map((name) => [name, ""]));
  return { ...none, BCRYPT_COST: "4", NO_COLOR: "1", ...settings };
}

function resultOf(code: number, args: readonly string[], stdout: Uint8Array, stderr: Uint8Array): AdminResult {
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
