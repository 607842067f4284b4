/** The most that clients of one network who are not logged in may keep of unfinished lines, in bytes. */
export const maxNetworkBytes = 1_048_576;

/** A client that is not logged in. */
export interface Guest {
  readonly network: string;
  /** It is to be refused, since its network keeps too much. */
  giveUp(): void;
}

interface Held {
  bytes: number;
  readonly guests: Map<Guest, number>;
}

/**
 * What the unfinished lines of clients take that are not logged in, by network.
 *
 * Anybody can begin a line and leave it at that. Where a network keeps too much, its client with the longest one is
 * refused; no other network notices.
 */
export class GuestBuffers {
  readonly #limit: number;
  readonly #networks = new Map<string, Held>();

  /** @param limit bytes of one network */
  constructor(limit: number = maxNetworkBytes) {
    this.#limit = limit;
  }

  /** A client's unfinished line takes so many bytes now; 0 where there is none, or where it is no guest any more. */
  hold(guest: Guest, bytes: number): void {
    const { network } = guest;
    const held = this.#networks.get(network) ?? { bytes: 0, guests: new Map() };
    const before = held.guests.get(guest) ?? 0;
    if (before === bytes) return;
    held.bytes += bytes - before;
    if (bytes > 0) held.guests.set(guest, bytes);
    else held.guests.delete(guest);
    if (held.guests.size > 0) this.#networks.set(network, held);
    else this.#networks.delete(network);
    if (held.bytes > this.#limit) this.#giveUpLargest(held);
  }

  #giveUpLargest({ guests }: Held): void {
    let [largest, most]: [Guest | undefined, number] = [undefined, 0];
    for (const [guest, bytes] of guests) if (bytes > most) [largest, most] = [guest, bytes];
    if (!largest) return;
    this.hold(largest, 0);
    largest.giveUp();
  }
}
