/** A connection's other end, as limits count it. */
export interface Peer {
  /** Its IP address; an IPv4 address that came mapped into IPv6 is shown as IPv4. */
  readonly address: string;
  /** What is counted: the IPv4 address, or the IPv6 network of 64 bits, of which every host has as many addresses as it likes. */
  readonly network: string;
}

/**
 * Who is at the other end.
 *
 * @param host the address as the system gives it
 */
export function peerOf(host: string): Peer {
  const address = host.split("%")[0].toLowerCase(); // behind the % stands the interface
  const groups = parseIpv6(address);
  if (!groups) return { address, network: address };
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) {
    const ipv4 = groups.slice(6).flatMap((group) => [group >> 8, group & 255]).join(".");
    return { address: ipv4, network: ipv4 };
  }
  return { address, network: `${groups.slice(0, 4).map((group) => group.toString(16)).join(":")}::/64` };
}

/** The eight groups of an IPv6 address; undefined where the text is none. */
function parseIpv6(text: string): number[] | undefined {
  if (!text.includes(":")) return undefined;
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const hex = (high: string, low: string) => (Number(high) * 256 + Number(low)).toString(16);
  const whole = dotted ? `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}` : text;
  const [head, tail] = whole.split("::").map((part) => part === "" ? [] : part.split(":"));
  const missing = tail ? 8 - head.length - tail.length : 0;
  const words = tail ? [...head, ...Array<string>(Math.max(0, missing)).fill("0"), ...tail] : head;
  const groups = words.map((word) => /^[0-9a-f]{1,4}$/.test(word) ? parseInt(word, 16) : NaN);
  return groups.length === 8 && !groups.some(Number.isNaN) ? groups : undefined;
}
