/**
 * Where servers are: reading `host[:port][,host2[:port]…]` or a bare port.
 */

import { ClientError } from "./exit.ts";

/** Where a server listens. */
export interface ServerAddress {
  /** A name or an address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** What {@linkcode parseServers} allows, in words. */
export const serversRule = "host, host:port, [ipv6]:port or port, several of them with commas between";

/**
 * Reads a list of servers.
 *
 * @param text such as `chat.example`, `[::1]:8001`, `8000` or `one.example,two.example:8001`
 * @param defaultPort the port of those that name none
 * @returns at least one
 * @throws {ClientError} `usage` when a part has none of these forms
 *
 * @example
 * ```ts
 * import { parseServers } from "./address.ts";
 *
 * const [first, second] = parseServers("one.example,8001", 8000);
 * if (first.port !== 8000 || second.host !== "localhost") throw new Error("defaults were not used");
 * ```
 */
export function parseServers(text: string, defaultPort: number): ServerAddress[] {
  return text.split(",").map((part) => parseServer(part.trim(), defaultPort));
}

/**
 * Reads a port.
 *
 * @returns undefined where the text is no port
 */
export function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** A server as people write it: `localhost:8000`, `[::1]:8000`. */
export function formatServer({ host, port }: ServerAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseServer(part: string, defaultPort: number): ServerAddress {
  const wrong = () => new ClientError("usage", `"${part}" is not a server; allowed: ${serversRule}`);
  if (/^\d+$/.test(part)) {
    const port = parsePort(part);
    if (port === undefined) throw new ClientError("usage", `"${part}" is not a port; allowed: 1 to 65535`);
    return { host: "localhost", port };
  }
  const bracketed = /^\[([0-9a-f:.]*:[0-9a-f:.]*)\](?::(.*))?$/i.exec(part);
  if (bracketed) return { host: bracketed[1], port: portOf(bracketed[2], defaultPort, part) };
  if (/^[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*$/i.test(part)) return { host: part, port: defaultPort };
  const named = /^([a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_.])?)(?::(.*))?$/i.exec(part);
  if (!named) throw wrong();
  return { host: named[1], port: portOf(named[2], defaultPort, part) };
}

function portOf(text: string | undefined, defaultPort: number, part: string): number {
  if (text === undefined) return defaultPort;
  const port = parsePort(text);
  if (port === undefined) {
    throw new ClientError("usage", `"${text}" in "${part}" is not a port; allowed: 1 to 65535`);
  }
  return port;
}
