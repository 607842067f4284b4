/**
 * A real Prometheus for the tests, and its promtool: Debian's package `prometheus` has both.
 */

import { join } from "node:path";
import { type Need, need, permitted } from "./needs.ts";
import { until } from "./turns.ts";

async function installed(program: string): Promise<Need> {
  const may = await permitted("run");
  if (may.ignored) return may;
  try {
    await new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).output();
    return need(undefined, "all");
  } catch {
    return need(`no ${program} on the PATH; Debian's package is called prometheus`);
  }
}

/** Whether there is a promtool. */
export const promtoolThere = await installed("promtool");

/** Whether there is a Prometheus. */
export const prometheusThere = await installed("prometheus");

/** Runs promtool; what it says where it is content, and an error where it is not. */
export async function promtool(args: readonly string[], input = ""): Promise<string> {
  const child = new Deno.Command("promtool", { args: [...args], stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (!success) throw new Error(`promtool ${args.join(" ")}:\n${said}`);
  return said;
}

/** One series of an answer. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** A rule as Prometheus has read it. */
export interface Rule {
  readonly name: string;
  readonly query: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A running Prometheus; disposing of it ends it. */
export class Prometheus implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #url: string;

  private constructor(child: Deno.ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  /**
   * Starts one and waits until it answers.
   *
   * @param folder where its configuration is, as prometheus.yml, and its data go
   */
  static async start(folder: string): Promise<Prometheus> {
    const port = freePort();
    const child = new Deno.Command("prometheus", {
      args: [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.level=error",
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const prometheus = new Prometheus(child, `http://127.0.0.1:${port}`);
    try {
      await until("Prometheus is ready", () => prometheus.#isReady(), { everyMs: 50 });
      return prometheus;
    } catch (error) {
      await prometheus[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The series that a query finds now. */
  async query(expression: string): Promise<readonly Sample[]> {
    const { result } = await this.#get(`query?query=${encodeURIComponent(expression)}`) as { result: Sample[] };
    return result;
  }

  /** The alert rules that it has read. */
  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.#get("rules?type=alert") as { groups: { rules: Rule[] }[] };
    return groups.flatMap(({ rules }) => rules);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended.
    }
    await this.#child.status;
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.#url}/-/ready`);
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/${path}`);
    const { status, error, data } = await response.json() as { status: string; error?: string; data: unknown };
    if (status !== "success") throw new Error(`Prometheus refuses ${path}: ${error}`);
    return data;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
