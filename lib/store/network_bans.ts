/** A network that no client may come from. */
export interface NetworkBan {
  /** An address, or a network as address and prefix, as `lib/limits/networks.ts` writes it. */
  readonly network: string;
  /** What its clients are told, besides how long it lasts; may be empty. */
  readonly reason: string;
  /** Which operator made it. */
  readonly by: string;
  /** When it ends, in milliseconds since 1970; undefined where it does not end by itself. */
  readonly until?: number;
}

/** Networks that are banned from all servers. It knows no connection: servers read the list and keep to it. */
export interface NetworkBans {
  /** All bans whose end has not come, sorted by network. */
  list(): Promise<NetworkBan[]>;
  /** Bans a network, in place of an earlier ban of it. */
  put(ban: NetworkBan): Promise<void>;
  /** @returns false where the network is not banned */
  remove(network: string): Promise<boolean>;
}

/** Bans that have not ended, sorted by network. */
export function lastingBans(bans: readonly NetworkBan[], now: number): NetworkBan[] {
  return bans.filter(({ until = Infinity }) => until > now)
    .sort((one, other) => one.network < other.network ? -1 : 1);
}
