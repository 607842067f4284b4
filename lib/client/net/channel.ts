import { encodeLine, LineFramer } from "../../wire/lines.ts";
import type { Clock } from "../../common/time.ts";
import type { Transport } from "./dial.ts";
import { ConnectionLost } from "../base/exit.ts";

/** The longest line that a server may send, in bytes: more than 500 messages of history, less than memory. */
const maxServerLine = 16 * 1024 * 1024;

/**
 * Lines over a transport, both ways: what a `Connection` is built on.
 *
 * It reads only when a line is asked for, gathers what is sent in one turn into one write, and ends once, with a reason.
 * What came before an unreadable line is told, and nothing that came after it. It knows no line's meaning.
 */
export class LineChannel {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #framer = new LineFramer(maxServerLine);
  readonly #buffer = new Uint8Array(64 * 1024);
  readonly #stop = new AbortController();
  #lines: string[] = []; // the next one last
  #outgoing: string[] = [];
  #writing: Promise<void> | undefined;
  #heard: number;
  #ended: ConnectionLost | undefined;
  /** A line that cannot be read came behind {@linkcode #lines}. */
  #unreadable = false;

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
    this.#heard = clock.now();
  }

  /** Why it ended; undefined while it has not. */
  get ended(): ConnectionLost | undefined {
    return this.#ended;
  }

  /** Aborted when it ends. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** When bytes last came in, by the clock. */
  get heard(): number {
    return this.#heard;
  }

  /** The next line, or undefined when the channel has ended. */
  async next(): Promise<string | undefined> {
    while (this.#lines.length === 0) {
      if (this.#unreadable) this.end("the server sent a line that cannot be read");
      if (this.#ended) return undefined;
      let count: number | null;
      try {
        count = await this.#transport.read(this.#buffer);
      } catch (cause) {
        this.end("the connection broke", cause);
        return undefined;
      }
      if (count === null) {
        this.end("the server closed the connection");
        return undefined;
      }
      this.#heard = this.#clock.now();
      for (const line of this.#framer.push(this.#buffer.subarray(0, count))) {
        this.#unreadable = line.kind !== "line";
        if (line.kind !== "line") break;
        this.#lines.push(line.text);
      }
      this.#lines.reverse();
    }
    return this.#lines.pop();
  }

  /** Sends a line; after the end it goes nowhere. */
  send(line: string): void {
    if (this.#ended) return;
    this.#outgoing.push(line);
    this.#writing ??= this.#write();
  }

  /** Waits until all that was sent is written, or the channel has ended. */
  async flushed(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Ends it; only the first reason counts. */
  end(reason: string, cause?: unknown): void {
    if (this.#ended) return;
    this.#ended = new ConnectionLost(reason, { cause });
    this.#lines = [];
    this.#outgoing = [];
    try {
      this.#transport.close();
    } catch {
      // closed already
    }
    this.#stop.abort(this.#ended);
  }

  async #write(): Promise<void> {
    try {
      await Promise.resolve(); // what else is sent in this turn goes into the same write
      while (this.#outgoing.length > 0) {
        const bytes = encodeLine(this.#outgoing.join("\n"));
        this.#outgoing = [];
        for (let sent = 0; sent < bytes.length;) sent += await this.#transport.write(bytes.subarray(sent));
      }
    } catch {
      this.#outgoing = []; // what can still be read may say why: the end comes from the reader
    } finally {
      this.#writing = undefined;
    }
  }
}
