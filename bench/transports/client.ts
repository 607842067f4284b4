/** One client of the small service, over any of the transports: lines out, lines in. */

import { encodeLine, LineFramer } from "../../lib/wire/lines.ts";
import { ReliableChannel } from "./reliable.ts";

/** How lines travel. */
export const transports = ["udp", "udp, repeated", "tcp", "tls"] as const;

/** One of {@linkcode transports}. */
export type Transport = (typeof transports)[number];

const hostname = "127.0.0.1";
const decoder = new TextDecoder();

/** A client, once it is connected. */
export class Client implements AsyncDisposable {
  /** Is told each line that comes. */
  onLine: (line: string) => void = () => {};
  /** Sends a line. */
  readonly send: (line: string) => void;
  readonly #close: () => Promise<void>;

  private constructor(open: (take: (line: string) => void) => Pick<Client, "send"> & { close(): Promise<void> }) {
    const { send, close } = open((line) => this.onLine(line));
    this.send = send;
    this.#close = close;
  }

  /** @param ca the authority of a TLS server, PEM */
  static async connect(transport: Transport, port: number, ca: string): Promise<Client> {
    if (transport === "udp" || transport === "udp, repeated") {
      return new Client((take) => datagrams(port, transport !== "udp", take));
    }
    const conn = transport === "tcp" ? await dial(port) : await Deno.connectTls({ hostname, port, caCerts: [ca] });
    return new Client((take) => stream(conn, take));
  }

  /**
   * Asks until an answer has come that begins as it should.
   *
   * @param repeatMs after how long it asks again, where lines may be lost
   */
  async ask(line: string, begins: string, repeatMs: number): Promise<void> {
    const answered = Promise.withResolvers<void>();
    this.onLine = (answer) => answer.startsWith(begins) && answered.resolve();
    this.send(line);
    const timer = setInterval(() => this.send(line), repeatMs);
    await answered.promise;
    clearInterval(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

async function dial(port: number): Promise<Deno.Conn> {
  const conn = await Deno.connect({ hostname, port });
  conn.setNoDelay();
  return conn;
}

function stream(conn: Deno.Conn, take: (line: string) => void) {
  let writing = Promise.resolve();
  const framer = new LineFramer(8_192);
  const read = async () => {
    const buffer = new Uint8Array(65_536);
    try {
      for (let length; (length = await conn.read(buffer)) !== null;) {
        for (const line of framer.push(buffer.subarray(0, length))) if (line.kind === "line") take(line.text);
      }
    } catch {
      // It is closed.
    }
  };
  const reading = read();
  const writeAll = async (bytes: Uint8Array) => {
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  };
  return {
    send: (line: string) => void (writing = writing.then(() => writeAll(encodeLine(line))).catch(() => {})),
    async close() {
      conn.close();
      await reading;
    },
  };
}

function randomNumber(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

function datagrams(port: number, framed: boolean, take: (line: string) => void) {
  const socket = Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
  const to: Deno.NetAddr = { transport: "udp", hostname, port };
  const send = (bytes: Uint8Array) => void socket.send(bytes, to).catch(() => {});
  const takeBytes = (bytes: Uint8Array) => take(decoder.decode(bytes).trimEnd());
  const channel = framed ? new ReliableChannel({ channel: randomNumber(), send, take: takeBytes }) : undefined;
  const read = async () => {
    try {
      for await (const [bytes] of socket) channel ? channel.receive(bytes) : takeBytes(bytes);
    } catch {
      // It is closed.
    }
  };
  const reading = read();
  return {
    send: (line: string) => channel ? channel.send(encodeLine(line)) : send(encodeLine(line)),
    async close() {
      channel?.close();
      socket.close();
      await reading;
    },
  };
}
