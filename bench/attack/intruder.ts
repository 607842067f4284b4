/**
 * An attacker's connection: JSON lines over TLS, from a local address of the attacker's choice.
 *
 * It counts what is accepted and what is refused, by code. The runtime's own `Deno.connect` cannot choose a local
 * address, so that these connections go by `node:net`.
 */

import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Endpoint, Json } from "../../tests/support/client.ts";

/** How long an answer may take, in milliseconds; after that it is counted as none. */
const patienceMs = 60_000;

/** Takes down what came of each request. */
export interface Tally {
  readonly accepted: { add(name: string): void };
  readonly refused: { add(name: string): void };
}

/** One connection of an attacker. */
export class Intruder {
  /** Told of every event, and of answers to what was sent without an id. */
  onEvent: (event: Json) => void = () => {};
  /** What its registration was answered. */
  session: Json = {};
  /** Whether the connection is gone. */
  ended = false;
  /** Settled when it is. */
  readonly gone: Promise<void>;
  /** The code that the server ended it with, if it said one. */
  lastWord: string | undefined;
  readonly #socket: TLSSocket;
  readonly #tally: Tally;
  readonly #asked = new Map<number, (answer: Json) => void>();
  #id = 0;
  #partial = "";

  private constructor(socket: TLSSocket, tally: Tally) {
    this.#socket = socket;
    this.#tally = tally;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#take(text));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.ended = true;
      for (const answer of this.#asked.values()) answer({ type: "error", code: this.lastWord ?? "closed" });
      this.#asked.clear();
      resolve();
    });
  }

  /** Connects from a local address and chooses the format. */
  static async dial(at: Endpoint, localAddress: string, tally: Tally): Promise<Intruder> {
    const tcp = connect({ host: "127.0.0.1", port: at.port, localAddress });
    await ready(tcp, "connect");
    tcp.setNoDelay(true);
    const tls = connectTls({ socket: tcp, ca: at.ca, servername: "localhost" });
    await ready(tls, "secureConnect");
    const intruder = new Intruder(tls, tally);
    intruder.write('HELLO {"format":"json","version":1,"client":"intruder/1"}\n');
    return intruder;
  }

  /** Sends a request and waits for its answer; where the connection ends instead, the answer is an error. */
  ask(cmd: string, fields: Json = {}, counted = cmd): Promise<Json> {
    const id = ++this.#id;
    const { promise, resolve } = Promise.withResolvers<Json>();
    const timer = setTimeout(() => answered({ type: "error", code: "no_answer" }), patienceMs);
    const answered = (answer: Json) => {
      clearTimeout(timer);
      this.#asked.delete(id);
      if (answer.type === "error") this.#tally.refused.add(`${counted}: ${answer.code}`);
      else this.#tally.accepted.add(counted);
      resolve(answer);
    };
    if (this.ended) answered({ type: "error", code: this.lastWord ?? "closed" });
    else {
      this.#asked.set(id, answered);
      this.write(JSON.stringify({ id, cmd, ...fields }) + "\n");
    }
    return promise;
  }

  /** Sends text as it is. */
  write(text: string | Buffer): void {
    if (!this.ended) this.#socket.write(text);
  }

  /** Cuts the connection without a word. */
  drop(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith("{")) this.#sort(JSON.parse(line));
      else if (line.startsWith("[ERROR] ")) this.lastWord = line.slice(8).split(":")[0];
    }
  }

  #sort(said: Json): void {
    const answered = this.#asked.get(said.id);
    if (answered) return answered(said);
    if (said.type === "ping") return this.write('{"cmd":"pong"}\n');
    if (said.type === "error" || said.code === "forced_logout") this.lastWord = said.code;
    this.onEvent(said);
  }
}

/** Waits for an event of a socket. */
function ready(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => socket.destroy(new Error(`no ${event} in ${patienceMs} ms`)), patienceMs);
    const settle = (then: () => void) => {
      clearTimeout(late);
      then();
    };
    socket.once(event, () => settle(resolve));
    socket.once("error", (error) => settle(() => reject(error)));
    socket.once("close", () => settle(() => reject(new Error("closed"))));
  });
}
