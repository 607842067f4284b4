/**
 * The door: accepts connections, bounds them, and sees each through its TLS handshake.
 *
 * Promises:
 * 1. a peer that is silent, slow or speaks no TLS holds up nobody else, and is gone when the handshake's time is over;
 * 2. connections are bounded in all, for each address, and while their handshake is not done;
 * 3. no failure to accept one connection ends the loop; out of descriptors, it waits a little.
 */

import type { Log } from "../log.ts";
import type { Kernel } from "./kernel.ts";

/**
 * Which of several doors on one port this is. The kernel gives each of them its share of the connections; the first one
 * finds the port, or sees to it that nobody else has it.
 */
export type Sharing = "first" | "further";

/** What the door is made from. */
export interface ListenerOptions {
  readonly hostname: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** PEM: the certificate with its chain. */
  readonly cert: string;
  /** PEM: its private key. */
  readonly key: string;
  /** Absent where the port is for this door alone. */
  readonly sharing: Sharing | undefined;
  readonly handshakeTimeoutMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxHandshakes: number;
  readonly log: Log;
  /** Socket options and the end of stalled connections, where there is a kernel to ask. */
  readonly kernel: Kernel | undefined;
  /** Serves a connection whose handshake is done; the connection is closed when it resolves. */
  serve(conn: Deno.TlsConn, address: string): Promise<void>;
}

/** How long to wait when a connection could not be accepted, in milliseconds. */
const acceptRetryMs = 100;

/** How long abandoned connections are gathered before they are looked for, in milliseconds. */
const cutAfterMs = 50;

/** See the file's promises. */
export class Listener {
  readonly port: number;
  readonly #options: ListenerOptions;
  readonly #listener: Deno.TlsListener;
  readonly #handshakes = new Set<Deno.TlsConn>();
  readonly #addresses = new Map<string, number>();
  readonly #serving = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  readonly #doomed = new Set<Deno.TlsConn>();
  #cutting: ReturnType<typeof setTimeout> | undefined;
  #connections = 0;
  #closed = false;

  /** @throws {Error} where the address cannot be listened on, or the certificate is refused */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#listener = listen(options);
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    options.kernel?.tuneListener(this.port);
    this.#accepting = this.#accept();
  }

  /** Connections whose handshake is done. */
  get connections(): number {
    return this.#connections;
  }

  /** Accepts no more, and gives up handshakes that are not done. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    for (const conn of this.#handshakes) this.abandon(conn);
  }

  /**
   * Closes a connection whose peer may be stalled. Closing alone would leave its descriptor open until the peer goes;
   * those that are abandoned at about the same time are looked for together.
   */
  abandon(conn: Deno.TlsConn): void {
    if (!this.#options.kernel) return closeQuietly(conn);
    this.#doomed.add(conn);
    this.#cutting ??= setTimeout(() => this.#cut(), cutAfterMs);
  }

  #cut(): void {
    this.#cutting = undefined;
    this.#options.kernel?.cut(this.#doomed);
    for (const conn of this.#doomed) closeQuietly(conn);
    this.#doomed.clear();
  }

  /** Resolves when the door is closed and everybody who came through it is gone. */
  async finished(): Promise<void> {
    await this.#accepting;
    while (this.#serving.size > 0) await Promise.all(this.#serving);
    clearTimeout(this.#cutting);
    this.#cut();
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      let conn: Deno.TlsConn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (this.#closed) return;
        this.#options.log.warn("accept_failed", { error });
        await new Promise((resolve) => setTimeout(resolve, acceptRetryMs));
        continue;
      }
      const done: Promise<void> = this.#receive(conn).finally(() => this.#serving.delete(done));
      this.#serving.add(done);
    }
  }

  async #receive(conn: Deno.TlsConn): Promise<void> {
    const { maxHandshakes, log, serve } = this.#options;
    const address = (conn.remoteAddr as Deno.NetAddr).hostname;
    if (this.#refuses(address)) return this.abandon(conn); // it may be silent
    if (this.#handshakes.size >= maxHandshakes) this.#giveUpOldest();
    if (!await this.#shakeHands(conn, address)) return;
    if (this.#refuses(address)) return this.abandon(conn); // others were quicker
    this.#connections++;
    this.#addresses.set(address, (this.#addresses.get(address) ?? 0) + 1);
    try {
      await serve(conn, address);
    } catch (error) {
      log.error("connection_failed", { address, error });
      closeQuietly(conn);
    } finally {
      this.#connections--;
      const left = this.#addresses.get(address)! - 1;
      if (left > 0) this.#addresses.set(address, left);
      else this.#addresses.delete(address);
    }
  }

  /** Whether there are as many connections as there may be, in all or from the address. */
  #refuses(address: string): boolean {
    const { maxConnections, maxConnectionsPerAddress, log } = this.#options;
    const before = this.#addresses.get(address) ?? 0;
    if (this.#connections < maxConnections && before < maxConnectionsPerAddress) return false;
    log.warn("connection_refused", { address, connections: this.#connections, from_address: before });
    return true;
  }

  /** A crowd of unfinished handshakes must not keep anybody out: the one that has had the longest time goes. */
  #giveUpOldest(): void {
    for (const oldest of this.#handshakes) {
      this.#handshakes.delete(oldest);
      return this.abandon(oldest);
    }
  }

  async #shakeHands(conn: Deno.TlsConn, address: string): Promise<boolean> {
    const { handshakeTimeoutMs, log } = this.#options;
    this.#handshakes.add(conn);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("the handshake took too long")), handshakeTimeoutMs);
    });
    try {
      const handshake = conn.handshake();
      handshake.catch(() => {}); // it may fail long after its time is over
      await Promise.race([handshake, late]);
      if (this.#closed || !this.#handshakes.has(conn)) throw new Error("the connection was given up");
      return true;
    } catch (error) {
      log.debug("handshake_failed", { address, error });
      this.abandon(conn);
      return false;
    } finally {
      clearTimeout(timer);
      this.#handshakes.delete(conn);
    }
  }
}

function listen({ hostname, port, cert, key, sharing }: ListenerOptions): Deno.TlsListener {
  if (sharing === undefined) return Deno.listenTls({ hostname, port, cert, key });
  return Deno.listenTls({
    hostname,
    port: sharing === "first" ? ownPort(hostname, port) : port,
    cert,
    key,
    reusePort: true,
  });
}

/**
 * A port that nobody listens on; a shared one could be shared with another program of the same user, unnoticed.
 *
 * @throws {Deno.errors.AddrInUse} where the wanted one is taken
 */
function ownPort(hostname: string, port: number): number {
  using alone = Deno.listen({ hostname, port });
  return alone.addr.port;
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // The peer was quicker.
  }
}
