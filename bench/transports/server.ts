/**
 * The small service over UDP, TCP and TLS, on this machine's loopback only: the same lines and handlers over three
 * sockets. On UDP's one port a client speaks bare lines, or frames that are acknowledged and repeated.
 */

import { bcryptHasher } from "../../lib/auth/password.ts";
import { makeCertificates } from "../../lib/tls/authority.ts";
import { encodeLine, LineFramer } from "../../lib/wire/lines.ts";
import { channelOf, isFrame, ReliableChannel } from "./reliable.ts";
import { type Peer, Service } from "./service.ts";

/** The only address that is listened on. */
const hostname = "127.0.0.1";

/** The ports unless others are asked for. */
export const ports = { udp: 12345, tcp: 12346, tls: 12347 } as const;

/** Where a service listens. */
export interface Listening {
  readonly udp: number;
  readonly tcp: number;
  readonly tls: number;
  /** The authority of the TLS certificate, PEM. */
  readonly ca: string;
}

/** The longest line, in bytes. */
const maxLineBytes = 8_192;

/** How many addresses that datagrams came from are remembered: anybody can make them up. */
const maxPeers = 10_000;

const decoder = new TextDecoder();

/**
 * Serves until it is disposed of.
 *
 * @param cost of the passwords' hashes; the real service's default is 12
 * @param wanted ports; 0 takes any free one
 * @throws {Deno.errors.AddrInUse} where a port is taken
 */
export async function serve(
  cost = 12,
  wanted: { readonly udp: number; readonly tcp: number; readonly tls: number } = ports,
): Promise<Listening & AsyncDisposable> {
  const service = new Service(await bcryptHasher(cost));
  const { ca, cert, key } = await makeCertificates({ names: ["localhost", hostname] });
  await using parts = new AsyncDisposableStack();
  const udp = Deno.listenDatagram({ hostname, port: wanted.udp, transport: "udp" });
  parts.defer(() => udp.close());
  const tcp = Deno.listen({ hostname, port: wanted.tcp });
  parts.defer(() => tcp.close());
  const tls = Deno.listenTls({ hostname, port: wanted.tls, cert, key });
  parts.defer(() => tls.close());
  const open = new Set<Deno.Conn>();
  parts.defer(() => {
    for (const conn of open) close(conn);
    open.clear();
  });
  const serving = [serveDatagrams(udp, service), accept(tcp, service, open), accept(tls, service, open)];
  const owned = parts.move();
  return {
    udp: (udp.addr as Deno.NetAddr).port,
    tcp: tcp.addr.port,
    tls: tls.addr.port,
    ca,
    async [Symbol.asyncDispose]() {
      await owned.disposeAsync();
      await Promise.all(serving);
    },
  };
}

async function accept(listener: Deno.Listener, service: Service, open: Set<Deno.Conn>): Promise<void> {
  const running = new Set<Promise<void>>();
  for (;;) {
    try {
      const conn = await listener.accept();
      open.add(conn);
      const run = serveStream(conn, service).finally(() => {
        if (open.delete(conn)) close(conn);
        running.delete(run);
      });
      running.add(run);
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) continue; // one connection failed, not the listener
      await Promise.all(running);
      return;
    }
  }
}

async function serveStream(conn: Deno.Conn, service: Service): Promise<void> {
  let writing = Promise.resolve();
  const peer: Peer = {
    tell: (line) => void (writing = writing.then(() => writeAll(conn, encodeLine(line))).catch(() => {})),
  };
  const framer = new LineFramer(maxLineBytes);
  const buffer = new Uint8Array(16_384);
  try {
    for (let read; (read = await conn.read(buffer)) !== null;) {
      for (const line of framer.push(buffer.subarray(0, read))) {
        await (line.kind === "line" ? service.handle(peer, line.text) : peer.tell(`ERR ${line.kind}`));
      }
    }
    await writing;
  } catch {
    // The connection is lost.
  } finally {
    service.leave(peer);
  }
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // A TLS connection whose handshake failed is closed already.
  }
}

/** Writes all of it. */
async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/** A peer of datagrams, by the address that they came from. Anybody can forge one: that is UDP's fault, not ours. */
interface DatagramPeer extends Peer {
  receive(datagram: Uint8Array): void;
  close(): void;
}

async function serveDatagrams(socket: Deno.DatagramConn, service: Service): Promise<void> {
  const peers = new Map<string, DatagramPeer>();
  try {
    for await (const [datagram, from] of socket) {
      const { hostname, port } = from as Deno.NetAddr;
      const channel = isFrame(datagram) ? channelOf(datagram) : undefined;
      const name = `${hostname} ${port} ${channel}`;
      let peer = peers.get(name);
      if (!peer) {
        if (peers.size >= maxPeers) forgetFirst(peers, service);
        peer = datagramPeer((bytes) => void socket.send(bytes, from).catch(() => {}), channel, service);
        peers.set(name, peer);
      }
      peer.receive(datagram);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted)) throw error;
  } finally {
    for (const peer of peers.values()) peer.close();
  }
}

function forgetFirst(peers: Map<string, DatagramPeer>, service: Service): void {
  const [[name, peer]] = peers;
  service.leave(peer);
  peer.close();
  peers.delete(name);
}

function datagramPeer(
  send: (bytes: Uint8Array) => void,
  number: number | undefined,
  service: Service,
): DatagramPeer {
  // In turn, as on a stream: a later line may need what an earlier one did.
  let handling = Promise.resolve();
  const take = (bytes: Uint8Array) => {
    const line = decoder.decode(bytes).trimEnd();
    handling = handling.then(() => service.handle(peer, line));
  };
  const channel = number === undefined ? undefined : new ReliableChannel({ channel: number, send, take });
  const peer: DatagramPeer = {
    tell: (line) => channel ? channel.send(encodeLine(line)) : send(encodeLine(line)),
    receive: (datagram) => channel ? channel.receive(datagram) : take(datagram),
    close: () => channel?.close(),
  };
  return peer;
}

if (import.meta.main) {
  const [cost = "12", ...wanted] = Deno.args;
  const [udp = ports.udp, tcp = ports.tcp, tls = ports.tls] = wanted.map(Number);
  await using listening = await serve(Number(cost), { udp, tcp, tls });
  console.log(JSON.stringify({ udp: listening.udp, tcp: listening.tcp, tls: listening.tls, ca: listening.ca }));
  // It goes when its input ends: with the program that started it.
  for await (const _ of Deno.stdin.readable);
}
