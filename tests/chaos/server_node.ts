/**
 * A chat server as a process that is killed, paused and started again, always under the same id, on a disk that can get
 * full; clients reach it through a proxy.
 */

import { join } from "node:path";
import { options } from "../../lib/config/config.ts";
import { Disk, onDisk } from "../support/disk.ts";
import { Outages } from "./outages.ts";
import { Proxy } from "./proxy.ts";
import type { Timeline } from "./timeline.ts";

/** How long a server may take to be ready, in milliseconds. */
const startMs = 30_000;

/** How long it is excused after it could run again, in milliseconds. */
const recoveryMs = 500;

/** What a server is made from. */
export interface NodeOptions {
  readonly id: string;
  /** The project, or a copy of it. */
  readonly root: string;
  /** Where it runs, and logs to. */
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly timeline: Timeline;
  /** Told when the process ends by itself. */
  readonly onCrash: (what: string) => void;
}

/** See the file's first lines. */
export class ServerNode implements AsyncDisposable {
  readonly id: string;
  /** Where clients connect. */
  readonly proxy: Proxy;
  /** When it could not answer. */
  readonly outages = new Outages();
  readonly #options: NodeOptions;
  #child: Deno.ChildProcess | undefined;
  #reading: Promise<unknown> | undefined;
  #port: number | undefined;
  #up: (to: number) => void;
  #stopping = false;

  constructor(options: NodeOptions) {
    const { timeline } = options;
    this.id = options.id;
    this.#options = options;
    this.proxy = new Proxy(() => this.#port, () => timeline.now);
    this.#up = this.outages.begin(timeline.now);
  }

  /** Starts the process, again and again while it cannot start; when this resolves, clients can connect. */
  async start(): Promise<void> {
    const { id, timeline } = this.#options;
    this.#stopping = false;
    const deadline = timeline.now + startMs;
    for (;;) {
      try {
        this.#port = await this.#spawn();
        return this.#up(timeline.now + recoveryMs);
      } catch (error) {
        // Without a store it does not start: whoever runs it starts it again.
        if (this.#stopping || timeline.now > deadline) throw error;
        timeline.note(`${id} is started again`);
      }
    }
  }

  async #spawn(): Promise<number> {
    const { id, root, folder, settings, timeline } = this.#options;
    const args = ["run", "--config", join(root, "deno.json"), "-P=server", join(root, "server.ts")];
    const started = onDisk(Deno.execPath(), args);
    const child = this.#child = new Deno.Command(started.command, {
      args: started.args,
      cwd: folder,
      env: {
        ...Object.fromEntries(Object.keys(options).map((name) => [name, ""])),
        NO_COLOR: "1",
        SERVER_ID: id,
        SERVER_HOST: "127.0.0.1",
        SERVER_PORT: "0",
        LOG_FORMAT: "json",
        ...settings,
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const ready = Promise.withResolvers<number>();
    this.#reading = this.#read(child.stderr, ready);
    void child.status.then(({ code, signal }) => {
      ready.reject(new Error(`${id} ended (${signal ?? code}) before it was ready; see its log`));
      if (this.#child !== child || this.#stopping || this.#port === undefined) return;
      this.#port = undefined;
      this.#options.onCrash(`${id} ended by itself: ${signal ?? code}`);
      this.#up = this.outages.begin(timeline.now);
      this.start().catch((error) => this.#options.onCrash(`${id} does not start again: ${error.message}`));
    });
    const timer = setTimeout(() => ready.reject(new Error(`${id} is not ready after ${startMs} ms`)), startMs);
    try {
      return await ready.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether the process is there, and was not told to stop. */
  get running(): boolean {
    return this.#port !== undefined;
  }

  /** What its files are on, while the process is there. */
  get disk(): Disk {
    return new Disk(this.#child!.pid);
  }

  /** Kills it, as when the machine dies. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Tells it to stop, as an operator does, and waits until it has. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Stops its clock: it holds what it has and does nothing. */
  pause(): void {
    this.#up = this.outages.begin(this.#options.timeline.now);
    this.#signal("SIGSTOP");
  }

  /** Lets it run on, unaware. */
  resume(): void {
    this.#signal("SIGCONT");
    this.#up(this.#options.timeline.now + recoveryMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.proxy[Symbol.asyncDispose]();
  }

  async #end(signal: Deno.Signal): Promise<void> {
    this.#up(this.#options.timeline.now);
    this.#up = this.outages.begin(this.#options.timeline.now);
    this.#stopping = true;
    this.#signal(signal);
    await this.#child?.status;
    await this.#reading;
    this.#port = undefined;
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child?.kill(signal);
    } catch {
      // It has ended.
    }
  }

  /** Keeps what the server logs, and finds its port there. */
  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, ready: PromiseWithResolvers<number>): Promise<void> {
    using file = await Deno.open(join(this.#options.folder, `${this.id}.log`), { create: true, append: true });
    const encoder = new TextEncoder();
    let partial = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (partial + chunk).split("\n");
      partial = lines.pop()!;
      for (const line of lines) {
        file.writeSync(encoder.encode(`${this.#options.timeline.now.toFixed(0)} ${line}\n`));
        if (line.includes('"server_ready"')) ready.resolve(JSON.parse(line).properties.port);
      }
    }
  }
}
