/** How a server is found in a local network: one question to all, one answer from each server, as JSON over UDP. */

/** Where questions are sent: an address that stays within an organisation's network (RFC 2365), and a port. */
export const discoveryPlace = { group: "239.255.67.72", port: 42428 } as const;

/**
 * The length of every question, and the longest answer, in bytes. A question is as long as any answer, so that a forged
 * sender is sent no more than was sent in its name.
 */
export const datagramBytes = 640;

/** What a server says of itself. It is a hint, since anybody can send one: TLS proves who a server is. */
export interface Announcement {
  /** The server's own name. */
  readonly server: string;
  /** A host's name under which its certificate may hold; undefined where it knows none. */
  readonly host: string | undefined;
  readonly port: number;
  /** SHA-256 of its certificate, in hexadecimal with colons. */
  readonly fingerprint: string;
  /** SHA-256 of its authority's certificate, likewise; undefined where it has none of its own. */
  readonly ca: string | undefined;
}

const version = 1;
const sha256 = /^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/;
const hostName = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;
const serverName = /^[A-Za-z0-9_.-]{1,64}$/;

/** A question, padded to its length. */
export function encodeQuestion(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(datagramBytes).fill(0x20);
  new TextEncoder().encodeInto(JSON.stringify({ chat: "who is there?", version }), bytes);
  return bytes;
}

/** Whether a datagram is a question that this version answers. */
export function isQuestion(datagram: Uint8Array): boolean {
  if (datagram.length < datagramBytes) return false;
  const value = parse(datagram);
  return value?.chat === "who is there?" && value.version === version;
}

/** An answer. */
export function encodeAnnouncement(announcement: Announcement): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify({ chat: "server", version, ...announcement }));
}

/** Reads an answer; undefined where the datagram is not an answer, or holds anything that may not be shown. */
export function parseAnnouncement(datagram: Uint8Array): Announcement | undefined {
  if (datagram.length > datagramBytes) return undefined;
  const value = parse(datagram);
  if (value?.chat !== "server" || value.version !== version) return undefined;
  const { server, host, port, fingerprint, ca } = value;
  if (!isText(server, serverName) || !isPort(port) || !isText(fingerprint, sha256)) return undefined;
  if (host !== undefined && !isText(host, hostName)) return undefined;
  if (ca !== undefined && !isText(ca, sha256)) return undefined;
  return { server, host, port, fingerprint, ca };
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
}

function parse(datagram: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(datagram));
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}
