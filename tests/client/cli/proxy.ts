/**
 * A TCP proxy whose connections a test can cut.
 */

/** Passes bytes on to a port, until it is told to cut. */
export class Proxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: number;
  readonly #open = new Set<Deno.Conn>();
  readonly #work = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  /** How many connections were made. */
  connections = 0;
  /** Told of every so many bytes that go by, towards the server or from it; a promise holds up what is behind them. */
  onBytes: (count: number, towards: "server" | "client") => void | Promise<void> = () => {};

  constructor(target: number) {
    this.#target = target;
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Ends all connections, wherever in a line they are. */
  cut(): void {
    for (const connection of this.#open) close(connection);
    this.#open.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.cut();
    await Promise.all(this.#work);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      this.connections++;
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      client.setNoDelay(true);
      server.setNoDelay(true);
      for (const connection of [client, server]) this.#open.add(connection);
      const work = Promise.all([
        pass(client, server, (count) => this.onBytes(count, "server")),
        pass(server, client, (count) => this.onBytes(count, "client")),
      ]).then(() => {
        for (const connection of [client, server]) this.#open.delete(connection);
        this.#work.delete(work);
      });
      this.#work.add(work);
    }
  }
}

async function pass(from: Deno.Conn, to: Deno.Conn, passed: (count: number) => void | Promise<void>): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    for (let count; (count = await from.read(buffer)) !== null;) {
      for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
      await passed(count);
    }
  } catch {
    // cut
  } finally {
    close(from);
    close(to);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // closed by the other direction
  }
}
