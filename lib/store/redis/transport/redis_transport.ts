/** What Redis answers, in RESP 2. */
export type Answer = string | number | null | Answer[];

/** What a link tells its owner. */
export interface RedisTransportEvents {
  /** Commands are answered again after they were not; the data may be older than it was. */
  back(): void;
  /** Channels are heard again after they were not: something may have been missed. */
  interrupted(): void;
  /** A connection broke or could not be made; it is tried again. */
  fault(error: unknown): void;
}

/** One way to reach Redis, as the gateway needs it: the same for every topology. */
export interface RedisTransport {
  /** Whether commands and channels work. */
  readonly ready: boolean;
  /** Whether one script may have keys of several slots: it is known that this is no cluster. */
  readonly spansSlots: boolean;
  /** Connects. @throws {Error} where that cannot be done; then the link is to be closed */
  open(): Promise<void>;
  /**
   * Sends a command; those for one key take effect in the order of the calls. It is never sent twice, and never kept for
   * later: while the connection is away, it fails at once.
   *
   * @param key decides where it goes
   */
  send(key: string, args: readonly string[]): Promise<Answer>;
  /** Loads a script where those for this key are run. */
  load(key: string, script: string): Promise<void>;
  /** The servers that have keys, each to be asked by itself. */
  masters(): Promise<readonly Master[]>;
  /** Names the server that commands for this key go to: what one of them does not answer, another may. */
  whereIs(key: string): string;
  /** Listens to a sharded channel. */
  listen(channel: string, hear: (message: string) => void): Promise<void>;
  /** Listens to it no longer. */
  ignore(channel: string): Promise<void>;
  /**
   * Gives up the connections to a server that is the wrong one, and looks anew where the right one is; what was under way
   * fails. In a cluster the client finds that out by itself.
   *
   * @returns whether there was a connection to give up
   */
  reconnect(): boolean;
  /** Makes the connections anew that channels are heard on. */
  relisten(): Promise<void>;
  /** Ends everything; resolves when nothing is under way any more. */
  close(): Promise<void>;
}

/** Where Redis is: one server, one behind sentinels, or a cluster. */
export interface RedisAddress {
  /** `redis://` or `rediss://`, with password and database; goes before host, port and database. */
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly database?: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Whom to trust, where TLS is spoken: with Redis, with every node of a cluster, and with sentinels. */
  readonly tls?: RedisTls | undefined;
  /** Sentinels that know the master by its name. */
  readonly sentinels?: readonly HostPort[];
  /** What the sentinels themselves ask for. */
  readonly sentinelLogin?: RedisLogin;
  readonly masterName?: string;
  /** Some nodes of a cluster; the others are found. */
  readonly clusterNodes?: readonly HostPort[];
}

/** Whom to trust. */
export interface RedisTls {
  /** The authorities, PEM; the well-known ones where it is not given. */
  readonly ca?: string;
}

/** Who to log in as, and with what. */
export interface RedisLogin {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** A network address. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** One server that has keys. */
export interface Master {
  /** Where it is; empty where there is only one. */
  readonly name: string;
  send(args: readonly string[]): Promise<Answer>;
}
