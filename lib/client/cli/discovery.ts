/**
 * `chat --discover`: asks the local network which servers are there.
 *
 * An answer is a hint, for anybody can answer. It connects to nobody: who a server is, its certificate tells those who
 * connect.
 */

import { X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { type Announcement, discoveryPlace, encodeQuestion, parseAnnouncement } from "../../wire/discovery.ts";
import { formatServer } from "../base/address.ts";
import { type Clock, pause, systemClock } from "../../common/time.ts";
import { ClientError, type Exit } from "../base/exit.ts";
import { readCa } from "./files.ts";
import { note } from "../terminal/render.ts";

/** A server that answered. */
export interface FoundServer extends Announcement {
  /** Where the answer came from. */
  readonly address: string;
}

/** How servers are looked for. */
export interface DiscoverOptions {
  /** Where the question is sent. */
  readonly place?: { readonly group: string; readonly port: number };
  /** How long answers are waited for, in milliseconds; 1,500 by default. */
  readonly waitMs?: number;
  /** Ends the waiting early. */
  readonly signal?: AbortSignal;
  /** Called with each server when it is first heard of. */
  readonly onFound?: (found: FoundServer) => void;
  readonly clock?: Clock;
}

/** More answers than this are no office's network. */
const maxFound = 256;

/**
 * Asks, and waits for answers.
 *
 * @returns each server once, in the order of their names
 * @throws {ClientError} `unreachable` when the network cannot be asked
 */
export async function discover(options: DiscoverOptions = {}): Promise<FoundServer[]> {
  const { place = discoveryPlace, waitMs = 1_500, clock = systemClock, onFound = () => {} } = options;
  const found = new Map<string, FoundServer>();
  const failure = Promise.withResolvers<never>();
  const socket = createSocket({ type: "udp4" });
  const fail = (error: Error) => {
    failure.reject(new ClientError("unreachable", `The network cannot be asked: ${error.message}`, { cause: error }));
  };
  socket.on("error", fail);
  socket.on("message", (datagram, { address }) => {
    const announcement = parseAnnouncement(datagram);
    if (!announcement) return;
    const key = `${address} ${announcement.port} ${announcement.server}`;
    if (found.has(key) || found.size >= maxFound) return;
    const server = { ...announcement, address };
    found.set(key, server);
    onFound(server);
  });
  try {
    const bound = new Promise<void>((resolve) => socket.bind(0, () => resolve()));
    await Promise.race([bound, failure.promise]);
    const over = pause(waitMs, options.signal, clock);
    const ask = () => socket.send(encodeQuestion(), place.port, place.group, (error) => error && fail(error));
    ask();
    // A datagram may be lost: the question is put twice.
    await Promise.race([pause(waitMs / 3, options.signal, clock), failure.promise]);
    if (!options.signal?.aborted) ask();
    await Promise.race([over, failure.promise]);
  } finally {
    failure.promise.catch(() => {});
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
  return [...found.values()].sort((a, b) => a.server < b.server ? -1 : a.server > b.server ? 1 : a.port - b.port);
}

/** Lists the servers that answer. */
export async function runDiscover(
  { out, err }: { out(lines: readonly string[]): Promise<void>; err(lines: readonly string[]): Promise<void> },
  options: DiscoverOptions = {},
): Promise<Exit> {
  const servers = await discover(options);
  if (servers.length === 0) {
    throw new ClientError("unreachable", "No server answered; those answer that were started with DISCOVERY=on");
  }
  const authorities = fingerprintsOf(readCa(undefined));
  await out(servers.flatMap((server) => linesOf(server, authorities)));
  await err([note("These are hints, which anybody can send: the certificate tells who a server is")]);
  return "ok";
}

function linesOf({ server, host, address, port, fingerprint, ca }: FoundServer, authorities: Set<string>): string[] {
  const name = formatServer({ host: host ?? address, port });
  const trusted = ca !== undefined && authorities.has(ca);
  const way = trusted ? `chat ${name}` : `chat --tofu ${name}`;
  return [`${server} at ${formatServer({ host: address, port })}: ${way}`, `  SHA-256 ${fingerprint}`];
}

function fingerprintsOf(pem: string | undefined): Set<string> {
  const certificates = pem?.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g) ?? [];
  return new Set(certificates.flatMap((text) => {
    try {
      return [new X509Certificate(text).fingerprint256];
    } catch {
      return []; // one that cannot be read is not trusted either
    }
  }));
}
