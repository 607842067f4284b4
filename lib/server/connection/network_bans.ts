import { BannedNetworks } from "../../limits/networks.ts";
import type { Peer } from "../../limits/peer.ts";
import type { Log } from "../../observability/log.ts";
import type { NetworkBan, NetworkBans } from "../../store/network_bans.ts";
import type { SystemEvent } from "../../wire/event.ts";

/** A connection that may come from a banned network. */
export interface BannedConnection {
  readonly peer: Peer;
  readonly closed: boolean;
  end(last: SystemEvent): void;
}

/**
 * Ends connections from banned networks, and tells their clients why.
 *
 * The list is read at the start, at an operator's word, and now and then in case that word was lost.
 */
export class NetworkBanGate {
  readonly #bans: Pick<NetworkBans, "list">;
  readonly #connections: () => Iterable<BannedConnection>;
  readonly #log: Pick<Log, "info">;
  readonly #now: () => number;
  readonly #banned = new BannedNetworks();

  constructor(
    bans: Pick<NetworkBans, "list">,
    connections: () => Iterable<BannedConnection>,
    log: Pick<Log, "info">,
    now: () => number = Date.now,
  ) {
    this.#bans = bans;
    this.#connections = connections;
    this.#log = log;
    this.#now = now;
  }

  /**
   * Reads the list, and ends the connections from networks on it.
   *
   * @returns how many were ended
   * @throws {ChatError} `store_unavailable`: the list is what it was
   */
  async refresh(): Promise<number> {
    this.#banned.set(await this.#bans.list());
    let ended = 0;
    for (const connection of this.#connections()) if (!connection.closed && this.refuse(connection)) ended++;
    if (ended > 0) this.#log.info("banned_connections_closed", { connections: ended });
    return ended;
  }

  /** Ends a connection that comes from a banned network. @returns whether it does */
  refuse(connection: BannedConnection): boolean {
    const ban = this.#banned.of(connection.peer, this.#now());
    if (ban) connection.end({ type: "system", code: "forced_logout", message: messageOf(ban) });
    return ban !== undefined;
  }
}

/** The code tells bundled clients not to come back by themselves. */
function messageOf({ reason, until }: NetworkBan): string {
  const end = until === undefined ? "" : ` until ${new Date(until).toISOString()}`;
  return `Your address is banned${end}${reason === "" ? "" : `: ${reason}`}`;
}
