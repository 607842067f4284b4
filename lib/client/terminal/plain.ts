import { LineFramer } from "../../wire/lines.ts";
import { outputFault } from "../base/exit.ts";
import { Editor } from "./editor.ts";
import { KeyDecoder } from "./keys.ts";
import type { ReadOptions, Screen } from "./screen.ts";

/** The terminal's ends; questions go another way than what is printed. */
export interface PlainTty {
  read(buffer: Uint8Array): Promise<number | null>;
  writeSync(bytes: Uint8Array): number;
  /** Writes a question. */
  ask(bytes: Uint8Array): number;
  setRaw(raw: boolean): void;
}

/** The longest line that can be typed, in bytes. */
const maxLine = 64 * 1024;

const encoder = new TextEncoder();

/** A screen of plain lines, for a terminal that can do no more (`TERM=dumb`), or whose output goes to a file. */
export class PlainScreen implements Screen {
  readonly #tty: PlainTty;
  readonly #framer = new LineFramer(maxLine);
  readonly #lines: string[] = [];
  #pending: Promise<string | undefined> | undefined;

  constructor(tty: PlainTty) {
    this.#tty = tty;
  }

  /** @throws {ClientError} `usage` where the output, which may be a file, cannot be written */
  print(line: string): void {
    const bytes = encoder.encode(line + "\n");
    try {
      for (let sent = 0; sent < bytes.length;) sent += this.#tty.writeSync(bytes.subarray(sent));
    } catch (cause) {
      throw outputFault(cause);
    }
  }

  farewell(line: string): void {
    this.print(line);
  }

  setPrompt(): void {
    // lines that are typed here have no prompt
  }

  async read({ prompt, secret, keep, signal }: ReadOptions): Promise<string | undefined> {
    signal?.throwIfAborted();
    if (keep) this.#tty.ask(encoder.encode(prompt));
    if (secret) return await this.#readSecret();
    // A line that was no longer wanted by one reader is the next one's.
    const line = this.#pending ??= this.#readLine();
    let abort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(signal?.reason);
      signal?.addEventListener("abort", abort);
    });
    try {
      const read = await Promise.race([line, aborted]);
      this.#pending = undefined;
      return read;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  forget(): void {
    // nothing is remembered
  }

  close(): Promise<void> {
    return Promise.resolve(); // nothing was changed
  }

  async #readLine(): Promise<string | undefined> {
    const buffer = new Uint8Array(4096);
    while (this.#lines.length === 0) {
      const count = await this.#tty.read(buffer).catch(() => null);
      if (count === null) return undefined;
      for (const line of this.#framer.push(buffer.subarray(0, count))) {
        if (line.kind === "line") this.#lines.push(line.text);
      }
    }
    return this.#lines.shift();
  }

  async #readSecret(): Promise<string | undefined> {
    const buffer = new Uint8Array(256);
    const decoder = new KeyDecoder();
    const editor = new Editor();
    this.#tty.setRaw(true);
    try {
      for (;;) {
        const count = await this.#tty.read(buffer);
        if (count === null) return undefined;
        for (const key of decoder.push(buffer.subarray(0, count))) {
          const outcome = editor.take(key, true);
          if (outcome.kind === "left") return undefined;
          if (outcome.kind === "submitted") return outcome.text;
        }
      }
    } finally {
      this.#tty.setRaw(false);
      this.#tty.ask(encoder.encode("\n"));
    }
  }
}
