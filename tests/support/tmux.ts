/**
 * Real terminals for tests: tmux, driven over its control mode.
 *
 * A program runs on a pty of its own; what its screen shows is what tmux, as the terminal emulator, made of its bytes.
 * Nothing here waits for time to pass: every wait is for output.
 */

import { join } from "node:path";
import { patienceMs, within } from "./client.ts";
import { clientCommand, type ClientStart, quoted } from "./client_command.ts";
import { every, type Need, need } from "./needs.ts";
import { processes } from "./process.ts";
import type { Shown } from "./screens.ts";

/** Whether there is a tmux to drive. */
export const terminals: Need = every(processes, await hasTmux());

async function hasTmux(): Promise<Need> {
  if (processes.ignored) return processes;
  try {
    const { success } = await new Deno.Command("tmux", { args: ["-V"], stdout: "null", stderr: "null" }).output();
    if (success) return need();
  } catch {
    // not there
  }
  return need("needs tmux: apt-get install tmux");
}

interface Command {
  readonly lines: string[];
  readonly resolve: (lines: string[]) => void;
  readonly reject: (error: Error) => void;
}

/** A tmux of the test's own. */
export class Tmux implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly #terminals = new Map<string, Terminal>();
  readonly #waiting: Command[] = [];
  #answer: Command | undefined;

  private constructor(folder: string) {
    this.#child = new Deno.Command("tmux", {
      args: [
        "-u",
        "-f",
        "/dev/null",
        "-S",
        join(folder, "tmux"),
        "-C",
        "new-session",
        "-s",
        "base",
        "-x",
        "80",
        "-y",
        "24",
      ],
      env: { LC_ALL: "C.UTF-8", TERM: "xterm-256color", TMUX: "" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Starts one. @param folder where its socket is */
  static async start(folder: string): Promise<Tmux> {
    const tmux = new Tmux(folder);
    await tmux.command("set -g focus-events on");
    return tmux;
  }

  /** Starts the client, logged in with a demo account's password. */
  client(start: ClientStart): Promise<Terminal> {
    return this.run(clientCommand(start), start.columns, start.rows);
  }

  /** Runs a program on a terminal of its own. */
  async run(command: readonly string[], columns: number, rows: number): Promise<Terminal> {
    // The terminal outlives the program: of one that goes with it, the last words may be lost.
    const shell = `${command.map(quoted).join(" ")}; exec sleep 1000`;
    const [pane] = await this.command(`new-window -d -P -F '#{pane_id}' -t base: ${quoted(shell)}`);
    await this.command(`resize-window -t ${pane} -x ${columns} -y ${rows}`);
    const terminal = new Terminal(this, pane);
    this.#terminals.set(pane, terminal);
    return terminal;
  }

  /** Gives tmux a command. @returns its output's lines */
  async command(command: string): Promise<string[]> {
    return (await this.commands(command))[0];
  }

  /** Gives tmux commands that it runs one after the other, before anything else. @returns their outputs' lines */
  async commands(...commands: readonly string[]): Promise<string[][]> {
    const answers = commands.map(() =>
      new Promise<string[]>((resolve, reject) => this.#waiting.push({ lines: [], resolve, reject }))
    );
    const all = Promise.all(answers);
    all.catch(() => {});
    // At once: what it reads together it runs together.
    void this.#writer.write(new TextEncoder().encode(commands.map((command) => `${command}\n`).join("")));
    return await within(all, () => `tmux's answer to ${commands.join("; ")}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.command("kill-server").catch(() => {});
    await this.#child.status;
    await this.#writer.close().catch(() => {});
    await this.#reading;
  }

  async #read(): Promise<void> {
    let partial = "";
    for await (const chunk of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (partial + chunk).split("\n");
      partial = lines.pop()!;
      for (const line of lines) this.#take(line.replace(/\r$/, ""));
    }
  }

  #take(line: string): void {
    // What it was started with is answered as well, with another flag at the end.
    if (/^%begin .* 1$/.test(line)) this.#answer = this.#waiting.shift();
    else if (/^%(?:begin|end|error) .* 0$/.test(line)) return;
    else if (line.startsWith("%end ") || line.startsWith("%error ")) {
      if (!this.#answer) return;
      const { lines, resolve, reject } = this.#answer;
      this.#answer = undefined;
      if (line.startsWith("%end ")) resolve(lines);
      else reject(new Error(lines.join("\n")));
    } else if (this.#answer) this.#answer.lines.push(line);
    else if (line.startsWith("%output ")) {
      const [, pane, data] = /^%output (%\d+) (.*)$/.exec(line)!;
      this.#terminals.get(pane)?.heard(unescaped(data));
    }
  }
}

/** One terminal, with a program on it. */
export class Terminal {
  readonly #tmux: Tmux;
  readonly #pane: string;
  #heard = 0;
  #news = Promise.withResolvers<void>();
  #output = "";

  constructor(tmux: Tmux, pane: string) {
    this.#tmux = tmux;
    this.#pane = pane;
  }

  /** The program wrote something. */
  heard(output: string): void {
    this.#heard++;
    this.#output = (this.#output + output).slice(-200_000);
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /** Types text, as it is. */
  async type(text: string): Promise<void> {
    await this.#tmux.command(`send-keys -t ${this.#pane} -l ${quoted(text)}`);
  }

  /** Presses keys by tmux's names for them, such as `Enter`, `C-a` or `PageUp`. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux.command(`send-keys -t ${this.#pane} ${keys.join(" ")}`);
  }

  /** Types a line and sends it. */
  async enter(line: string): Promise<void> {
    await this.type(line);
    await this.press("Enter");
  }

  /** Sends bytes, as a terminal does for a paste. */
  async send(text: string): Promise<void> {
    const bytes = Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16));
    await this.#tmux.command(`send-keys -t ${this.#pane} -H ${bytes.join(" ")}`);
  }

  /** Gives it another size. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux.command(`resize-window -t ${this.#pane} -x ${columns} -y ${rows}`);
  }

  /** What it shows now. */
  async shown(): Promise<Shown> {
    const format = "#{cursor_x} #{cursor_y} #{alternate_on} #{pane_title}";
    const [rows, [state]] = await this.#tmux.commands(
      `capture-pane -p -t ${this.#pane}`,
      `display-message -p -t ${this.#pane} '${format}'`,
    );
    const [column, row, alternate] = state.split(" ");
    const title = state.split(" ").slice(3).join(" ");
    return { rows, cursor: { column: Number(column), row: Number(row) }, title, alternate: alternate === "1" };
  }

  /** Waits until it shows something. */
  async until(wanted: (shown: Shown) => boolean, what: string, ms = patienceMs): Promise<Shown> {
    const end = performance.now() + ms;
    for (;;) {
      const before = this.#heard;
      const shown = await this.shown();
      if (wanted(shown)) return shown;
      if (this.#heard !== before) continue;
      if (performance.now() > end) {
        throw new Error(`Waited ${ms} ms for ${what} on the terminal; it shows:\n${shown.rows.join("\n")}`);
      }
      // The last words of a program that ends are not always told of.
      await within(this.#news.promise, () => "news", 250).catch(() => {});
    }
  }

  /** Waits until a row of it has a text. */
  untilText(text: string, ms?: number): Promise<Shown> {
    return this.until(({ rows }) => rows.some((row) => row.includes(text)), JSON.stringify(text), ms);
  }

  /** Waits until the program has written a text since {@linkcode listen}, as bytes, whatever became of it. */
  async untilWritten(text: string): Promise<void> {
    while (!this.#output.includes(text)) await within(this.#news.promise, () => `the output ${JSON.stringify(text)}`);
  }

  /** Forgets what was written so far. */
  listen(): void {
    this.#output = "";
  }
}

/** Undoes what control mode does to control characters and the backslash. */
function unescaped(data: string): string {
  return data.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
