import type { Log } from "../../observability/log.ts";
import type { Config } from "../../config/config.ts";
import type { Limits } from "../../limits/limits.ts";
import { type Peer, peerOf } from "../../limits/peer.ts";
import { pause, within } from "../../common/time.ts";
import { Tally } from "../../common/tally.ts";
import type { LinuxSockets } from "./linux_sockets.ts";
import type { PortProbe } from "./port_probe.ts";

/**
 * Which of several listeners on one port this is. The kernel gives each of them its share of the connections; the first one
 * finds the port, or sees to it that nobody else has it.
 */
export type Sharing = "first" | "further";

/** A certificate with its chain, and its private key, both PEM. */
export interface Pem {
  readonly cert: string;
  readonly key: string;
}

/** Settings and ports of a listener. */
export interface ListenerOptions {
  readonly hostname: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly certificate: Pem;
  /** Absent where the port is for this listener alone. */
  readonly sharing: Sharing | undefined;
  /** How many listeners of this process share the port. */
  readonly listeners: number;
  /** How long the socket with the former certificate goes on, in milliseconds; 750 by default. */
  readonly lingerMs?: number;
  /** The limits as they are now; read whenever they are needed. */
  readonly config: Pick<
    Config,
    "handshakeTimeoutSeconds" | "maxConnections" | "maxConnectionsPerIp" | "maxHandshakes"
  >;
  readonly log: Log;
  /** Counts connections that were refused, and handshakes that failed. */
  readonly meter?: { readonly refused: { value: number }; readonly failed: { value: number } };
  /** Told which limit refused a connection. */
  readonly limits?: Pick<Limits, "refused" | "pace">;
  /** Socket options and the end of stalled connections, where there is a kernel to ask. */
  readonly sockets: LinuxSockets | undefined;
  /** Knows this process' own connections to the port. */
  readonly probe?: Pick<PortProbe, "isOwn">;
  /** Serves a connection whose handshake is done; the connection is closed when it resolves. */
  serve(conn: Deno.TlsConn, peer: Peer): Promise<void>;
}

/** How long to wait when a connection could not be accepted, in milliseconds. */
const acceptRetryMs = 100;

/** How often at most that is told, in milliseconds. */
const acceptTellMs = 10_000;

/** How long abandoned connections are gathered before they are looked for, in milliseconds. */
const cutAfterMs = 50;

/**
 * How long a socket whose certificate was replaced goes on, in milliseconds: a connection that has begun before is
 * through by then. And for how much longer, if connections still wait on it.
 */
const lingering = { ms: 750, overtimeMs: 1_000, everyMs: 5 };

/** For how long a port that was just let go is tried again, and how often, in milliseconds. */
const relisten = { forMs: 5_000, everyMs: 10 };

/** Whether two sockets can listen on one port, each with its share of the connections. */
const overlapping = Deno.build.os === "linux";

/**
 * Accepts connections, bounds them, and sees each through its TLS handshake.
 *
 * Promises:
 * 1. a peer that is silent, slow or speaks no TLS holds up nobody else, and is gone when the handshake's time is over;
 * 2. connections are bounded in all, for each network, and while their handshake is not done;
 * 3. no failure to accept one connection ends the loop; out of descriptors, it waits a little;
 * 4. a new certificate is used from the next connection on, and no connection is dropped or refused for it: on Linux a
 *    second socket listens beside the first, gets all that is new, and the first goes when its queue has run empty.
 *    Elsewhere two cannot share a port, and for some milliseconds nobody listens.
 */
export class Listener {
  readonly port: number;
  readonly #options: ListenerOptions;
  #listener: Deno.TlsListener;
  /** The one before, for as long as it goes on; and when it has gone. */
  #former: Deno.TlsListener | undefined;
  #retired: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();
  /** Connections whose handshake is under way, in the order in which they came, and their networks. */
  readonly #handshakes = new Map<Deno.TlsConn, string>();
  readonly #unfinished = new Tally();
  /** Connections whose handshake is done, by network. */
  readonly #networks = new Tally();
  readonly #serving = new Set<Promise<void>>();
  readonly #accepting = new Map<Deno.TlsListener, Promise<void>>();
  readonly #doomed = new Set<Deno.TlsConn>();
  #cutting: ReturnType<typeof setTimeout> | undefined;
  #connections = 0;
  /** When it was last told that a connection could not be accepted. */
  #acceptTold = -Infinity;
  #closed = false;

  /** @throws {Error} where the address cannot be listened on, or the certificate is refused */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#listener = listenFirst(options);
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    this.#open(this.#listener);
  }

  /** Connections whose handshake is done. */
  get connections(): number {
    return this.#connections;
  }

  /**
   * Uses another certificate for all connections from now on.
   *
   * @throws {Error} where it is refused: then nothing has changed
   */
  async renew(certificate: Pem): Promise<void> {
    const { hostname, sockets, listeners } = this.#options;
    if (!overlapping) return await this.#replace(certificate);
    await this.#retired; // two at a time are enough
    if (this.#closed) return;
    const next = Deno.listenTls({ hostname, port: this.port, ...certificate, reusePort: true });
    this.#former = this.#listener;
    this.#listener = next;
    this.#open(next);
    sockets?.preferNewest(this.port, listeners);
    this.#retired = this.#retire(this.#former);
  }

  /** Accepts no more, and gives up handshakes that are not done. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closing.abort();
    this.#listener.close();
    for (const conn of this.#handshakes.keys()) this.abandon(conn);
  }

  /**
   * Closes a connection whose peer may be stalled. Closing alone would leave its descriptor open until the peer goes;
   * those that are abandoned at about the same time are looked for together.
   */
  abandon(conn: Deno.TlsConn): void {
    if (!this.#options.sockets) return closeQuietly(conn);
    this.#doomed.add(conn);
    this.#cutting ??= setTimeout(() => this.#cut(), cutAfterMs);
  }

  #cut(): void {
    this.#cutting = undefined;
    this.#options.sockets?.cut(this.#doomed);
    for (const conn of this.#doomed) closeQuietly(conn);
    this.#doomed.clear();
  }

  /** Resolves when no more connections are accepted and all that were are over. */
  async finished(): Promise<void> {
    await Promise.all([this.#retired, ...this.#accepting.values()]);
    while (this.#serving.size > 0) await Promise.all(this.#serving);
    clearTimeout(this.#cutting);
    this.#cut();
  }

  #open(listener: Deno.TlsListener): void {
    this.#options.sockets?.tuneListener(this.port);
    this.#accepting.set(listener, this.#accept(listener).finally(() => this.#accepting.delete(listener)));
  }

  /** Closes a socket when no connection waits on it any more: closing would reset those that do. */
  async #retire(former: Deno.TlsListener): Promise<void> {
    const { sockets, lingerMs = lingering.ms } = this.#options;
    await pause(lingerMs, this.#closing.signal);
    const deadline = performance.now() + lingering.overtimeMs;
    while (!this.#closed && performance.now() < deadline && sockets && sockets.waiting(this.port) > 0) {
      await pause(lingering.everyMs, this.#closing.signal);
    }
    this.#former = undefined;
    former.close();
    await this.#accepting.get(former); // then its descriptor is closed
  }

  /** The way where two cannot listen on one port: tries the certificate elsewhere, then lets the port go and takes it. */
  async #replace(certificate: Pem): Promise<void> {
    const { hostname } = this.#options;
    Deno.listenTls({ hostname, port: 0, ...certificate }).close();
    this.#listener.close();
    const deadline = performance.now() + relisten.forMs;
    for (;;) {
      if (this.#closed) return;
      try {
        this.#listener = Deno.listenTls({ hostname, port: this.port, ...certificate });
        return this.#open(this.#listener);
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await pause(relisten.everyMs, this.#closing.signal);
      }
    }
  }

  async #accept(listener: Deno.TlsListener): Promise<void> {
    while (!this.#closed) {
      let conn: Deno.TlsConn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (this.#closed || (listener !== this.#listener && listener !== this.#former)) return;
        if (performance.now() >= this.#acceptTold + acceptTellMs) {
          this.#acceptTold = performance.now();
          this.#options.log.warn("accept_failed", { error });
        }
        await pause(acceptRetryMs, this.#closing.signal);
        continue;
      }
      const done: Promise<void> = this.#receive(conn).finally(() => this.#serving.delete(done));
      this.#serving.add(done);
    }
  }

  async #receive(conn: Deno.TlsConn): Promise<void> {
    const { config, log, serve } = this.#options;
    const peer = peerOf((conn.remoteAddr as Deno.NetAddr).hostname);
    if (await this.#options.probe?.isOwn(conn)) return await this.#answerProbe(conn);
    if (this.#refuses(peer)) return this.abandon(conn); // it may be silent
    if (this.#handshakes.size >= config.maxHandshakes) this.#giveUpOldest();
    if (!await this.#shakeHands(conn, peer)) return;
    if (this.#refuses(peer)) return this.abandon(conn); // others were quicker
    this.#connections++;
    this.#networks.add(peer.network);
    try {
      await serve(conn, peer);
    } catch (error) {
      log.error("connection_failed", { address: peer.address, error });
      closeQuietly(conn);
    } finally {
      this.#connections--;
      this.#networks.delete(peer.network);
    }
  }

  /** Shakes hands with this process' own probe, which nothing counts. */
  async #answerProbe(conn: Deno.TlsConn): Promise<void> {
    await within(this.#options.config.handshakeTimeoutSeconds * 1000, conn.handshake()).catch(() => {}); // it tells
    closeQuietly(conn);
  }

  /** Whether there are as many connections as there may be, in all or from the network. */
  #refuses({ address, network }: Peer): boolean {
    const { config: { maxConnections, maxConnectionsPerIp }, log, meter, limits } = this.#options;
    const before = this.#networks.of(network);
    if (this.#connections < maxConnections && before < maxConnectionsPerIp) return false;
    if (meter) meter.refused.value++;
    limits?.refused(before < maxConnectionsPerIp ? "connections" : "connections_network");
    if (limits && !limits.pace.written_refusals.take(network)) return true;
    log.warn("connection_refused", { address, connections: this.#connections, from_address: before });
    return true;
  }

  /**
   * A crowd of unfinished handshakes must not keep anybody out: of the network that has most of them, the one goes that
   * has had the longest time.
   */
  #giveUpOldest(): void {
    const largest = this.#unfinished.largest();
    for (const [oldest, network] of this.#handshakes) {
      if (network !== largest) continue;
      this.#forget(oldest, network);
      this.#options.limits?.refused("handshakes");
      return this.abandon(oldest);
    }
  }

  #forget(conn: Deno.TlsConn, network: string): void {
    if (this.#handshakes.delete(conn)) this.#unfinished.delete(network);
  }

  async #shakeHands(conn: Deno.TlsConn, { address, network }: Peer): Promise<boolean> {
    const { config: { handshakeTimeoutSeconds }, log, meter } = this.#options;
    this.#handshakes.set(conn, network);
    this.#unfinished.add(network);
    try {
      await within(handshakeTimeoutSeconds * 1000, conn.handshake());
      if (this.#closed || !this.#handshakes.has(conn)) throw new Error("the connection was given up");
      return true;
    } catch (error) {
      if (meter) meter.failed.value++;
      log.debug("handshake_failed", { address, error });
      this.abandon(conn);
      return false;
    } finally {
      this.#forget(conn, network);
    }
  }
}

function listenFirst({ hostname, port, certificate, sharing }: ListenerOptions): Deno.TlsListener {
  if (!overlapping && sharing === undefined) return Deno.listenTls({ hostname, port, ...certificate });
  const free = sharing === "further" ? port : ownPort(hostname, port);
  return Deno.listenTls({ hostname, port: free, ...certificate, reusePort: true });
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
