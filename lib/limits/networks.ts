import { BlockList, isIP } from "node:net";
import type { NetworkBan } from "../store/network_bans.ts";
import { type Peer, peerOf } from "./peer.ts";

/** The rule for networks, in words. */
export const networkRule = "an address such as 203.0.113.7 or 2001:db8::7, or a network such as 203.0.113.0/24";

/**
 * A network as bans name it: an address, or an address with the length of its prefix, which the address has no bits
 * behind.
 *
 * @returns undefined where the text is none
 */
export function parseNetwork(text: string): string | undefined {
  const [given, prefix, ...rest] = text.trim().split("/");
  const { address } = peerOf(given);
  const bits = widthOf(address);
  if (bits === 0 || rest.length > 0 || given.includes("%")) return undefined;
  if (prefix === undefined) return canonical(address, bits);
  // An IPv4 address that is written as IPv6 is one of 32 bits, and its prefix counts those before as well.
  const length = /^\d{1,3}$/.test(prefix) ? Number(prefix) - (widthOf(given) - bits) : -1;
  if (length < 1 || length > bits) return undefined; // /0 would be everybody
  return length === bits ? canonical(address, bits) : `${canonical(address, length)}/${length}`;
}

/** Which networks are banned, as this server knows it. */
export class BannedNetworks {
  #bans: readonly { readonly ban: NetworkBan; readonly list: BlockList }[] = [];

  /** Takes the list as it is now. */
  set(bans: readonly NetworkBan[]): void {
    this.#bans = bans.map((ban) => ({ ban, list: listOf(ban.network) }));
  }

  /** The ban that a client falls under; undefined where there is none that lasts. */
  of({ address }: Peer, now: number): NetworkBan | undefined {
    const family = widthOf(address) === 32 ? "ipv4" : "ipv6";
    return this.#bans.find(({ ban: { until = Infinity }, list }) => until > now && list.check(address, family))?.ban;
  }
}

function listOf(network: string): BlockList {
  const [address, prefix] = network.split("/");
  const bits = widthOf(address);
  const list = new BlockList();
  list.addSubnet(address, prefix === undefined ? bits : Number(prefix), bits === 32 ? "ipv4" : "ipv6");
  return list;
}

/** How many bits an address has; 0 where the text is none. */
function widthOf(text: string): number {
  return [0, 32, 128][[0, 4, 6].indexOf(isIP(text))];
}

/** An address in its shortest form, without the bits behind a prefix. */
function canonical(address: string, length: number): string {
  if (widthOf(address) === 32) {
    const bytes = address.split(".").map((part, index) => Number(part) & maskOf(length - index * 8, 8));
    return bytes.join(".");
  }
  const host = new URL(`http://[${address}]`).hostname.slice(1, -1); // the URL standard has the shortest form
  if (length === 128) return host;
  const [head, tail] = host.split("::").map((part) => part === "" ? [] : part.split(":"));
  const zeros = tail ? Array<string>(8 - head.length - tail.length).fill("0") : [];
  const groups = [...head, ...zeros, ...tail ?? []];
  const kept = groups.map((group, index) => (parseInt(group, 16) & maskOf(length - index * 16, 16)).toString(16));
  return canonical(kept.join(":"), 128);
}

/** The first bits of so many. */
function maskOf(length: number, bits: number): number {
  const kept = Math.max(0, Math.min(bits, length));
  return (2 ** bits - 1) - (2 ** (bits - kept) - 1);
}
