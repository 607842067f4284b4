import { InputLine } from "./input_line.ts";
import { type Clock, systemClock } from "../../common/time.ts";
import type { KeyDecoderOptions, KeySignal } from "./keys.ts";
import { note } from "./render.ts";
import type { ReadOptions, Screen } from "./screen.ts";

/** The terminal's two ends, as far as a screen needs them. */
export interface Tty {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  writeSync(bytes: Uint8Array): number;
  /** Turns the terminal's own echo and line editing off, or on again. */
  setRaw(raw: boolean): void;
  /** Sends the program a signal, as a terminal that is not raw does for a key. */
  raise(signal: KeySignal): void;
  /** Its width. */
  columns(): number;
  /** Its height. */
  rows(): number;
}

/** Settings and ports of a screen of lines. */
export interface TerminalOptions {
  readonly keys?: KeyDecoderOptions;
  readonly clock?: Clock;
  /** What is said at the end of lines that were typed and not read. */
  readonly unsent?: (typed: readonly string[]) => readonly string[];
}

/** Pasted text comes between marks, so that its line breaks submit nothing. */
const pasteMarksOn = "\x1b[?2004h";
const pasteMarksOff = "\x1b[?2004l";

/** From the cursor to the screen's end. */
const eraseBelow = "\x1b[J";

/** More lines than anyone can read at once wait for a slow terminal; of more, the oldest are left out. */
const maxWaiting = 10_000;

const encoder = new TextEncoder();

/**
 * A screen on a terminal: what comes scrolls by above one row in which a person types.
 *
 * Promises:
 * 1. what is typed survives all that is printed meanwhile, and a resize;
 * 2. printing never waits for the terminal, and what gathers while it is slow goes out as one write;
 * 3. however the program ends, {@linkcode Terminal.close} or {@linkcode Terminal.restore} leaves the terminal as it was
 *    found.
 */
export class Terminal implements Screen {
  readonly #tty: Tty;
  readonly #input: InputLine;
  readonly #unsent: NonNullable<TerminalOptions["unsent"]>;
  #lines: string[] = [];
  #leftOut = 0;
  #changed = true;
  #drawing: Promise<void> | undefined;
  /** The input row as it is on the screen: its width and the cursor's column. */
  #drawn: { width: number; column: number } | undefined;
  #closed = false;
  #suspended = false;

  constructor(tty: Tty, { keys = {}, clock = systemClock, unsent = () => [] }: TerminalOptions = {}) {
    this.#tty = tty;
    this.#unsent = unsent;
    tty.setRaw(true);
    this.#writeNow(pasteMarksOn);
    this.#input = new InputLine({
      changed: () => this.#draw(),
      kept: (line) => this.print(line),
      hint: (sentence) => this.print(note(sentence)),
      raise: (signal) => tty.raise(signal),
    }, { keys, clock });
    void this.#input.listen((buffer) => tty.read(buffer), () => !this.#closed);
  }

  print(line: string): void {
    if (this.#closed) return;
    this.#lines.push(line);
    if (this.#lines.length > maxWaiting) {
      this.#lines.shift();
      this.#leftOut++;
    }
    this.#draw();
  }

  setPrompt(prompt: string): void {
    this.#input.prompt = prompt;
  }

  read(options: ReadOptions): Promise<string | undefined> {
    return this.#input.read(options);
  }

  forget(line: string): void {
    this.#input.editor.forget(line);
  }

  farewell(line: string): void {
    this.print(line);
  }

  /** The terminal's size has changed. */
  resized(): void {
    this.#draw();
  }

  /** Gives the terminal to the shell until {@linkcode continued}. */
  suspended(): void {
    if (this.#closed) return;
    this.#suspended = true;
    this.#writeNow(this.#erase() + this.#takeLines() + pasteMarksOff);
    this.#tty.setRaw(false);
  }

  /** The program was stopped and goes on: the shell has had the terminal meanwhile. */
  continued(): void {
    if (this.#closed) return;
    this.#suspended = false;
    this.#tty.setRaw(true);
    this.#writeNow(pasteMarksOn);
    this.#drawn = undefined;
    this.#draw();
  }

  async dismissed(): Promise<void> {
    this.print(note("Enter or Ctrl-C leaves"));
    await this.#input.dismissed();
  }

  async close(): Promise<void> {
    if (!this.#closed) await this.#input.drained();
    while (this.#drawing) await this.#drawing;
    this.restore();
  }

  /** Gives the terminal back at once, as when the program is told to end: what is being drawn may come after it. */
  restore(): void {
    if (this.#closed) return;
    for (const line of this.#unsent(this.#input.unread)) this.print(line);
    this.#closed = true;
    try {
      this.#writeNow(this.#erase() + this.#takeLines() + pasteMarksOff);
      this.#tty.setRaw(false);
    } catch {
      // the terminal is gone
    }
  }

  /** Brings the screen up to date, soon: what changes until then is in the same write. */
  #draw(): void {
    this.#changed = true;
    if (this.#closed || this.#suspended) return;
    this.#drawing ??= this.#drawWhileChanged();
  }

  async #drawWhileChanged(): Promise<void> {
    try {
      await Promise.resolve();
      while (this.#changed && !this.#closed && !this.#suspended) {
        this.#changed = false;
        const bytes = encoder.encode(this.#erase() + this.#takeLines() + this.#inputRow());
        for (let sent = 0; sent < bytes.length && !this.#closed;) sent += await this.#tty.write(bytes.subarray(sent));
      }
    } catch {
      this.#input.leave();
    } finally {
      this.#drawing = undefined;
    }
  }

  /** Removes the input row; a terminal that has become narrower has wrapped it into several. */
  #erase(): string {
    const drawn = this.#drawn;
    this.#drawn = undefined;
    if (!drawn) return "\r" + eraseBelow;
    const above = Math.floor(drawn.column / Math.max(1, this.#tty.columns()));
    return (above > 0 ? `\x1b[${above}A` : "") + "\r" + eraseBelow;
  }

  #takeLines(): string {
    const lines = this.#lines;
    this.#lines = [];
    if (this.#leftOut > 0) lines.unshift(`[CLIENT] ${this.#leftOut} lines came too fast to be shown`);
    this.#leftOut = 0;
    return lines.map((line) => line + "\r\n").join("");
  }

  #inputRow(): string {
    const view = this.#input.view(this.#tty.columns());
    this.#drawn = view;
    return `${view.row}\r${view.column > 0 ? `\x1b[${view.column}C` : ""}`;
  }

  #writeNow(text: string): void {
    const bytes = encoder.encode(text);
    for (let sent = 0; sent < bytes.length;) sent += this.#tty.writeSync(bytes.subarray(sent));
  }
}
