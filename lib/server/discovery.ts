/**
 * Lets clients in the local network find this server.
 */

import { X509Certificate } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { dirname, join } from "node:path";
import { getLog } from "../observability/log.ts";
import { TokenBucket } from "../common/rate_limit.ts";
import { type Announcement, discoveryPlace, encodeAnnouncement, isQuestion } from "../wire/discovery.ts";

/** Settings and ports of a responder. */
export interface DiscoveryOptions {
  readonly server: string;
  /** The address that the server listens on. */
  readonly host: string;
  readonly port: number;
  /** The certificate's file, PEM, with its authority's beside it; read at each question, as it may be replaced. */
  readonly certFile: string;
  /** The multicast group and the UDP port of questions; no group is joined where it is undefined. */
  readonly place?: { readonly group: string | undefined; readonly port: number };
  /** Milliseconds since some fixed moment. */
  readonly now?: () => number;
}

/** How many questions are answered a second, and at once. */
const [answersPerSecond, answersAtOnce] = [20, 20];

const log = getLog("server");

/**
 * Answers questions of clients, and sends nothing unless it is asked.
 *
 * Several servers of one machine share the port, and each answers. An answer is never longer than its question, and at
 * most a few are sent in a second.
 */
export class DiscoveryResponder implements AsyncDisposable {
  /** The UDP port that it hears on. */
  readonly port: number;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
  }

  /** Starts to answer. Where that cannot be, logs a warning and returns undefined. */
  static async start(options: DiscoveryOptions): Promise<DiscoveryResponder | undefined> {
    const { place = discoveryPlace, host } = options;
    if (place.group !== undefined && /^(127\.|::1$|localhost$)/.test(host)) {
      log.warn("discovery_unavailable", { reason: `the server listens on ${host}, which no other machine reaches` });
      return undefined;
    }
    const { now = () => performance.now() } = options;
    const bucket = new TokenBucket({ rate: answersPerSecond, burst: answersAtOnce, now });
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    socket.on("message", (question, { address, port }) => {
      if (!isQuestion(question) || !bucket.take()) return;
      try {
        socket.send(encodeAnnouncement(announcementOf(options)), port, address, () => {});
      } catch (error) {
        log.warn("discovery_unavailable", { reason: (error as Error).message });
      }
    });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.bind(place.port, () => resolve());
      });
      if (place.group !== undefined) socket.addMembership(place.group);
    } catch (error) {
      log.warn("discovery_unavailable", { reason: (error as Error).message });
      await close(socket);
      return undefined;
    }
    socket.removeAllListeners("error");
    socket.on("error", (error) => log.warn("discovery_unavailable", { reason: error.message }));
    return new DiscoveryResponder(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await close(this.#socket);
  }
}

function announcementOf({ server, port, certFile }: DiscoveryOptions): Announcement {
  const leaf = new X509Certificate(Deno.readTextFileSync(certFile));
  return { server, host: hostName(), port, fingerprint: leaf.fingerprint256, ca: authorityOf(leaf, certFile) };
}

function authorityOf(leaf: X509Certificate, certFile: string): string | undefined {
  try {
    const ca = new X509Certificate(Deno.readTextFileSync(join(dirname(certFile), "ca.pem")));
    return leaf.verify(ca.publicKey) ? ca.fingerprint256 : undefined;
  } catch {
    return undefined; // there is no such file, or another program's by that name
  }
}

function hostName(): string | undefined {
  return Deno.permissions.querySync({ name: "sys", kind: "hostname" }).state === "granted"
    ? Deno.hostname().toLowerCase()
    : undefined;
}

function close(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    try {
      socket.close(() => resolve());
    } catch {
      resolve(); // it was never open
    }
  });
}
