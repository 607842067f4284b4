/** A server that dies, at the end of a line that is slow and breaks. */

import type { Prng } from "../chaos/prng.ts";
import { Proxy } from "../chaos/proxy.ts";
import type { JsonClient } from "../support/client.ts";
import { ServerProcess } from "../support/process.ts";

const settings = { DEMO_ACCOUNTS: "on", RATE_LIMIT: "off", HISTORY_MAX_MESSAGES: "1000000" };

/** A server that dies, and comes back on its port. */
export class MortalServer implements AsyncDisposable {
  /** How often each thing happened to it. */
  readonly counts = new Map<string, number>();
  readonly caFile: string;
  readonly #folder: string;
  readonly #prng: Prng;
  readonly #line: Proxy;
  #server: ServerProcess;

  private constructor(folder: string, prng: Prng, server: ServerProcess) {
    this.#folder = folder;
    this.#prng = prng;
    this.#server = server;
    this.#line = new Proxy(() => server.port, () => performance.now());
    this.caFile = server.caFile;
  }

  static async start(folder: string, prng: Prng): Promise<MortalServer> {
    return new MortalServer(folder, prng, await ServerProcess.start(folder, settings));
  }

  /** Where the bad line begins. */
  get port(): number {
    return this.#line.port;
  }

  /** A program that is logged in, over a good line. */
  json(user: string): Promise<JsonClient> {
    return this.#server.jsonLogin(user);
  }

  /** Every few seconds the server dies or the line breaks, in one way or another. At the end all is well. */
  async sufferNowAndThen(over: AbortSignal): Promise<void> {
    const prng = this.#prng;
    for (;;) {
      this.#line.weather = { kind: "late", ms: prng.int(1, 150) };
      if (!await pause(prng.int(1_000, 5_000), over)) break;
      const what = prng.weighted({ killed: 3, stopped: 2, frozen: 1, cut: 4, held: 1 });
      this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
      await this.#suffer(what, over);
    }
    this.#line.weather = { kind: "clear" };
  }

  async #suffer(what: "killed" | "stopped" | "frozen" | "cut" | "held", over: AbortSignal): Promise<void> {
    const prng = this.#prng;
    switch (what) {
      case "cut":
        for (const link of this.#line.links) link.cut(prng.next());
        return;
      case "held":
        this.#line.weather = { kind: "held" };
        return void await pause(prng.int(100, 2_000), over);
      case "frozen":
        this.#server.program.signal("SIGSTOP");
        await pause(prng.int(100, 1_500), over);
        return this.#server.program.signal("SIGCONT");
      case "stopped":
        await this.#server.stop();
        return await this.#comeBack(over);
      case "killed":
        await this.#server.kill();
        return await this.#comeBack(over);
    }
  }

  async #comeBack(over: AbortSignal): Promise<void> {
    const { port } = this.#server;
    await this.#server[Symbol.asyncDispose]();
    await pause(this.#prng.int(0, 2_500), over);
    this.#server = await ServerProcess.start(this.#folder, { ...settings, SERVER_PORT: `${port}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#line[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

/** @returns false where it is over before or then */
export function pause(ms: number, over?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      over?.removeEventListener("abort", end);
      resolve(!over?.aborted);
    };
    const timer = setTimeout(end, over?.aborted ? 0 : ms);
    over?.addEventListener("abort", end);
  });
}
