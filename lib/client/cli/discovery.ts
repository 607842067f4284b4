/**
 * Asks the local network which servers are there.
 *
 * An answer is a hint, for anybody can answer. This connects to nobody: who a server is, its certificate tells those
 * who connect.
 */

import { createSocket } from "node:dgram";
import {
  type Announcement,
  defaultPlace,
  discoveryTtl,
  encodeQuestion,
  formerPlace,
  parseAnnouncement,
} from "../../wire/discovery.ts";
import { type Clock, pause, systemClock } from "../../common/time.ts";
import { ClientError } from "../base/exit.ts";
import type { Place } from "./options/option_values.ts";

/** A server that answered. */
export interface FoundServer extends Announcement {
  /** Where the answer came from. */
  readonly address: string;
}

/** How servers are looked for. */
export interface DiscoverOptions {
  /** Where the question is sent. */
  readonly places?: readonly Place[];
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
  const { places = [defaultPlace, formerPlace], waitMs = 1_500, clock = systemClock, onFound = () => {} } = options;
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
    socket.setMulticastTTL(discoveryTtl);
    const ask = () => {
      for (const { port, group } of places) socket.send(encodeQuestion(), port, group, (error) => error && fail(error));
    };
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
