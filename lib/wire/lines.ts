/** Bytes ↔ lines: the protocol's framing. It knows neither commands nor sockets. */

/**
 * One frame: its text, or why it has no text. `bytes` is its length without the line's end; `beginning` is the part up to
 * the limit of a line that is not one of those which may be longer.
 */
export type Line =
  | { readonly kind: "line"; readonly text: string; readonly bytes: number }
  | { readonly kind: "too_long"; readonly beginning?: string }
  | { readonly kind: "invalid_utf8" };

/** How long lines may be. */
export interface LineLimits {
  /** The longest line, in bytes without its end. */
  readonly bytes: number;
  /** The longest of those that begin as it says: it is asked when a line exceeds the limit above, with one byte a character. */
  readonly longer?: { readonly bytes: number; fits(beginning: string): boolean } | undefined;
}

const LF = 0x0a;
const CR = 0x0d;
const nothing = new Uint8Array(0);
const latin1 = new TextDecoder("latin1");
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The first line of what may come from a file, without the byte order mark that some editors begin a file with. */
export function withoutMark(line: string): string {
  return line.startsWith("\ufeff") ? line.slice(1) : line;
}

/**
 * Cuts a stream of bytes into lines, within bounds that no peer can exceed.
 *
 * Promises:
 * 1. a line is the bytes before an LF, without a CR at their end; the pieces that it arrives in change nothing;
 * 2. a line that exceeds the limit is reported once, with the first byte too many, and skipped up to its LF;
 * 3. a line that is not UTF-8 is reported, never repaired;
 * 4. no more than the limit is ever kept of an unfinished line; a longer limit holds once the line's beginning fits.
 *
 * @example
 * ```ts
 * import { LineFramer } from "./lines.ts";
 *
 * const framer = new LineFramer(8192);
 * const lines = [...framer.push(new TextEncoder().encode("one\r\ntwo\nthr"))];
 * if (lines.length !== 2) throw new Error("two lines are complete");
 * ```
 */
export class LineFramer {
  #limits: LineLimits;
  #limit: number; // of the line that is being read
  #partial = nothing; // grows by doubling, at most limit + 1 bytes (the CR) of it in use
  #length = 0;
  #skipping = false;

  /** @param limits or the longest line, in bytes without its end */
  constructor(limits: LineLimits | number) {
    this.#limits = typeof limits === "number" ? { bytes: limits } : limits;
    this.#limit = this.#limits.bytes;
  }

  /** Changes how long lines may be, for what is not yet complete. */
  set limit(limits: LineLimits | number) {
    this.#limits = typeof limits === "number" ? { bytes: limits } : limits;
    this.#limit = this.#limits.bytes;
  }

  /** Bytes that are kept for a line that is not complete. */
  get held(): number {
    return this.#partial.length;
  }

  /** Gives up the line that is not complete: the rest of it is skipped. */
  skip(): void {
    if (this.#length > 0) this.#skipping = true;
    this.#forget();
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @param chunk is copied where it must be kept: once the lines are taken, the caller may reuse it
   * @returns the lines that are now complete, in order, to be taken to the last; a limit that is changed meanwhile holds
   *   from the next one on
   */
  *push(chunk: Uint8Array): Generator<Line, void, undefined> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LF, start);
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end);
      if (!this.#skipping && this.#exceeds(piece)) {
        const { longer } = this.#limits;
        const beginning = longer && this.#limit < longer.bytes ? latin1.decode(this.#beginning(piece)) : undefined;
        this.#skipping = true;
        this.#forget();
        yield beginning === undefined ? { kind: "too_long" } : { kind: "too_long", beginning };
      }
      if (end < 0) {
        if (!this.#skipping) this.#keep(piece);
        return;
      }
      if (this.#skipping) this.#skipping = false;
      else yield this.#complete(piece);
      start = end + 1;
    }
  }

  #exceeds(piece: Uint8Array): boolean {
    const length = this.#length + piece.length;
    if (length <= this.#limit) return false;
    if (this.#mayBeLonger(piece)) return this.#exceeds(piece);
    if (length > this.#limit + 1) return true;
    const last = piece.length > 0 ? piece[piece.length - 1] : this.#partial[this.#length - 1];
    return last !== CR;
  }

  /** Whether the line is one of those that may be longer, and now is allowed to be. */
  #mayBeLonger(piece: Uint8Array): boolean {
    const { longer } = this.#limits;
    if (!longer || this.#limit >= longer.bytes) return false;
    if (!longer.fits(latin1.decode(this.#beginning(piece)))) return false;
    this.#limit = longer.bytes;
    return true;
  }

  /** The line's bytes up to the shorter limit. */
  #beginning(piece: Uint8Array): Uint8Array {
    const { bytes } = this.#limits;
    if (this.#length >= bytes) return this.#partial.subarray(0, bytes);
    const beginning = new Uint8Array(Math.min(bytes, this.#length + piece.length));
    beginning.set(this.#partial.subarray(0, this.#length));
    beginning.set(piece.subarray(0, beginning.length - this.#length), this.#length);
    return beginning;
  }

  #keep(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#partial.length) {
      const grown = new Uint8Array(Math.max(length, Math.min(2 * this.#partial.length, this.#limit + 1)));
      grown.set(this.#partial.subarray(0, this.#length));
      this.#partial = grown;
    }
    this.#partial.set(piece, this.#length);
    this.#length = length;
  }

  #complete(piece: Uint8Array): Line {
    let line = piece;
    if (this.#length > 0) {
      this.#keep(piece);
      line = this.#partial.subarray(0, this.#length);
    }
    this.#forget();
    if (line.length > 0 && line[line.length - 1] === CR) line = line.subarray(0, -1);
    try {
      return { kind: "line", text: decoder.decode(line), bytes: line.length };
    } catch {
      return { kind: "invalid_utf8" };
    }
  }

  #forget(): void {
    this.#partial = nothing;
    this.#length = 0;
    this.#limit = this.#limits.bytes;
  }
}

const encoder = new TextEncoder();

/** A line as bytes, its LF included. */
export function encodeLine(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text + "\n");
}
