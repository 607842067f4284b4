/**
 * Raw terminals for tests: a pty of util-linux' `script`, whose two ends are pipes, and xterm.js as the screen.
 *
 * Nothing stands between a test and the program: bytes arrive as they are written, in the pieces and at the times that
 * the test chooses, and all that the program writes can be looked at. Waits are for output, never for time to pass.
 */

import xterm from "@xterm/headless";
import { patienceMs, within } from "./client.ts";
import { clientCommand, type ClientStart, quoted } from "./client_command.ts";
import { every, type Need, need } from "./needs.ts";
import { processes } from "./process.ts";
import type { Shown } from "./screens.ts";

/** Whether there is a `script` that makes ptys. */
export const ptys: Need = every(processes, await hasScript());

async function hasScript(): Promise<Need> {
  if (processes.ignored) return processes;
  try {
    const { stdout } = await new Deno.Command("script", { args: ["--version"], stderr: "null" }).output();
    if (new TextDecoder().decode(stdout).includes("util-linux")) return need();
  } catch {
    // not there
  }
  return need("needs util-linux' script: apt-get install bsdutils");
}

/** How a program is started on a pty. */
export interface PtyStart {
  readonly columns?: number;
  readonly rows?: number;
  /** Starts a shell, and types the program's command into it: what the program leaves unread, the shell runs. */
  readonly shell?: boolean;
  /** Where the program's output goes, if not to the terminal, as a shell's redirections: `>/dev/full`. */
  readonly redirect?: string;
}

/** How the program ended. */
export interface PtyEnd {
  /** Its exit code; 128 and the signal's number where a signal has killed it. */
  readonly code: number;
  /** What `stty -g` said before it, and says after it. */
  readonly settings: { readonly before: string; readonly after: string };
  /** The private modes that it has changed and not put back, by number, and what they are now. */
  readonly modes: ReadonlyMap<number, boolean>;
}

/** Private modes that are on in a terminal of which nothing has been asked: wrapping, the cursor. */
const onAtFirst: ReadonlySet<number> = new Set([7, 25]);

/**
 * Between two of these, the wrapper tells the test something on the pty itself, so that it stands in its place among the
 * output. No client writes one: it cleans what it is sent.
 */
const mark = "\x1e";

/** Tells the program's pid, before the program takes the process. */
const tellPid = `printf '${mark}pid %s${mark}' $$`;

/** Tells the terminal's name and settings. */
const tellBefore = `printf '${mark}before %s %s${mark}' "$(tty)" "$(stty -g)"`;

/** Tells how the program before it in the line has ended, and the terminal's settings. */
const tellEnd = `printf '${mark}end %s %s${mark}' "$?" "$(stty -g)"`;

const encoder = new TextEncoder();

/** A program on a pty of its own. */
export class Pty implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly #screen: InstanceType<typeof xterm.Terminal>;
  readonly #modes = new Map<number, boolean>();
  readonly #savedModes = new Map<number, boolean>();
  readonly #told = new Map<string, string>();
  #title = "";
  #output = "";
  #news = Promise.withResolvers<void>();
  #over = false;

  private constructor(command: readonly string[], { columns = 80, rows = 24, shell = false, redirect = "" }: PtyStart) {
    const program = `${tellPid}; exec ${command.map(quoted).join(" ")} ${redirect}`;
    const run = shell ? `PS1='$ ' ENV= exec sh -i` : `sh -c "$PROGRAM"; ${tellEnd}`;
    this.#child = new Deno.Command("script", {
      args: ["--quiet", "--command", `stty rows ${rows} cols ${columns}; ${tellBefore}; ${run}`, "/dev/null"],
      env: { SHELL: "/bin/sh", LC_ALL: "C.UTF-8", TERM: "xterm-256color", PROGRAM: program },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.#screen.onTitleChange((title) => this.#title = title);
    this.#followModes();
    this.#reading = this.#read();
  }

  /** Starts a program; resolves when the terminal is there. @param command its words */
  static async start(command: readonly string[], start: PtyStart = {}): Promise<Pty> {
    const pty = new Pty(command, start);
    try {
      await pty.#telling("before");
      if (start.shell) await pty.#run(`sh -c "$PROGRAM"`);
      await pty.#telling("pid");
      return pty;
    } catch (error) {
      await pty[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts the client, logged in with a demo account's password. */
  static client(start: ClientStart & PtyStart): Promise<Pty> {
    return Pty.start(clientCommand(start), start);
  }

  /** The program's process. */
  get pid(): number {
    return Number(this.#told.get("pid"));
  }

  /** All that was written to the terminal since {@linkcode listen}. */
  get output(): string {
    return this.#output;
  }

  /** The private modes (`CSI ? n h`) that are not as in a fresh terminal, and what they are. */
  get modes(): ReadonlyMap<number, boolean> {
    return new Map([...this.#modes].filter(([mode, on]) => on !== onAtFirst.has(mode)));
  }

  /**
   * Writes to the program, as its terminal does.
   *
   * @param parts texts and bytes, each in a write of its own, and numbers: milliseconds to wait in between
   */
  async write(...parts: readonly (string | Uint8Array | number)[]): Promise<void> {
    for (const part of parts) {
      if (typeof part === "number") await new Promise((resolve) => setTimeout(resolve, part));
      else await this.#writer.write(typeof part === "string" ? encoder.encode(part) : part);
    }
  }

  /** Types a line and presses Enter. */
  enter(line: string): Promise<void> {
    return this.write(`${line}\r`);
  }

  /** Gives the terminal another size; the program gets its SIGWINCH. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#shown();
    this.#screen.resize(columns, rows);
    await this.#stty("rows", `${rows}`, "cols", `${columns}`);
  }

  /** Has the shell bring the program back that was suspended. */
  foreground(): Promise<void> {
    return this.#run("fg");
  }

  /** Sends the program a signal. */
  signal(signal: Deno.Signal): void {
    Deno.kill(this.pid, signal);
  }

  /** The terminal's settings now, as `stty -g` has them. */
  settings(): Promise<string> {
    return this.#stty("-g");
  }

  /** What it shows now. */
  async shown(): Promise<Shown> {
    await this.#shown();
    const { active } = this.#screen.buffer;
    const rows = Array.from(
      { length: this.#screen.rows },
      (_, row) => active.getLine(active.viewportY + row)?.translateToString(true).trimEnd() ?? "",
    );
    return {
      rows,
      cursor: { column: active.cursorX, row: active.cursorY },
      title: this.#title,
      alternate: active.type === "alternate",
    };
  }

  /** Waits until it shows something. */
  async until(wanted: (shown: Shown) => boolean, what: string, ms = patienceMs): Promise<Shown> {
    const end = performance.now() + ms;
    for (;;) {
      const { promise } = this.#news;
      const shown = await this.shown();
      if (wanted(shown)) return shown;
      const left = end - performance.now();
      const told = () => `${what} on the terminal; it shows:\n${shown.rows.join("\n")}`;
      if (this.#over) throw new Error(`The terminal is closed; waited for ${told()}`);
      await within(promise, told, Math.max(0, left));
    }
  }

  /** Waits until a row of it has a text. */
  untilText(text: string, ms?: number): Promise<Shown> {
    return this.until(({ rows }) => rows.some((row) => row.includes(text)), JSON.stringify(text), ms);
  }

  /** Waits until a text has been written to it since {@linkcode listen}, as bytes, whatever became of it. */
  async untilWritten(text: string): Promise<void> {
    while (!this.#output.includes(text)) await within(this.#news.promise, () => `the output ${JSON.stringify(text)}`);
  }

  /** Forgets what was written so far. */
  listen(): void {
    this.#output = "";
  }

  /** Waits for the program's end. */
  async ended(ms = patienceMs): Promise<PtyEnd> {
    const [code, after] = (await this.#telling("end", ms)).split(" ");
    await this.#shown();
    const before = this.#told.get("before")!.split(" ")[1];
    return { code: Number(code), settings: { before, after }, modes: this.modes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A stopped program would not notice that its terminal goes.
    for (const pid of [this.pid, this.#child.pid]) {
      try {
        if (pid && !(pid === this.pid && this.#told.has("end"))) Deno.kill(pid, "SIGKILL");
      } catch {
        // ended already
      }
    }
    await this.#child.status;
    await this.#writer.close().catch(() => {});
    await this.#reading;
    await this.#shown();
    this.#screen.dispose();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoderStream();
    let telling: string | undefined;
    for await (const chunk of this.#child.stdout.pipeThrough(decoder)) {
      for (const [index, piece] of chunk.split(mark).entries()) {
        if (index > 0) {
          if (telling === undefined) telling = "";
          else {
            const [, word, value] = /^(\S+) (.*)$/.exec(telling) ?? [];
            if (word) this.#told.set(word, value);
            telling = undefined;
          }
        }
        if (telling !== undefined) telling += piece;
        else if (piece !== "") {
          this.#output = (this.#output + piece).slice(-1_000_000);
          this.#screen.write(piece);
        }
      }
      this.#wake();
    }
    this.#over = true;
    this.#wake();
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /** Waits until the wrapper has told something. */
  async #telling(word: string, ms = patienceMs): Promise<string> {
    for (;;) {
      const value = this.#told.get(word);
      if (value !== undefined) return value;
      if (this.#over) throw new Error(`The terminal is closed; it wrote ${JSON.stringify(this.#output)}`);
      await within(this.#news.promise, () => `the terminal's "${word}"; it wrote ${JSON.stringify(this.#output)}`, ms);
    }
  }

  /** Types a command that has the program for its end, or for its suspension. */
  #run(command: string): Promise<void> {
    this.#told.delete("end");
    return this.write(`${command}; ${tellEnd.replaceAll(mark, "\\036")}\r`);
  }

  /** Waits until the screen has taken all that has come. */
  #shown(): Promise<void> {
    return new Promise((resolve) => this.#screen.write("", resolve));
  }

  async #stty(...args: readonly string[]): Promise<string> {
    const [tty] = this.#told.get("before")!.split(" ");
    const { success, stdout } = await new Deno.Command("stty", { args: ["-F", tty, ...args], stderr: "null" }).output();
    if (!success) throw new Error(`stty ${args.join(" ")} does not work on ${tty}`);
    return new TextDecoder().decode(stdout).trim();
  }

  /** Notes which private modes are turned on (h) and off (l), saved (s) and put back (r). */
  #followModes(): void {
    const follow = (final: string, take: (mode: number) => void) => {
      this.#screen.parser.registerCsiHandler({ prefix: "?", final }, (params) => {
        for (const mode of params.flat()) take(mode);
        return false;
      });
    };
    follow("h", (mode) => this.#modes.set(mode, true));
    follow("l", (mode) => this.#modes.set(mode, false));
    follow("s", (mode) => this.#savedModes.set(mode, this.#modes.get(mode) ?? onAtFirst.has(mode)));
    follow("r", (mode) => this.#modes.set(mode, this.#savedModes.get(mode) ?? onAtFirst.has(mode)));
  }
}
