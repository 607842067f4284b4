/**
 * One connection of a JSON client, over real TLS, through the proxy that spoils it.
 *
 * Answers and events are handed over one by one, in the order of the wire, in the same turn in which they are read. It
 * watches what must hold for every connection: answers come in the order of their requests, and none is waited for
 * longer than the store's time limit while everything on its way was in order.
 */

import { healthyMs } from "./outages.ts";
import type { Link } from "./proxy.ts";
import type { ServerNode } from "./server_node.ts";
import type { Timeline } from "./timeline.ts";

// deno-lint-ignore no-explicit-any -- whatever a server says; what is not there is found wrong where it is used
export type Json = Record<string, any>;

/** Who is told what a connection carries. */
export interface Listener {
  event(event: Json): void;
  /** The connection is over; what is unanswered stays so. */
  ended(why: string): void;
}

/** What all connections of a run share. */
export interface Ways {
  readonly ca: string;
  readonly timeline: Timeline;
  /** How long a server may take to answer, in milliseconds. */
  readonly answerMs: number;
  /** Told of what must not be. */
  notice(kind: string, text: string): void;
  /** Told how long each answer took, without what nobody can help. */
  waited(ms: number): void;
}

interface Request {
  readonly id: number;
  readonly cmd: string;
  readonly at: number;
  /** Whether it may overlap with the one before it. */
  readonly pipelined: boolean;
  readonly answered: (reply: Json) => void;
}

/** How long connecting may take, in milliseconds. */
const connectMs = 3_000;

const encoder = new TextEncoder();
const pipelined: ReadonlySet<string> = new Set(["say", "publish", "msg"]);

/** See the file's first lines. */
export class Connection {
  readonly server: ServerNode;
  readonly name: string;
  listener: Listener;
  readonly #ways: Ways;
  readonly #conn: Deno.TlsConn;
  readonly #link: Link;
  readonly #requests: Request[] = [];
  #lastAnswer = 0;
  #id = 0;
  #outgoing = "";
  #writing = false;
  #over = false;

  private constructor(
    server: ServerNode,
    name: string,
    ways: Ways,
    listener: Listener,
    conn: Deno.TlsConn,
    link: Link,
  ) {
    this.server = server;
    this.name = name;
    this.listener = listener;
    this.#ways = ways;
    this.#conn = conn;
    this.#link = link;
  }

  /**
   * Connects and says HELLO.
   *
   * @param name whose it is, for what is noticed
   * @param many whether it says that it can do with many rooms
   * @throws {Error} where that fails or takes too long
   */
  static async open(
    server: ServerNode,
    name: string,
    ways: Ways,
    listener: Listener,
    many = false,
  ): Promise<Connection> {
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port: server.proxy.port });
    tcp.setNoDelay(true);
    const { port } = tcp.localAddr as Deno.NetAddr;
    let late = false;
    const giveUp = () => {
      late = true;
      server.proxy.link(port)?.destroy();
    };
    const timer = setTimeout(giveUp, connectMs);
    let conn: Deno.TlsConn | undefined;
    try {
      conn = await Deno.startTls(tcp, { hostname: "127.0.0.1", caCerts: [ways.ca] });
      await conn.handshake();
      const link = server.proxy.link(port);
      if (!link || late) throw new Error("The connection was cut");
      const connection = new Connection(server, name, ways, listener, conn, link);
      await connection.#greet(many);
      return connection;
    } catch (error) {
      giveUp();
      try {
        (conn ?? tcp).close();
      } catch {
        // Closed already.
      }
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** How many requests are unanswered. */
  get unanswered(): number {
    return this.#requests.length;
  }

  get over(): boolean {
    return this.#over;
  }

  /** How long the oldest unanswered request has waited, in milliseconds. */
  get waiting(): number {
    return this.#requests.length === 0 ? 0 : this.#ways.timeline.now - this.#requests[0].at;
  }

  /** Sends a request; `answered` is called with its answer, unless the connection ends before. */
  request(cmd: string, fields: Json, answered: (reply: Json) => void = () => {}): void {
    if (this.#over) return;
    const request = { id: ++this.#id, cmd, at: this.#ways.timeline.now, pipelined: pipelined.has(cmd), answered };
    this.#requests.push(request);
    this.#outgoing += JSON.stringify({ id: request.id, cmd, ...fields }) + "\n";
    void this.#write();
  }

  /** Ends it without a word, as when a cable is pulled. */
  drop(why: string): void {
    this.#end(why);
  }

  async #greet(many: boolean): Promise<void> {
    this.#outgoing = `HELLO ${
      JSON.stringify({ format: "json", version: 1, client: "chaos/1", ...(many ? { rooms: "many" } : {}) })
    }\n`;
    await this.#write();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { listener } = this;
    this.listener = {
      event: (event) => event.type === "hello" ? resolve() : reject(new Error(`No hello: ${JSON.stringify(event)}`)),
      ended: (why) => reject(new Error(why)),
    };
    void this.#read();
    await promise;
    this.listener = listener;
  }

  async #write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      while (this.#outgoing !== "" && !this.#over) {
        const bytes = encoder.encode(this.#outgoing);
        this.#outgoing = "";
        for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
      }
    } catch {
      // The end shows where it is read.
    }
    this.#writing = false;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(32_768);
    let partial = "";
    let why = "the server closed it";
    try {
      for (let read; (read = await this.#conn.read(buffer)) !== null;) {
        const lines = (partial + decoder.decode(buffer.subarray(0, read), { stream: true })).split("\n");
        partial = lines.pop()!;
        for (const line of lines) {
          if (this.#over) return;
          if (line.startsWith("{")) this.#take(JSON.parse(line));
        }
      }
    } catch (error) {
      why = `it broke: ${(error as Error).message}`;
    }
    this.#end(why);
  }

  #take(line: Json): void {
    const answer = line.type === "ok" || (line.type === "error" && line.id !== undefined);
    if (!answer) return this.listener.event(line);
    const request = this.#requests.shift();
    if (request?.id !== line.id) {
      const expected = request ? `${request.cmd} ${request.id}` : "none";
      return this.#ways.notice("answers in order", `${this.name} got ${JSON.stringify(line)} instead of ${expected}`);
    }
    this.#judge(request!, `answered ${line.type === "ok" ? "ok" : line.code}`);
    if (line.code === "internal") this.#ways.notice("no fault", `${this.name} got ${JSON.stringify(line)}`);
    request!.answered(line);
  }

  /** Looks whether a request has waited too long. */
  #judge(request: Request, end: string): void {
    const { timeline, answerMs } = this.#ways;
    const { now } = timeline;
    // A command that is no message is begun when all before it are answered.
    const from = request.pipelined ? request.at : Math.max(request.at, this.#lastAnswer);
    this.#lastAnswer = now;
    const waited = healthyMs(from, now, timeline.lateness, this.server.outages, this.#link.troubles);
    this.#ways.waited(waited);
    if (waited <= answerMs) return;
    const total = Math.round(now - from);
    const text = `${this.name} waited ${Math.round(waited)} ms (${total} in all) for ${this.server.id} to answer ` +
      `${request.cmd}; it was ${end}`;
    this.#ways.notice("answers in time", text);
  }

  #end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#link.leave();
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
    const [oldest] = this.#requests;
    if (oldest) this.#judge(oldest, `given up (${why})`);
    this.listener.ended(why);
  }
}
