/**
 * A TLS connection to the peer that answers, and the certificate that the peer proved to be its own.
 *
 * Nothing about the certificate is judged here, neither its authority nor its name or dates: the caller decides whether
 * the connection is used. It is made with `node:tls`, as Deno's own interface does not tell the certificate.
 */

import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { ServerAddress } from "../base/address.ts";
import type { Transport } from "./dial.ts";

/** A certificate, as far as a person is told of it. */
export interface PeerCertificate {
  /** SHA-256, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint: string;
  /** The names that it is for. */
  readonly names: readonly string[];
  /** The last day on which it is valid, as `2027-01-31`; undefined where it does not say. */
  readonly until: string | undefined;
}

/** An open connection. */
export interface CertifiedPeer {
  readonly transport: Transport;
  /** Undefined where this release of Deno does not tell it, as 2.4.2. */
  readonly certificate: PeerCertificate | undefined;
}

/**
 * Connects and shakes hands.
 *
 * @param signal ends the attempt
 * @throws {Error} when there is no such server, it speaks no TLS, or its certificate is not its own
 */
export async function connectPeer({ host, port }: ServerAddress, signal: AbortSignal): Promise<CertifiedPeer> {
  const socket = connect({
    host,
    port,
    ...(isIP(host) ? {} : { servername: host }),
    rejectUnauthorized: false,
  });
  const stop = () => socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("close", () => reject(new Deno.errors.UnexpectedEof("closed during the handshake")));
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
  socket.setNoDelay(true);
  return { transport: new SocketTransport(socket), certificate: certificateOf(socket) };
}

function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const found = socket.getPeerCertificate?.();
  if (!found?.fingerprint256) return undefined;
  const until = new Date(found.valid_to);
  return {
    fingerprint: found.fingerprint256.toUpperCase(),
    names: [...(found.subjectaltname ?? "").matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(([, name]) => name),
    until: isNaN(until.getTime()) ? undefined : until.toISOString().slice(0, 10),
  };
}

/** A socket of Node's as a transport, which reads nothing before it is asked to. */
class SocketTransport implements Transport {
  readonly #socket: TLSSocket;
  #rest: Uint8Array | undefined;
  #ended = false;
  #error: Error | undefined;
  #wake = () => {};

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("readable", () => this.#wake());
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", (error: Error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Deno.errors.Interrupted("closed")));
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk: Uint8Array | null = this.#rest ?? this.#socket.read();
      if (chunk) {
        const part = chunk.subarray(0, buffer.length);
        buffer.set(part);
        this.#rest = part.length < chunk.length ? chunk.subarray(part.length) : undefined;
        return part.length;
      }
      if (this.#ended) return null;
      if (this.#error) throw this.#error;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#error) return reject(this.#error);
      this.#socket.write(bytes, (error?: Error | null) => error ? reject(error) : resolve(bytes.length));
    });
  }

  close(): void {
    this.#rest = undefined;
    this.#fail(new Deno.errors.Interrupted("closed"));
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#wake();
  }
}
