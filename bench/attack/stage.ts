/**
 * The server under attack: a process with the settings that everybody has, alone on one core of the machine, and where
 * it is asked for a Redis on another. Nothing of it is left afterwards.
 */

import { join } from "node:path";
import type { Endpoint } from "../../tests/support/client.ts";
import { eventually, patienceMs } from "../../tests/support/client.ts";
import { temporaryFolder } from "../../tests/support/process.ts";
import { startRedis, type TestRedis } from "../../tests/support/redis.ts";
import { cpuSeconds, residentKb } from "../proc.ts";
import type { StoreName } from "../world.ts";

/** The core that the server has, and the one for everything else. */
export const cores = { server: "0", others: "1" } as const;

/** How long a guest may take to log in, in seconds: less than by default, so that a minute's attack shows the end. */
export const idleSeconds = 20;

/** Whether processes can be put on cores here. */
export const pinnable: boolean = Deno.build.os === "linux" && navigator.hardwareConcurrency > 1 &&
  await runs("taskset");

/** Puts a running process on a core, threads and all. */
export async function pin(pid: number, core: string): Promise<void> {
  await new Deno.Command("taskset", { args: ["-acp", core, `${pid}`], stdout: "null" }).output();
}

/**
 * Lets a running process and all of its session go before the machine's other work, or no longer: Linux shares its
 * processors out by session first, and only within one by what `nice` says.
 *
 * @param nice from -20, before all others, to 0, as all others
 */
export async function favour(pid: number, nice: number): Promise<void> {
  await Deno.writeTextFile(`/proc/${pid}/autogroup`, `${nice}`);
}

/** A server under attack. */
export class Stage implements Endpoint, AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  #log = "";
  port = 0;
  ca = "";
  pid = 0;
  adminPort = 0;
  redis: TestRedis | undefined;

  private constructor() {}

  /**
   * Starts a server.
   *
   * @param project the folder of the project whose server it is
   * @param apart whether it has a core for itself
   * @param settings what is not as everybody has it
   */
  static async start(
    store: StoreName,
    project: string,
    apart: boolean,
    settings: Record<string, string> = {},
  ): Promise<Stage> {
    const stage = new Stage();
    try {
      const folder = stage.#parts.use(await temporaryFolder()).path;
      if (store === "redis") {
        stage.redis = stage.#parts.use(await startRedis({ appendonly: true, args: ["--appendfsync", "everysec"] }));
        if (apart) await pin(stage.redis.pid, cores.others);
      }
      await stage.#run(project, folder, apart, settings);
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Seconds of CPU time that the server has used. */
  cpu(): number | undefined {
    return cpuSeconds(this.pid);
  }

  /** Its memory now, in MB. */
  memoryMb(): number | undefined {
    const kb = residentKb(this.pid);
    return kb === undefined ? undefined : kb / 1024;
  }

  /** How long its log is by now, in KB. */
  async logKb(): Promise<number> {
    return Math.round((await Deno.stat(this.#log)).size / 1024);
  }

  /** What it says of itself, as Prometheus reads it; nothing where it does not answer in time. */
  async metrics(): Promise<string> {
    try {
      const signal = AbortSignal.timeout(10_000);
      return await (await fetch(`http://127.0.0.1:${this.adminPort}/metrics`, { signal })).text();
    } catch {
      return "";
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }

  async #run(project: string, folder: string, apart: boolean, settings: Record<string, string>): Promise<void> {
    this.#log = join(folder, "server.log");
    // As the task "server" has it; the log goes into a file, so that nobody has to keep up with it.
    const server = [Deno.execPath(), "run", "--config", join(project, "deno.json")];
    server.push("--v8-flags=--max-semi-space-size=4", "-P=server", join(project, "server.ts"));
    const command = [...apart ? ["taskset", "-c", cores.server] : [], ...server];
    const child = new Deno.Command("sh", {
      args: ["-c", 'exec "$@" > "$LOG" 2>&1', "sh", ...command],
      cwd: folder,
      clearEnv: true,
      env: { ...this.#environment(folder), ...settings, LOG: this.#log },
      stdin: "null",
    }).spawn();
    this.pid = child.pid; // sh and taskset make room for it
    this.#parts.defer(async () => {
      try {
        child.kill("SIGKILL");
      } catch {
        // Ended by itself.
      }
      await child.status;
    });
    let text = "";
    const event = (name: string) =>
      text.split("\n").find((line) => line.includes(`"message":"${name}"`) && line.endsWith("}"));
    let over = false;
    void child.status.then(() => over = true);
    await eventually(async () => {
      text = await Deno.readTextFile(this.#log).catch(() => "");
      if (over) throw new Error(`The server ended instead of getting ready: ${text}`);
      return event("server_ready") !== undefined;
    }, `the server is ready, ${patienceMs} ms`);
    this.port = JSON.parse(event("server_ready")!).properties.port;
    this.adminPort = JSON.parse(event("admin_ready")!).properties.port;
    this.ca = await Deno.readTextFile(join(folder, "certs", "ca.pem"));
  }

  #environment(folder: string): Record<string, string> {
    const passed = ["PATH", "HOME", "DENO_DIR", "NPM_CONFIG_REGISTRY"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    return {
      ...Object.fromEntries(passed),
      SERVER_HOST: "127.0.0.1",
      SERVER_PORT: "0",
      ADMIN_PORT: "0",
      DATA_DIR: join(folder, "data"),
      CERT_FILE: join(folder, "certs", "cert.pem"),
      KEY_FILE: join(folder, "certs", "key.pem"),
      LOG_FORMAT: "json",
      IDLE_TIMEOUT_SECONDS: `${idleSeconds}`,
      ...this.redis && { REDIS_URL: this.redis.url },
    };
  }
}

async function runs(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}
