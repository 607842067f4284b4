/**
 * A JSON client that comes back: keeps its token and its positions, and sends again what was not answered.
 *
 * It parses every line, as a program does; there are few messages in what it is for.
 */

import type { Endpoint } from "../tests/support/client.ts";
import type { Lanes, Ledger } from "./lanes.ts";
import { password, Wire } from "./wire.ts";

// deno-lint-ignore no-explicit-any -- what the server says is looked into, and fails where it is not there
type Json = Record<string, any>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** See the file's first lines. */
export class Returner {
  readonly user: string;
  /** How many messages are lost by the server's own word. */
  gaps = 0;
  /** Told when its connection is gone. */
  onLost: () => void = () => {};
  readonly #lanes: Lanes;
  readonly #ledger: Ledger;
  readonly #lane: number;
  readonly #requests = new Map<string, { resolve(reply: Json): void; reject(error: Error): void }>();
  readonly #positions: Record<string, string> = {};
  #wire: Wire | undefined;
  #token = "";
  #sending = 0;
  #ids = 0;

  /** @param lane the lane that it hears, and may send on */
  constructor(user: string, lanes: Lanes, ledger: Ledger, lane: number) {
    this.user = user;
    this.#lanes = lanes;
    this.#ledger = ledger;
    this.#lane = lane;
  }

  /** Connects, logs in and joins a room. */
  async enter(at: Endpoint, room: string): Promise<void> {
    await this.#dial(at);
    this.#take(await this.#request({ cmd: "login", user: this.user, password }));
    this.#take(await this.#request({ cmd: "join", room }));
  }

  /** Connects and resumes. @returns how many messages it had missed */
  async resume(at: Endpoint): Promise<number> {
    await this.#dial(at);
    const reply = await this.#request({ cmd: "resume", token: this.#token, positions: this.#positions });
    this.#take(reply);
    return reply.missed;
  }

  /** Sends the next message of its lane, unless one is unanswered: then that one again, if it has to be. */
  say(): void {
    if (this.#sending > 0) return;
    this.#sending = this.#lanes.next(this.#lane, performance.now());
    void this.#send();
  }

  /** Whether all that it sent is answered. */
  get settled(): boolean {
    return this.#sending === 0;
  }

  async close(): Promise<void> {
    this.onLost = () => {};
    await this.#wire?.close();
  }

  async #dial(at: Endpoint): Promise<void> {
    const wire = await Wire.dial(at);
    this.#wire = wire;
    wire.sink = (bytes, end) => {
      let start = 0;
      for (let lf; (lf = bytes.indexOf(10, start)) >= 0 && lf < end; start = lf + 1) {
        if (bytes[start] === 123) this.#hear(JSON.parse(decoder.decode(bytes.subarray(start, lf)))); // "{"
      }
      return start;
    };
    wire.onLost = () => {
      for (const { reject } of this.#requests.values()) reject(new Error("The connection is gone"));
      this.#requests.clear();
      this.onLost();
    };
    await new Promise<void>((resolve, reject) => {
      this.#requests.set("hello", { resolve: () => resolve(), reject });
      wire.send(encoder.encode('HELLO {"format":"json","version":1}\n'));
    });
  }

  #request(fields: Json): Promise<Json> {
    const id = `${++this.#ids}`;
    return new Promise((resolve, reject) => {
      this.#requests.set(id, { resolve, reject });
      this.#wire!.send(encoder.encode(JSON.stringify({ id, ...fields }) + "\n"));
    });
  }

  #hear(line: Json): void {
    const id = line.type === "hello" ? "hello" : line.id;
    const request = this.#requests.get(id);
    if (request) {
      this.#requests.delete(id);
      if (line.type === "error") request.reject(new Error(`${line.code}: ${line.message}`));
      else request.resolve(line);
    } else if (line.type === "message") {
      this.#positions[line.topic] = line.pos;
      this.#ledger.take(this.#lane, Number(line.text));
    } else if (line.type === "gap") {
      this.#positions[line.topic] = line.pos;
      this.gaps += (line.to ?? line.from) - line.from + 1;
    } else if (line.type === "ping") this.#wire!.send(encoder.encode('{"cmd":"pong"}\n'));
  }

  #take(reply: Json): void {
    if (reply.resume) this.#token = reply.resume;
    Object.assign(this.#positions, { ...reply.positions, ...this.#positions });
    if (this.#sending > 0) void this.#send(); // what was unanswered when the connection went
  }

  async #send(): Promise<void> {
    const seq = this.#sending;
    try {
      await this.#request({ cmd: "say", text: `${seq}`, cid: `${this.user}-${seq}` });
      this.#sending = 0;
    } catch {
      // Sent again after the resume.
    }
  }
}
