import { type Line, LineFramer, type LineLimits, withoutMark } from "../../wire/lines.ts";

/** What is read at once from a client that says little, and at most from one that says much, in bytes. */
const [idleBufferBytes, busyBufferBytes] = [512, 32_768];

/**
 * One connection's lines, as they are read: bytes in, lines out, with little memory for those who say little.
 *
 * It knows no command and no socket; what a line is, is `wire/lines.ts`. Who reads awaits the socket itself: each promise
 * between would be kept from one line of a quiet client to the next, and so be moved by the garbage collector.
 */
export class LineReader {
  readonly #framer: LineFramer;
  #begun = false;
  #buffer = new Uint8Array(idleBufferBytes);
  #busiest: number;

  /** @param limits how long lines may be */
  constructor(limits: LineLimits) {
    this.#framer = new LineFramer(limits);
    this.#busiest = busiestOf(limits);
  }

  /** Changes how long lines may be, from the next one on. */
  set limits(limits: LineLimits) {
    this.#framer.limit = limits;
    this.#busiest = busiestOf(limits);
  }

  /** Bytes that are kept of a line that is not complete. */
  get held(): number {
    return this.#framer.held;
  }

  /** Gives up the line that is not complete, and the memory for it. */
  skip(): void {
    this.#framer.skip();
  }

  /** Where the next bytes are to be read into. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  /**
   * Takes the bytes that were read into the {@linkcode buffer}.
   *
   * @param bytes how many there are
   * @returns the lines that they complete, to be taken before the next read
   */
  take(bytes: number): Iterable<Line> {
    const buffer = this.#buffer;
    if (bytes === buffer.length) this.#buffer = new Uint8Array(Math.min(8 * buffer.length, this.#busiest));
    else if (bytes <= idleBufferBytes / 2 && buffer.length > idleBufferBytes) {
      this.#buffer = new Uint8Array(idleBufferBytes);
    }
    const lines = this.#framer.push(buffer.subarray(0, bytes));
    return this.#begun ? lines : this.#first(lines);
  }

  /** What is sent from a file may begin with a byte order mark, which is no part of the first line. */
  *#first(lines: Iterable<Line>): Iterable<Line> {
    for (const line of lines) {
      yield this.#begun || line.kind !== "line" ? line : { ...line, text: withoutMark(line.text) };
      this.#begun = true;
    }
  }
}

/** How much is read at once at most: who may send short lines only needs no large buffer. */
function busiestOf({ bytes }: LineLimits): number {
  return Math.min(busyBufferBytes, Math.max(idleBufferBytes, bytes));
}
