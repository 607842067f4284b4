/**
 * The server as its operator runs it: `server.ts` in a process, with files and signals.
 *
 * Each runs in a temporary folder of its own: no `.env` is found, and nothing is written into the project.
 */

import { join } from "node:path";
import { options } from "../../lib/config/config.ts";
import { placeCertificates } from "./certificates.ts";
import { type Endpoint, JsonClient, patienceMs, TextClient, within } from "./client.ts";
import { every, permitted } from "./needs.ts";
import type { Settings } from "./server.ts";

const root = join(import.meta.dirname!, "..", "..");

/** Whether a server can be started as a process. */
export const processes = every(await permitted("run", "read", "write", "env", "net"));

/** A line of the server's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly message: string };

/** How a process ended, and what it wrote to its log that is no log. */
export interface Ended {
  readonly code: number;
  readonly signal: string | null;
  readonly text: string;
}

/** A temporary folder that is removed at the end. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "chat-test-" });
  return { path, [Symbol.asyncDispose]: () => removeFolder(path) };
}

/** Removes a folder; a program on a terminal that has just been closed may write its last words into it meanwhile. */
async function removeFolder(path: string): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return await Deno.remove(path, { recursive: true });
    } catch (error) {
      if (attempt >= 100 || !/not empty/i.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** A started program: its log, its signals and its end. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  readonly #group: boolean;
  readonly #log: LogLine[] = [];
  readonly #text: string[] = [];
  #news = Promise.withResolvers<void>();
  #over = false;

  /** @param group whether it leads a process group of its own, which is then signalled and killed as a whole */
  constructor(command: string, options: Deno.CommandOptions, group = false) {
    this.#child = new Deno.Command(command, {
      ...options,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: group,
    }).spawn();
    this.#group = group;
    this.#reading = Promise.all([this.#read(this.#child.stderr), this.#read(this.#child.stdout)]).then(() => {
      this.#over = true;
      this.#wake();
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The first line of the log that is called so, now or to come; undefined where the program ends without it. */
  async logged(event: string): Promise<LogLine | undefined> {
    for (;;) {
      const line = this.#log.find(({ message }) => message === event);
      if (line || this.#over) return line;
      await within(this.#news.promise, () => `${event} in the log: ${this.text}`);
    }
  }

  /** The log's lines so far. */
  get log(): readonly LogLine[] {
    return this.#log;
  }

  /** What it wrote besides its log's lines. */
  get text(): string {
    return this.#text.join("\n");
  }

  /** Why it could not start, as its log says; undefined where it says nothing. */
  get refusal(): string | undefined {
    const line = this.#log.find(({ message }) => message === "start_failed");
    return (line?.properties as { reason: string } | undefined)?.reason;
  }

  /** Sends a signal to the program, or to its group. */
  signal(signal: Deno.Signal): void {
    try {
      Deno.kill(this.#group ? -this.pid : this.pid, signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
    }
  }

  /** Waits for its end. */
  async ended(ms = patienceMs): Promise<Ended> {
    const { code, signal } = await within(this.#child.status, () => `the end of the program: ${this.text}`, ms);
    await this.#reading;
    return { code, signal, text: this.text };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.#child.status;
    await this.#reading;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let partial = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (partial + chunk).split("\n");
      partial = lines.pop()!;
      for (const line of lines) this.#take(line);
    }
    if (partial !== "") this.#take(partial);
  }

  #take(line: string): void {
    if (line.startsWith('{"')) this.#log.push(JSON.parse(line) as LogLine);
    else if (!line.includes("Permissions in the config file is an experimental feature")) this.#text.push(line);
    this.#wake();
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

/** The environment of a server in a folder: every option that is not given is set to nothing, its default. */
function environment(folder: string, settings: Settings): Record<string, string> {
  return {
    ...Object.fromEntries(Object.keys(options).map((name) => [name, ""])),
    NO_COLOR: "1",
    SERVER_HOST: "127.0.0.1",
    SERVER_PORT: "0",
    ADMIN_PORT: "off",
    START_PATIENCE_SECONDS: "0",
    DATA_DIR: join(folder, "data"),
    CERT_FILE: join(folder, "certs", "cert.pem"),
    KEY_FILE: join(folder, "certs", "key.pem"),
    BCRYPT_COST: "4",
    LOG_FORMAT: "json",
    ...settings,
  };
}

/** How `server.ts` is started in a folder. */
export function serverCommand(folder: string, settings: Settings = {}, flags: readonly string[] = []) {
  const young = "--v8-flags=--max-semi-space-size=4"; // as the task "server" has it
  const args = ["run", "--config", join(root, "deno.json"), young, "-P=server", join(root, "server.ts"), ...flags];
  return { command: Deno.execPath(), options: { args, cwd: folder, env: environment(folder, settings) } };
}

/** Starts `server.ts`; it may not get ready. */
export function runServer(folder: string, settings: Settings = {}, flags: readonly string[] = []): Program {
  const { command, options } = serverCommand(folder, settings, flags);
  return new Program(command, options);
}

/** Starts `deno task server`, in a process group of its own, as a shell does. */
export function runTask(folder: string, settings: Settings = {}): Program {
  return new Program(
    Deno.execPath(),
    { args: ["task", "server"], cwd: root, env: environment(folder, settings) },
    true,
  );
}

/** A server in a process, ready for clients. */
export class ServerProcess implements Endpoint, AsyncDisposable {
  private constructor(readonly program: Program, readonly port: number, readonly ca: string, readonly caFile: string) {}

  /** Starts a server and waits until it is ready. Its certificate is the tests' own, unless the folder has `certs`. */
  static async start(
    folder: string,
    settings: Settings = {},
    run: (folder: string, settings: Settings) => Program = runServer,
  ): Promise<ServerProcess> {
    await placeCertificates(folder);
    const program = run(folder, settings);
    try {
      const ready = await program.logged("server_ready");
      if (!ready) throw new Error(`The server ended instead of getting ready: ${program.text}`);
      const { port } = ready.properties as { port: number };
      const caFile = join(folder, "certs", "ca.pem");
      return new ServerProcess(program, port, await Deno.readTextFile(caFile), caFile);
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  login(user: string, password?: string): Promise<TextClient> {
    return TextClient.login(this, user, password);
  }

  /** A program that has connected and said HELLO. */
  json(): Promise<JsonClient> {
    return JsonClient.open(this);
  }

  jsonLogin(user: string, fields?: Record<string, unknown>): Promise<JsonClient> {
    return JsonClient.login(this, user, fields);
  }

  /** Kills it (SIGKILL) and waits for its end. */
  async kill(): Promise<void> {
    this.program.signal("SIGKILL");
    await this.program.ended();
  }

  /** Stops it in the orderly way (SIGTERM) and waits for its end. */
  async stop(): Promise<Ended> {
    this.program.signal("SIGTERM");
    return await this.program.ended();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.program[Symbol.asyncDispose]();
  }
}
