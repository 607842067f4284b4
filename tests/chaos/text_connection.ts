/** A text connection over real TLS, through the proxy that spoils it. */

import { pause } from "../../lib/common/time.ts";
import type { ServerNode } from "./server_node.ts";

/** How long connecting may take, in milliseconds. */
const connectMs = 3_000;

/** See the file's first line. */
export class TextConnection {
  readonly #conn: Deno.TlsConn;
  readonly #destroy: () => void;
  #outgoing = "";
  #writing = false;
  #over = false;

  private constructor(conn: Deno.TlsConn, destroy: () => void) {
    this.#conn = conn;
    this.#destroy = destroy;
  }

  /** @throws {Error} where that fails or takes too long */
  static async open(server: ServerNode, ca: string): Promise<TextConnection> {
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port: server.proxy.port });
    tcp.setNoDelay(true);
    const { port } = tcp.localAddr as Deno.NetAddr;
    const done = new AbortController();
    const destroy = () => server.proxy.link(port)?.leave();
    void pause(connectMs, done.signal).then(() => {
      if (!done.signal.aborted) server.proxy.link(port)?.destroy();
    });
    let conn: Deno.TlsConn | undefined;
    try {
      conn = await Deno.startTls(tcp, { hostname: "127.0.0.1", caCerts: [ca] });
      await conn.handshake();
      return new TextConnection(conn, destroy);
    } catch (error) {
      destroy();
      try {
        (conn ?? tcp).close();
      } catch {
        // Closed already.
      }
      throw error;
    } finally {
      done.abort();
    }
  }

  /** Sends a line; where that fails, the end shows where it is read. */
  write(line: string): void {
    this.#outgoing += `${line}\n`;
    void this.#write();
  }

  /** The lines that come, until it ends. */
  async *lines(): AsyncGenerator<string> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(32_768);
    let partial = "";
    for (let read; (read = await this.#conn.read(buffer)) !== null;) {
      const lines = (partial + decoder.decode(buffer.subarray(0, read), { stream: true })).split("\n");
      partial = lines.pop()!;
      for (const line of lines) if (!this.#over) yield line;
    }
  }

  /** Ends it without a word. */
  drop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#destroy();
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }

  async #write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    const encoder = new TextEncoder();
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
}
