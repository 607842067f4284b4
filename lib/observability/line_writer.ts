import { pause } from "../common/time.ts";

/** Where lines go. */
export interface LineTarget {
  /** Takes some of the bytes, from the first on. @returns how many */
  write(bytes: Uint8Array): Promise<number>;
  /** The same at once, for a target that never makes anybody wait. */
  writeSync?(bytes: Uint8Array): number;
  /** Whether what is there ends in the middle of a line, so that the next one is to begin on a line of its own. */
  torn?(): boolean;
  /** Whether lines of others may come between two writes: then a line is written at once, or again as a whole. */
  readonly shared?: boolean;
}

/** Settings and ports of a writer. */
export interface LineWriterOptions {
  /** How much may wait, in bytes; 1 MiB by default. */
  readonly maxBytes?: number;
  /** Told how many lines were dropped, when there is room again. */
  readonly onDropped?: (lines: number) => void;
  /** Told of a write that failed after one that did not. It is tried again. */
  readonly onFailed?: (error: unknown) => void;
  /** Told that lines are written again. */
  readonly onBack?: () => void;
  /** How long before what failed is tried again, in milliseconds; a second by default. */
  readonly retryMs?: number;
}

/** So much is written to a pipe in one piece (PIPE_BUF), also where others write to it. */
const pieceBytes = 4096;

/** How much more may wait for lines that must not be lost, in bytes. */
const reserveBytes = 65_536;

/** How long before a stream is tried again that takes nothing at the moment, in milliseconds. */
const fullMs = 20;

const encoder = new TextEncoder();
const lineEnd = 10;

/**
 * Writes lines without ever holding up who gives them.
 *
 * 1. `write()` returns at once, also where nobody reads the stream or the disk hangs.
 * 2. What waits is bounded. What does not fit is dropped and counted, and the count is told when there is room again.
 * 3. Lines keep their order, and a line is never written into another one: after one that was torn (the disk was full in
 *    the middle of it, or somebody else was killed), the next begins on a line of its own.
 * 4. A write that fails is tried again; its lines wait with the others.
 */
export class LineWriter {
  readonly #target: LineTarget;
  readonly #options: LineWriterOptions;
  readonly #maxBytes: number;
  #lines: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #dropped = 0;
  #torn = false;
  /** How many bytes of the last piece stand before its first line. */
  #begun = 0;
  #failing = false;
  #writing: Promise<void> | undefined;
  #hurry = new AbortController();

  constructor(target: LineTarget, options: LineWriterOptions = {}) {
    this.#target = target;
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 1_048_576;
  }

  /**
   * Has a line written.
   *
   * @param line with its end
   * @param urgent whether it is kept where others are dropped
   */
  write(line: string, urgent = false): void {
    const bytes = encoder.encode(line);
    if (this.#bytes + bytes.length > this.#maxBytes + (urgent ? reserveBytes : 0)) {
      this.#dropped++;
      return;
    }
    this.#lines.push(bytes);
    this.#bytes += bytes.length;
    if (!this.#writing && this.#writeNow()) return;
    this.#writing ??= this.#writeAll().finally(() => this.#writing = undefined);
  }

  /**
   * Waits until all is written.
   *
   * @param ms for how long at most, in milliseconds
   * @returns whether all is written
   */
  async flush(ms: number): Promise<boolean> {
    const late = new AbortController();
    const limit = pause(ms, late.signal).then(() => true);
    this.#hurry.abort(); // what failed is tried once more
    this.#hurry = new AbortController();
    while (this.#writing) if (await Promise.race([this.#writing, limit])) break;
    late.abort();
    return this.#lines.length === 0;
  }

  async #writeAll(): Promise<void> {
    while (this.#lines.length > 0) {
      try {
        await this.#writeSome();
        if (this.#failing) this.#options.onBack?.();
        this.#failing = false;
      } catch (error) {
        if (!this.#failing) this.#options.onFailed?.(error);
        this.#failing = true;
        await pause(this.#options.retryMs ?? 1_000, this.#hurry.signal);
      }
      if (this.#dropped > 0 && this.#bytes <= this.#maxBytes / 2) this.#tellDropped();
    }
  }

  #tellDropped(): void {
    const lines = this.#dropped;
    this.#dropped = 0;
    this.#options.onDropped?.(lines);
  }

  /** Writes at once what waits, where the target can do that. @returns whether all is written */
  #writeNow(): boolean {
    if (!this.#target.writeSync) return false;
    const piece = this.#nextPiece();
    let done = 0;
    try {
      done = this.#target.writeSync(piece);
    } catch {
      // It is tried again, and told if it fails again.
    }
    this.#note(piece, done);
    return this.#lines.length === 0;
  }

  async #writeSome(): Promise<void> {
    const piece = this.#nextPiece();
    let done = 0;
    try {
      while (done < piece.length) {
        done += await this.#take(piece.subarray(done));
        if (this.#target.shared && done < piece.length) {
          throw new Error(`only ${done} of ${piece.length} bytes could be written`);
        }
      }
    } finally {
      this.#note(piece, done);
    }
  }

  /** The lines that fit into one piece, or one that is longer, behind the end of a line that was torn. */
  #nextPiece(): Uint8Array {
    const parts: Uint8Array[] = this.#torn || this.#target.torn?.() ? [Uint8Array.of(lineEnd)] : [];
    this.#begun = parts.length;
    let size = this.#begun;
    for (const line of this.#lines) {
      if (size > this.#begun && size + line.length > pieceBytes) break;
      parts.push(line);
      size += line.length;
    }
    const piece = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      piece.set(part, at);
      at += part.length;
    }
    return piece;
  }

  /** So much of a piece is written: forgets the lines that are whole in it. */
  #note(piece: Uint8Array, done: number): void {
    if (done === 0) return; // all is as it was
    this.#torn = piece[done - 1] !== lineEnd;
    let count = 0;
    for (let left = done - this.#begun; count < this.#lines.length && this.#lines[count]!.length <= left; count++) {
      left -= this.#lines[count]!.length;
      this.#bytes -= this.#lines[count]!.length;
    }
    this.#lines = this.#lines.slice(count);
  }

  /** Writes some bytes. A stream that does not block (its other end may have made it so) may be full. */
  async #take(bytes: Uint8Array): Promise<number> {
    for (;;) {
      try {
        return await this.#target.write(bytes);
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) throw error;
        await pause(fullMs);
      }
    }
  }
}
