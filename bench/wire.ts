/**
 * Light connections for generating load: bytes in, bytes out, over TLS that verifies the server's certificate.
 *
 * While a client gets ready it reads lines as text; under load its bytes go to a {@linkcode Sink}, which looks at as few
 * of them as it can.
 */

import { connect, type Endpoint } from "../tests/support/client.ts";

/** Takes the bytes that are there; @returns how many of them are done with, the rest comes again with more behind it. */
export type Sink = (bytes: Uint8Array, end: number) => number;

const LF = 10;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How long an answer may take while clients get ready, in milliseconds; thousands log in at once. */
const patienceMs = 120_000;

/** One client's connection. */
export class Wire {
  /** What takes its bytes. */
  sink: Sink;
  /** Told once when the connection is gone and {@linkcode Wire.close} was not called. */
  onLost: () => void = () => {};
  readonly #conn: Deno.TlsConn;
  readonly #reading: Promise<void>;
  readonly #lines: string[] = [];
  #pending: Uint8Array[] = [];
  #writing = false;
  #closed = false;
  #news: (() => void) | undefined;

  private constructor(conn: Deno.TlsConn) {
    this.#conn = conn;
    this.sink = (bytes, end) => this.#cut(bytes, end);
    this.#reading = this.#read();
  }

  static async dial(at: Endpoint): Promise<Wire> {
    return new Wire(await connect(at));
  }

  /** Sends bytes; what is sent while a write is under way goes with the next one. */
  send(bytes: Uint8Array): void {
    this.#pending.push(bytes);
    if (this.#writing) return;
    this.#writing = true;
    queueMicrotask(() => this.#write());
  }

  /**
   * Sends a line, and reads until a line begins with one of the beginnings.
   *
   * @param beginnings what the answer may begin with
   * @throws {Error} where the answer is an error, or the connection ends
   */
  async ask(line: string, ...beginnings: string[]): Promise<string> {
    this.send(encoder.encode(line + "\n"));
    const deadline = performance.now() + patienceMs;
    for (;;) {
      for (let got; (got = this.#lines.shift()) !== undefined;) {
        if (beginnings.some((beginning) => got!.startsWith(beginning))) return got;
        if (got.startsWith("[ERROR]") || got.startsWith('{"type":"error"')) throw new Error(`${line}: ${got}`);
      }
      if (this.#closed) throw new Error(`The connection ended instead of an answer to ${line}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#news = resolve;
      const timer = setTimeout(resolve, patienceMs);
      await promise;
      clearTimeout(timer);
      if (performance.now() > deadline) throw new Error(`No answer to ${line} in ${patienceMs} ms`);
    }
  }

  /** Closes it without a word, and waits until nothing of it is left. */
  async close(): Promise<void> {
    this.onLost = () => {};
    this.#end();
    await this.#reading;
  }

  async #read(): Promise<void> {
    let buffer = new Uint8Array(16_384);
    let kept = 0;
    try {
      for (let count; (count = await this.#conn.read(buffer.subarray(kept))) !== null;) {
        const end = kept + count;
        const done = this.sink(buffer, end);
        kept = end - done;
        if (done > 0 && kept > 0) buffer.copyWithin(0, done, end);
        if (kept < buffer.length) continue;
        const larger = new Uint8Array(2 * buffer.length);
        larger.set(buffer);
        buffer = larger;
      }
    } catch {
      // Reset, or closed by this side.
    }
    this.#end();
    this.onLost();
  }

  async #write(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const pending = this.#pending;
        this.#pending = [];
        const bytes = pending.length === 1 ? pending[0] : joined(pending);
        for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
      }
    } catch {
      this.#end(); // the reading side tells of it
    }
    this.#writing = false;
  }

  #cut(bytes: Uint8Array, end: number): number {
    let start = 0;
    for (let lf; (lf = bytes.indexOf(LF, start)) >= 0 && lf < end; start = lf + 1) {
      this.#lines.push(decoder.decode(bytes.subarray(start, lf)));
    }
    if (this.#lines.length > 100 && !this.#news) this.#lines.splice(0, 50); // nobody asks: it is others coming and going
    this.#wake();
    return start;
  }

  #wake(): void {
    this.#news?.();
    this.#news = undefined;
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
    this.#wake();
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Runs the jobs, so many at a time. */
export async function pooled<T, R>(items: readonly T[], atOnce: number, job: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await job(items[index]);
    }
  }));
  return results;
}

/** Names such as `m0000`, `m0001`, …: of one length, so that lines are too. */
export function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => prefix + `${index}`.padStart(4, "0"));
}

/** The password of all accounts. */
export const password = "correct horse";

/** Makes accounts over few connections. */
export async function register(at: Endpoint, users: readonly string[]): Promise<void> {
  const atOnce = 16;
  await pooled(Array.from({ length: atOnce }, (_, index) => index), atOnce, async (share) => {
    const wire = await Wire.dial(at);
    for (const user of users.filter((_, index) => index % atOnce === share)) {
      await wire.ask(`REGISTER ${user} ${password}`, "Login successful");
      await wire.ask("/logout", "Logged out");
    }
    await wire.close();
  });
}

/** Connects and logs in, into a room; in the text format. */
export async function enter(at: Endpoint, verb: "LOGIN" | "REGISTER", user: string, room?: string): Promise<Wire> {
  const wire = await Wire.dial(at);
  await wire.ask(`${verb} ${user} ${password}`, "Login successful");
  if (room) await wire.ask(`/join ${room}`, "Joined room");
  return wire;
}

/** The beginning of an answer in JSON that is no error. */
export const ok = '{"type":"ok"';

/** A JSON request. */
export function request(cmd: string, fields: Readonly<Record<string, string>> = {}): string {
  return JSON.stringify({ cmd, ...fields });
}

/** Connects, in the JSON format. @param many whether it can do with many rooms */
export async function dialJson(at: Endpoint, many: boolean): Promise<Wire> {
  const wire = await Wire.dial(at);
  const hello = { format: "json", version: 1, client: "bench/1", ...(many ? { rooms: "many" } : {}) };
  await wire.ask(`HELLO ${JSON.stringify(hello)}`, '{"type":"hello"');
  return wire;
}

/** Connects and logs in on a device, in the JSON format. @param many whether it can do with many rooms */
export async function enterJson(at: Endpoint, user: string, device: string, many: boolean): Promise<Wire> {
  const wire = await dialJson(at, many);
  await wire.ask(request("login", { user, password, device }), ok);
  return wire;
}

/** Logs out and closes. */
export async function leaveJson(wire: Wire): Promise<void> {
  await wire.ask(request("logout"), ok);
  await wire.close();
}
