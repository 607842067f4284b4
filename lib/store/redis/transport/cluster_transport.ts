import { createCluster, ErrorReply } from "redis";
import { backoff, pause } from "../../../common/time.ts";
import { type Client, clientOptions, RedisConnection, socketOptions } from "./redis_connection.ts";
import type {
  Answer,
  HostPort,
  Master,
  RedisAddress,
  RedisTransport,
  RedisTransportEvents,
} from "./redis_transport.ts";
import { slotOf } from "./slot.ts";

/** How often it is looked whether slots have moved, in milliseconds; that costs one comparison. */
const lookMs = 100;

/** How long a node that is gone is waited for between two attempts. */
const reconnecting = { firstMs: 30, maxMs: 600, jitter: 0.4 };

/** @param onWait told how long the client waits before it connects to a node again, in milliseconds */
function makeCluster(address: RedisAddress, timeoutMs: number, onWait: (ms: number) => void) {
  return createCluster({
    RESP: 2, // the nodes take it from here, not from their defaults
    rootNodes: (address.clusterNodes ?? []).map(({ host, port }) => ({
      ...clientOptions(address, timeoutMs),
      socket: { host, port, ...socketOptions(address, timeoutMs), reconnectStrategy: false as const },
    })),
    defaults: {
      ...clientOptions(address, timeoutMs),
      socket: {
        ...socketOptions(address, timeoutMs),
        reconnectStrategy: (tries: number) => {
          const wait = backoff(tries, reconnecting);
          onWait(wait);
          return wait;
        },
      },
    },
    // A node that is gone for good is replaced by another: look soon, since until then its slots are away.
    topologyRefreshOnReconnectionAttemptStrategy: 500,
  });
}

const nameOf = ({ host, port }: HostPort) => `${host}:${port}`;

/**
 * The way to a Redis Cluster. Which keys are together in a slot is decided by {@linkcode Keys}.
 *
 * For commands the official client finds the nodes, follows slots that move, and connects again. Channels have
 * connections of their own, one to each master that carries some: the official client does not tell when a channel is
 * heard again, nor when it could not be subscribed to on the node that its slot has moved to.
 */
export class ClusterTransport implements RedisTransport {
  readonly #cluster: ReturnType<typeof makeCluster>;
  readonly #address: RedisAddress;
  readonly #timeoutMs: number;
  readonly #events: RedisTransportEvents;
  readonly #heard = new Map<string, (message: string) => void>();
  /** One for all channels: a connection calls it once for a message, however often it was told to. */
  readonly #hear = (message: string, channel: string): void => {
    if (!this.#unheard.has(channel)) this.#heard.get(channel)?.(message);
  };
  /** Channels whose listeners are to be told of an interruption before they hear anything. */
  readonly #unheard = new Set<string>();
  /** Channel → the master on whose line it is. */
  readonly #places = new Map<string, string>();
  /** Master → the connection that its channels are heard on. */
  readonly #lines = new Map<string, RedisConnection>();
  readonly #opening = new Map<string, Promise<unknown>>();
  readonly #away = new Set<string>();
  /** Whether a node has been away since all were last there. */
  #wasAway = false;
  #open = false;
  /** When the client's last wait is over, whose timer outlives the connection that it is for. */
  #idleFrom = 0;
  #look: ReturnType<typeof setInterval> | undefined;
  /** The assignment of slots that channels have been placed by; the client makes a new one whenever it looks. */
  #slots: unknown;

  /** @param timeoutMs how long a node may be silent */
  constructor(address: RedisAddress, timeoutMs: number, events: RedisTransportEvents) {
    this.#address = address;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
    this.#cluster = makeCluster(address, timeoutMs, (ms) => {
      this.#idleFrom = Math.max(this.#idleFrom, performance.now() + ms);
    });
    this.#cluster.on("error", (error) => events.fault(error));
    this.#cluster.on("node-error", (error: unknown, node: HostPort) => {
      this.#away.add(nameOf(node));
      this.#wasAway = true;
      events.fault(error);
    });
    this.#cluster.on("node-ready", (node: HostPort) => {
      // The node itself is back, or another has taken the place of one that is away, perhaps with less data than that
      // had. A node that is met for the first time while none is away changes nothing.
      const { size } = this.#away;
      this.#away.delete(nameOf(node));
      if (!this.#open || !this.#wasAway) return;
      if (size === 0 || this.#away.size === 0) this.#wasAway = false;
      queueMicrotask(() => events.back());
    });
    this.#cluster.on("node-disconnect", (node: HostPort) => this.#away.delete(nameOf(node)));
  }

  get spansSlots(): boolean {
    return false;
  }

  get ready(): boolean {
    const masters = this.#cluster.masters.map(nameOf);
    return this.#open && masters.length > 0 && !masters.some((address) => this.#away.has(address)) &&
      this.#lines.values().every(({ client }) => client !== undefined);
  }

  async open(): Promise<void> {
    await this.#cluster.connect();
    this.#open = true;
    this.#slots = this.#cluster.slots;
    this.#look = setInterval(() => this.#follow(), lookMs);
  }

  whereIs(key: string): string {
    return this.#masterOf(key) ?? "";
  }

  send(key: string, args: readonly string[]): Promise<Answer> {
    return this.#cluster.sendCommand<Answer>(key, false, [...args]);
  }

  /** Any other master may be asked for the key as well, while its slot moves; one that is away holds nothing up. */
  async load(key: string, script: string): Promise<void> {
    const loads = this.#cluster.masters.map(async (master) => {
      const client = await this.#cluster.nodeClient(master);
      await client.sendCommand(["SCRIPT", "LOAD", script]);
    });
    void Promise.allSettled(loads);
    await loads[this.#cluster.masters.findIndex(({ address }) => address === this.#masterOf(key))];
  }

  masters(): Promise<readonly Master[]> {
    return Promise.all(this.#cluster.masters.map(async (master) => {
      const client = await this.#cluster.nodeClient(master);
      return { name: master.address, send: (args) => client.sendCommand<Answer>([...args]) };
    }));
  }

  async listen(channel: string, hear: (message: string) => void): Promise<void> {
    this.#heard.set(channel, hear);
    try {
      if (!await this.#place(channel)) throw new Error("the master that has the channel is away");
      this.#unheard.delete(channel);
    } catch (error) {
      this.#heard.delete(channel);
      this.#unheard.delete(channel);
      this.#places.delete(channel);
      throw error;
    }
  }

  async ignore(channel: string): Promise<void> {
    this.#heard.delete(channel);
    this.#unheard.delete(channel);
    await this.#unplace(channel);
  }

  // deno-lint-ignore require-await
  async relisten(): Promise<void> {
    for (const line of this.#lines.values()) line.reset();
  }

  reconnect(): boolean {
    return false; // the client follows slots to other nodes
  }

  async close(): Promise<void> {
    this.#open = false;
    clearInterval(this.#look);
    for (const line of this.#lines.values()) void line.close();
    this.#lines.clear();
    if (this.#cluster.isOpen) this.#cluster.destroy();
    const rest = this.#idleFrom - performance.now();
    if (rest > 0) await pause(rest + 5);
  }

  /** The master that has the slot of a key or channel, as far as is known. */
  #masterOf(name: string): string | undefined {
    return this.#cluster.slots[slotOf(name)]?.master.address;
  }

  /**
   * Subscribes to a channel on the master that has its slot.
   *
   * @returns false where that master is away: the channel is subscribed to when its line is back
   */
  async #place(channel: string): Promise<boolean> {
    for (let tries = 0;; tries++) {
      const master = this.#masterOf(channel);
      if (master === undefined) throw new Error("nobody has the channel's slot");
      const line = await this.#lineTo(master);
      this.#places.set(channel, master);
      if (!line?.client) return false;
      try {
        await this.#subscribe(line.client, channel);
        return true;
      } catch (error) {
        if (!hasMoved(error) || tries === 3) throw error;
        await this.#learn(channel);
      }
    }
  }

  async #unplace(channel: string): Promise<void> {
    const master = this.#places.get(channel);
    this.#places.delete(channel);
    if (master !== undefined) await this.#lines.get(master)?.client?.sUnsubscribe(channel);
  }

  async #subscribe(client: Client, channel: string): Promise<void> {
    await client.sSubscribe(channel, this.#hear);
  }

  /** The line to a master, opened if it is the first; one that is away comes back by itself. */
  async #lineTo(master: string): Promise<RedisConnection | undefined> {
    if (!this.#lines.has(master)) {
      const line = this.#makeLine(master);
      this.#lines.set(master, line);
      this.#opening.set(
        master,
        line.open().catch((error) => {
          this.#events.fault(error);
          line.retry();
        }).finally(() => this.#opening.delete(master)),
      );
    }
    await this.#opening.get(master);
    return this.#lines.get(master);
  }

  #makeLine(master: string): RedisConnection {
    const colon = master.lastIndexOf(":");
    const { username, password, tls } = this.#address;
    const at = { host: master.slice(0, colon), port: Number(master.slice(colon + 1)) };
    return new RedisConnection({ ...at, username, password, tls }, this.#timeoutMs, {
      prepare: async (client) => {
        client.on("sharded-channel-moved", (channel: string) => {
          this.#learn(channel).catch((error) => this.#events.fault(error));
        });
        const channels = this.#placedOn(master);
        for (const channel of channels) this.#unheard.add(channel);
        await Promise.all(channels.map(async (channel) => {
          try {
            await this.#subscribe(client, channel);
          } catch (error) {
            if (hasMoved(error)) await this.#learn(channel);
            throw error;
          }
        }));
      },
      back: () => {
        for (const channel of this.#placedOn(master)) this.#unheard.delete(channel);
        this.#events.interrupted();
      },
      fault: (error) => this.#events.fault(error),
    });
  }

  #placedOn(master: string): string[] {
    return [...this.#places.keys()].filter((channel) => this.#places.get(channel) === master);
  }

  /** Has the client find out who has the slot now: it does so when a command is answered that the slot has moved. */
  async #learn(channel: string): Promise<void> {
    await this.send(channel, ["EXISTS", channel]);
    this.#follow();
  }

  /** Lets channels follow their slots to other masters, and gives up the lines to those that are masters no more. */
  #follow(): void {
    if (!this.#open || this.#slots === this.#cluster.slots || this.#cluster.masters.length === 0) return;
    this.#slots = this.#cluster.slots;
    const masters = new Set(this.#cluster.masters.map(({ address }) => address));
    for (const [master, line] of this.#lines) {
      if (masters.has(master)) continue;
      void line.close();
      this.#lines.delete(master);
    }
    const moved = [...this.#heard.keys()].filter((channel) => this.#masterOf(channel) !== this.#places.get(channel));
    if (moved.length > 0) void this.#move(moved);
  }

  /** Listeners are told of it when all have moved, and hear nothing between. */
  async #move(channels: string[]): Promise<void> {
    for (const channel of channels) this.#unheard.add(channel);
    const placed: string[] = [];
    let failure: unknown;
    await Promise.all(channels.map(async (channel) => {
      try {
        await this.#unplace(channel).catch(() => {}); // with its connection
        if (this.#heard.has(channel) && await this.#place(channel)) placed.push(channel);
        if (!this.#heard.has(channel)) await this.#unplace(channel);
      } catch (error) {
        failure = error;
      }
    }));
    if (!this.#open) return;
    if (failure !== undefined) {
      this.#events.fault(failure);
      this.#slots = undefined; // they are looked at again
    }
    for (const channel of placed) this.#unheard.delete(channel);
    this.#events.interrupted();
  }
}

function hasMoved(error: unknown): boolean {
  return error instanceof ErrorReply && error.message.startsWith("MOVED");
}
