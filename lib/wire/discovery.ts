/** How a server is found in a local network: one question to all, one answer from each server, as JSON over UDP. */

import { isRoom } from "./names.ts";

/** Where questions are sent: a multicast group, and a UDP port. */
export interface DiscoveryPlace {
  /** An IPv4 address; undefined where no group is joined. */
  readonly group: string | undefined;
  readonly port: number;
}

/** Where questions are sent unless another place is configured. */
export const defaultPlace = { group: "224.1.1.1", port: 12348 } as const;

/** Where earlier clients ask and earlier servers answer: an organisation's own addresses (RFC 2365). */
export const formerPlace = { group: "239.255.67.72", port: 42428 } as const;

/** Questions and answers do not leave the network that they are sent in: no router passes them on. */
export const discoveryTtl = 1;

/** Whether a text is an IPv4 multicast address. */
export function isMulticastGroup(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255) &&
    Number(parts[0]) >= 224 && Number(parts[0]) <= 239;
}

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
  /** Rooms that everybody may join, besides the lobby; as many as the answer has space for. */
  readonly rooms: readonly string[];
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

/** An answer, no longer than its question: rooms that do not fit are left out, the last ones first. */
export function encodeAnnouncement({ rooms, ...announcement }: Announcement): Uint8Array<ArrayBuffer> {
  const encode = (rooms: readonly string[]) =>
    new TextEncoder().encode(JSON.stringify({ chat: "server", version, ...announcement, rooms }));
  let left = datagramBytes - encode([]).length + 1; // the first room has no comma before it
  const fitting = rooms.findIndex((room) => (left -= JSON.stringify(room).length + 1) < 0);
  return encode(fitting < 0 ? rooms : rooms.slice(0, fitting));
}

/** Reads an answer; undefined where the datagram is not an answer, or holds anything that may not be shown. */
export function parseAnnouncement(datagram: Uint8Array): Announcement | undefined {
  if (datagram.length > datagramBytes) return undefined;
  const value = parse(datagram);
  if (value?.chat !== "server" || value.version !== version) return undefined;
  const { server, host, port, fingerprint, ca, rooms = [] } = value; // earlier servers name no rooms
  if (!isText(server, serverName) || !isPort(port) || !isText(fingerprint, sha256)) return undefined;
  if (host !== undefined && !isText(host, hostName)) return undefined;
  if (ca !== undefined && !isText(ca, sha256)) return undefined;
  if (!Array.isArray(rooms) || !rooms.every((room) => typeof room === "string" && isRoom(room))) return undefined;
  return { server, host, port, fingerprint, ca, rooms: [...new Set<string>(rooms)] };
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
