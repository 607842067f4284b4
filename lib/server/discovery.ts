/**
 * Lets clients in the local network find this server.
 */

import { X509Certificate } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { getLog } from "../observability/log.ts";
import { TokenBucket } from "../common/rate_limit.ts";
import { readTextFile } from "../common/text_file.ts";
import type { Config } from "../config/config.ts";
import { lobby } from "../wire/names.ts";
import {
  type Announcement,
  type DiscoveryPlace,
  discoveryTtl,
  encodeAnnouncement,
  formerPlace,
  isQuestion,
} from "../wire/discovery.ts";

/** Settings and ports of a responder. */
export interface DiscoveryOptions {
  readonly server: string;
  /** The address that the server listens on. */
  readonly host: string;
  readonly port: number;
  /** The certificate's file, PEM, with its authority's beside it; read at each question, as it may be replaced. */
  readonly certFile: string;
  /** Where questions are heard: each place once. */
  readonly places: readonly DiscoveryPlace[];
  /** The rooms to name; read at each question. */
  readonly config: Pick<Config, "rooms">;
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
  /** The UDP ports that it hears on. */
  readonly ports: readonly number[];
  readonly #sockets: readonly Socket[];

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
    this.ports = sockets.map((socket) => socket.address().port);
  }

  /** Starts to answer. Where it cannot answer in any place, logs a warning and returns undefined. */
  static async start(options: DiscoveryOptions): Promise<DiscoveryResponder | undefined> {
    const { places, host, now = () => performance.now() } = options;
    if (places.some(({ group }) => group !== undefined) && /^(127\.|::1$|localhost$)/.test(host)) {
      log.warn("discovery_unavailable", { reason: `the server listens on ${host}, which no other machine reaches` });
      return undefined;
    }
    const bucket = new TokenBucket({ rate: answersPerSecond, burst: answersAtOnce, now });
    const answer = (question: Uint8Array) =>
      isQuestion(question) && bucket.take() ? encodeAnnouncement(announcementOf(options)) : undefined;
    const sockets = await Promise.all(places.map((place) => listen(place, answer)));
    const open = sockets.filter((socket) => socket !== undefined);
    return open.length === 0 ? undefined : new DiscoveryResponder(open);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sockets.map(close));
  }
}

/** The places where a server with this configuration hears questions: its own, and that of earlier clients. */
export function discoveryPlaces({ discoveryGroup, discoveryPort }: PlaceConfig): readonly DiscoveryPlace[] {
  const own = { group: discoveryGroup, port: discoveryPort };
  return isDeepStrictEqual(own, formerPlace) ? [own] : [own, formerPlace];
}

type PlaceConfig = Pick<Config, "discoveryGroup" | "discoveryPort">;

/** @returns undefined where nothing can be heard there: the log says why */
async function listen(
  { group, port }: DiscoveryPlace,
  answer: (question: Uint8Array) => Uint8Array | undefined,
): Promise<Socket | undefined> {
  const unavailable = (error: Error) =>
    log.warn("discovery_unavailable", { place: `${group}:${port}`, reason: error.message });
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  socket.on("message", (question, from) => {
    try {
      const datagram = answer(question);
      if (datagram) socket.send(datagram, from.port, from.address, () => {});
    } catch (error) {
      unavailable(error as Error);
    }
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(port, () => resolve());
    });
    if (group !== undefined) {
      socket.addMembership(group);
      socket.setTTL(discoveryTtl);
    }
  } catch (error) {
    unavailable(error as Error);
    await close(socket);
    return undefined;
  }
  socket.removeAllListeners("error");
  socket.on("error", unavailable);
  return socket;
}

function announcementOf({ server, port, certFile, config }: DiscoveryOptions): Announcement {
  const leaf = new X509Certificate(readTextFile(certFile));
  const [fingerprint, ca] = [leaf.fingerprint256, authorityOf(leaf, certFile)];
  // Every server has the lobby: to name it would tell nothing.
  const rooms = config.rooms.filter((room) => room !== lobby).sort();
  return { server, host: hostName(), port, fingerprint, ca, rooms };
}

function authorityOf(leaf: X509Certificate, certFile: string): string | undefined {
  try {
    const ca = new X509Certificate(readTextFile(join(dirname(certFile), "ca.pem")));
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
