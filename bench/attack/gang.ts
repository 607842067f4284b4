/** The attackers' process, as the one that measures sees it. */

import { within } from "../../tests/support/client.ts";
import type { AttackReport } from "./attack.ts";
import { Lines, type Plan, type Told } from "./attackers.ts";

/** How long they may take to get ready, in milliseconds: their accounts' passwords are hashed as everybody's are. */
const readyMs = 180_000;

/** How long they may take to look at what came of it, in milliseconds. */
const lookingMs = 90_000;

/** The attackers. */
export class Gang implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #plan: Plan;

  private constructor(plan: Plan) {
    const args = ["run", "--quiet", "--allow-all", new URL("attackers.ts", import.meta.url).pathname];
    // A session of their own, and nice: they give way to the process that measures. The server has another core.
    this.#child = new Deno.Command("setsid", {
      args: ["nice", "-n", "5", Deno.execPath(), ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#plan = plan;
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new Lines()).getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Starts them and waits until they are ready. */
  static async start(plan: Plan): Promise<Gang> {
    const gang = new Gang(plan);
    try {
      await gang.#say(JSON.stringify(plan));
      await gang.#told("the attackers to be ready", readyMs);
      return gang;
    } catch (error) {
      await gang[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Lets them loose. @returns what they report when it is over */
  async attack(): Promise<readonly AttackReport[]> {
    await this.#say("go");
    const told = await this.#told("the attackers' reports", this.#plan.seconds * 1000 + lookingMs);
    return "reports" in told ? told.reports : [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // Ended by itself.
    }
    await this.#writer.abort().catch(() => {});
    await this.#lines.cancel().catch(() => {});
    await this.#child.status;
  }

  #say(line: string): Promise<void> {
    return this.#writer.write(new TextEncoder().encode(`${line}\n`));
  }

  async #told(what: string, ms: number): Promise<Told> {
    const { value } = await within(this.#lines.read(), () => what, ms);
    if (value === undefined) throw new Error(`The attackers ended; waited for ${what}`);
    return JSON.parse(value) as Told;
  }
}
