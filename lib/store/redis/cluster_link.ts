/**
 * The way to a Redis Cluster. The official client finds the nodes, follows slots that move, and connects again; which
 * keys are together in a slot is decided by {@linkcode Keys}.
 */

import { createCluster } from "redis";
import { clientOptions, socketOptions } from "./line.ts";
import type { Answer, Link, LinkEvents, RedisAddress } from "./link.ts";

function makeCluster(address: RedisAddress, timeoutMs: number) {
  return createCluster({
    RESP: 2, // the nodes take it from here, not from their defaults
    rootNodes: (address.clusterNodes ?? []).map(({ host, port }) => ({
      ...clientOptions(address, timeoutMs),
      socket: { host, port, ...socketOptions(timeoutMs), reconnectStrategy: false as const },
    })),
    defaults: {
      ...clientOptions(address, timeoutMs),
      socket: {
        ...socketOptions(timeoutMs),
        reconnectStrategy: (tries: number) => Math.min(1_000, 25 * 2 ** Math.min(tries, 6)),
      },
    },
    // A node that is gone for good is replaced by another: look soon, since until then its slots are away.
    topologyRefreshOnReconnectionAttemptStrategy: 500,
  });
}

/** See the file's first lines. */
export class ClusterLink implements Link {
  readonly #cluster: ReturnType<typeof makeCluster>;
  readonly #events: LinkEvents;
  readonly #heard = new Map<string, (message: string) => void>();
  readonly #away = new Set<string>();
  #open = false;

  /** @param timeoutMs how long a node may be silent */
  constructor(address: RedisAddress, timeoutMs: number, events: LinkEvents) {
    this.#events = events;
    this.#cluster = makeCluster(address, timeoutMs);
    this.#cluster.on("error", (error) => events.fault(error));
    const nameOf = ({ host, port }: { host: string; port: number }) => `${host}:${port}`;
    this.#cluster.on("node-error", (error: unknown, node: { host: string; port: number }) => {
      this.#away.add(nameOf(node));
      events.fault(error);
    });
    this.#cluster.on("node-ready", (node: { host: string; port: number }) => {
      // The node itself is back, or another has taken the place of one that is away. Which of its connections it is is
      // not told: both commands and channels may have been away. A node that is met for the first time changes nothing.
      const wasAway = this.#away.size > 0;
      this.#away.delete(nameOf(node));
      if (!this.#open || !wasAway) return;
      queueMicrotask(() => {
        events.back();
        events.interrupted();
      });
    });
    this.#cluster.on("node-disconnect", (node: { host: string; port: number }) => this.#away.delete(nameOf(node)));
  }

  get ready(): boolean {
    const masters = this.#cluster.masters.map(({ host, port }) => `${host}:${port}`);
    return this.#open && masters.length > 0 && !masters.some((address) => this.#away.has(address));
  }

  async open(): Promise<void> {
    await this.#cluster.connect();
    this.#open = true;
  }

  send(key: string, args: readonly string[]): Promise<Answer> {
    return this.#cluster.sendCommand<Answer>(key, false, [...args]);
  }

  async load(script: string): Promise<void> {
    await Promise.all(this.#cluster.masters.map(async (master) => {
      const client = await this.#cluster.nodeClient(master);
      await client.sendCommand(["SCRIPT", "LOAD", script]);
    }));
  }

  async listen(channel: string, hear: (message: string) => void): Promise<void> {
    this.#heard.set(channel, hear);
    try {
      await this.#cluster.sSubscribe(channel, (message) => this.#heard.get(channel)?.(message));
    } catch (error) {
      this.#heard.delete(channel);
      throw error;
    }
  }

  async ignore(channel: string): Promise<void> {
    this.#heard.delete(channel);
    await this.#cluster.sUnsubscribe(channel);
  }

  async relisten(): Promise<void> {
    for (const channel of [...this.#heard.keys()]) {
      await this.#cluster.sUnsubscribe(channel);
      await this.#cluster.sSubscribe(channel, (message) => this.#heard.get(channel)?.(message));
    }
    this.#events.interrupted();
  }

  close(): void {
    if (this.#cluster.isOpen) this.#cluster.destroy();
  }
}
