import { type Key, KeyDecoder, type KeyDecoderOptions } from "./keys.ts";
import { UnmarkedPaste } from "./unmarked_paste.ts";

/** Who takes the keys. */
export interface KeyTaker {
  /** Whether what comes next was typed ahead, if it begins like a command or not, and is no paste. */
  ahead(command: boolean): boolean;
  take(key: Key): void;
}

/**
 * Reads keys off a terminal, and hands them out in order.
 *
 * Promises:
 * 1. What a line leads to comes before the keys behind it: they may be for another reader.
 * 2. Several lines that come at once are a paste, with marks around it or without. A command at their beginning was
 *    typed ahead: what follows may be the answer to what it asks.
 */
export class KeyReader {
  readonly #decoder: KeyDecoder;
  readonly #unmarked: UnmarkedPaste;

  readonly #to: KeyTaker;

  constructor(options: KeyDecoderOptions, to: KeyTaker) {
    this.#to = to;
    this.#decoder = new KeyDecoder(options);
    this.#unmarked = new UnmarkedPaste(options.now);
  }

  /** Reads until the terminal has gone, or is not wanted any more. */
  async run(read: (buffer: Uint8Array) => Promise<number | null>, wanted: () => boolean): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      for (let count; wanted() && (count = await read(buffer)) !== null;) {
        await this.#handOut(this.#decoder.push(buffer.subarray(0, count)));
      }
    } catch {
      // the terminal is gone
    }
  }

  async #handOut(typed: readonly Key[]): Promise<void> {
    for (let left = typed; left.length > 0;) {
      const gathered = this.#to.ahead(beginsCommand(left)) ? left : this.#unmarked.gather(left);
      const line = gathered.slice(0, gathered === left ? left.findIndex(isEnter) + 1 || left.length : gathered.length);
      left = gathered.slice(line.length);
      for (const key of line) this.#to.take(key);
      if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
}

function isEnter(key: Key): boolean {
  return key.kind === "key" && key.name === "enter";
}

function beginsCommand([first]: readonly Key[]): boolean {
  return first.kind === "text" && /^\/[^/]/.test(first.text);
}
