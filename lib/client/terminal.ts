/**
 * A screen on a terminal: what comes scrolls by above one row in which a person types.
 *
 * Promises:
 * 1. what is typed survives whatever is printed meanwhile, a resize included;
 * 2. printing never waits for the terminal, and what gathers while it is slow goes out as one write;
 * 3. however the program ends, {@linkcode Terminal.close} or {@linkcode Terminal.restore} leaves the terminal as it was
 *    found.
 */

import { Editor, inputView, submittedLines } from "./editor.ts";
import { type Key, KeyDecoder } from "./keys.ts";
import type { ReadOptions, Screen } from "./screen.ts";

/** The terminal's two ends, as far as a screen needs them. */
export interface Tty {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  writeSync(bytes: Uint8Array): number;
  /** Turns the terminal's own echo and line editing off, or on again. */
  setRaw(raw: boolean): void;
  /** Its width. */
  columns(): number;
}

/** Pasted text comes between marks, so that its line breaks submit nothing. */
const pasteMarksOn = "\x1b[?2004h";
const pasteMarksOff = "\x1b[?2004l";

/** From the cursor to the screen's end. */
const eraseBelow = "\x1b[J";

/** More lines than anyone can read at once wait for a slow terminal; of more, the oldest are left out. */
const maxWaiting = 10_000;

const encoder = new TextEncoder();

interface Reading {
  readonly options: ReadOptions;
  readonly resolve: (line: string | undefined) => void;
}

/** See the file's promises. */
export class Terminal implements Screen {
  readonly #tty: Tty;
  readonly #decoder = new KeyDecoder();
  readonly #editor = new Editor();
  readonly #submitted: string[] = [];
  #reading: Reading | undefined;
  #secret = false;
  /** Whether what is read are answers; then the line that was being typed waits as the draft. */
  #asking = true;
  #draft = "";
  #prompt = "";
  #left = false;
  #lines: string[] = [];
  #leftOut = 0;
  #changed = true;
  #drawing: Promise<void> | undefined;
  /** The input row as it is on the screen: its width and the cursor's column. */
  #drawn: { width: number; column: number } | undefined;
  #closed = false;

  constructor(tty: Tty) {
    this.#tty = tty;
    tty.setRaw(true);
    this.#writeNow(pasteMarksOn);
    void this.#listen();
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
    if (prompt === this.#prompt) return;
    this.#prompt = prompt;
    this.#draw();
  }

  read(options: ReadOptions): Promise<string | undefined> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#reading = undefined;
        if (options.secret) this.#editor.replace("");
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#reading = {
        options,
        resolve: (line) => {
          signal?.removeEventListener("abort", abort);
          resolve(line);
        },
      };
      this.#turnTo(options.keep ?? false);
      this.#prompt = options.prompt;
      this.#secret = options.secret ?? false;
      this.#draw();
      this.#serve();
    });
  }

  /** Sets what is typed aside for a question, and brings it back after the last one. */
  #turnTo(question: boolean): void {
    if (question === this.#asking) return;
    this.#asking = question;
    if (question) {
      this.#draft = this.#editor.text;
      this.#editor.replace("");
    } else if (this.#draft !== "") {
      this.#editor.replace(this.#draft);
      this.#draft = "";
    }
  }

  forget(): void {
    this.#editor.forget();
  }

  /** The terminal's size has changed. */
  resized(): void {
    this.#draw();
  }

  /** The program was stopped and goes on: the shell has had the terminal meanwhile. */
  continued(): void {
    if (this.#closed) return;
    this.#tty.setRaw(true);
    this.#writeNow(pasteMarksOn);
    this.#drawn = undefined;
    this.#draw();
  }

  async close(): Promise<void> {
    while (this.#drawing) await this.#drawing;
    this.restore();
  }

  /** Gives the terminal back at once, as when the program is told to end: what is being drawn may come after it. */
  restore(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#writeNow(this.#erase() + this.#takeLines() + pasteMarksOff);
      this.#tty.setRaw(false);
    } catch {
      // the terminal is gone
    }
  }

  async #listen(): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      for (let count; !this.#closed && (count = await this.#tty.read(buffer)) !== null;) {
        for (const key of this.#decoder.push(buffer.subarray(0, count))) this.#take(key);
      }
    } catch {
      // the terminal is gone, which is one way to leave
    }
    this.#left = true;
    this.#serve();
  }

  #take(key: Key): void {
    const outcome = this.#editor.take(key, this.#secret);
    if (outcome.kind === "unchanged") return;
    if (outcome.kind === "left") this.#left = true;
    else if (outcome.kind === "submitted") this.#submitted.push(...submittedLines(outcome.text));
    this.#draw();
    this.#serve();
  }

  /** Gives the reader a line, if there are both. */
  #serve(): void {
    const reading = this.#reading;
    if (!reading || (this.#submitted.length === 0 && !this.#left)) return;
    this.#reading = undefined;
    if (this.#left) return reading.resolve(undefined);
    const line = this.#submitted.shift()!;
    if (reading.options.keep) this.print(this.#prompt + (reading.options.secret ? "" : line));
    reading.resolve(line);
  }

  /** Brings the screen up to date, soon: whatever changes until then is in the same write. */
  #draw(): void {
    this.#changed = true;
    if (this.#closed) return;
    this.#drawing ??= this.#drawWhileChanged();
  }

  async #drawWhileChanged(): Promise<void> {
    try {
      await Promise.resolve();
      while (this.#changed && !this.#closed) {
        this.#changed = false;
        const bytes = encoder.encode(this.#erase() + this.#takeLines() + this.#input());
        for (let sent = 0; sent < bytes.length && !this.#closed;) sent += await this.#tty.write(bytes.subarray(sent));
      }
    } catch {
      this.#left = true;
      this.#serve();
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

  #input(): string {
    const { text, cursor } = this.#editor;
    const columns = this.#tty.columns();
    const view = this.#secret
      ? inputView(this.#prompt, "", 0, columns)
      : inputView(this.#prompt, text, cursor, columns);
    this.#drawn = view;
    return `${view.row}\r${view.column > 0 ? `\x1b[${view.column}C` : ""}`;
  }

  #writeNow(text: string): void {
    const bytes = encoder.encode(text);
    for (let sent = 0; sent < bytes.length;) sent += this.#tty.writeSync(bytes.subarray(sent));
  }
}
