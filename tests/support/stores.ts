/**
 * Stores for the contract: where one can be opened, what of the contract it cannot be asked for, and what a test may do
 * to its time.
 */

import { join } from "node:path";
import { RedisStore } from "../../lib/store/redis/redis_store.ts";
import type { RedisAddress } from "../../lib/store/redis/transport/redis_transport.ts";
import { SqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import type { ServerSignal } from "../../lib/store/servers.ts";
import { type Session, tokenLifeMs } from "../../lib/store/sessions.ts";
import type { Store, StoreLimits } from "../../lib/store/store.ts";
import { cidMemoryMs } from "../../lib/store/topics.ts";
import type { Topic } from "../../lib/wire/names.ts";
import { type Need, need, permitted } from "./needs.ts";
import { type RedisPlace, sharedRedis } from "./redis.ts";
import { ask, type RespAddress, RespError, type RespValue } from "./resp.ts";
import { wideLimits } from "./store_limits.ts";
import { until } from "./turns.ts";

/** One server's store: it has joined, and keeps what it was signalled. */
export interface TestStore extends Store {
  /** The server's id. */
  readonly id: string;
  readonly signals: ServerSignal[];
}

/** How a store is opened. */
export interface OpenOptions extends Partial<StoreLimits> {
  /** The server's id; the lowest free one unless told. */
  readonly id?: string;
}

/** Where the stores of one test are; disposing of it closes those that are open and removes what they left. */
export interface StorePlace extends AsyncDisposable {
  /** Opens one server's store. */
  open(options?: OpenOptions): Promise<TestStore>;
  /** Lets time pass by the store's clock: some milliseconds. */
  pass(ms: number): Promise<void>;
  /** Sets the store's clock forward, by less than a day, without any time passing. */
  setForward(ms: number, topic: Topic): Promise<void>;
  /** Lets the life of a user's resume tokens pass. */
  passTokenLife(user: string): Promise<void>;
  /** Lets the time pass in which a topic's `cid`s are known. */
  passCidMemory(topic: Topic): Promise<void>;
  /** Lets the time pass in which no server has to sweep the topics again. */
  passSweep(): Promise<void>;
}

/** What a test of the contract may need beyond one open store. */
export type Demand = "several servers" | "lasting data";

/** A kind of store that the contract is run against. */
export interface Subject {
  readonly name: string;
  readonly need: Need;
  /** What it takes to ask for more, or why it cannot be asked for. */
  readonly demands: Readonly<Partial<Record<Demand, Need>>>;
  place(demand?: Demand): Promise<StorePlace>;
}

/** Opens stores, joins, and closes what is still open in the end. */
abstract class Place implements StorePlace {
  readonly #open = new Set<Store>();

  abstract make(limits: StoreLimits): Promise<Store>;
  abstract pass(ms: number): Promise<void>;
  abstract setForward(ms: number, topic: Topic): Promise<void>;
  abstract passTokenLife(user: string): Promise<void>;
  abstract passCidMemory(topic: Topic): Promise<void>;
  abstract passSweep(): Promise<void>;

  /** Removes what the stores left. */
  protected async clear(): Promise<void> {}

  async open({ id = "", ...limits }: OpenOptions = {}): Promise<TestStore> {
    const store = await this.make({ ...wideLimits, ...limits });
    this.#open.add(store);
    const signals: ServerSignal[] = [];
    const joined = await store.servers.join(id, (signal) => void signals.push(signal));
    const { accounts, accessTokens, requests, invitations, twoFactor, sessions, rooms, records, reports } = store;
    const { topics, deletions, marks, talks, servers, files, deviceKeys, bans, admin: office } = store;
    return {
      ...{
        id: joined,
        signals,
        accounts,
        accessTokens,
        requests,
        invitations,
        twoFactor,
        sessions,
        rooms,
        records,
        reports,
        topics,
        deletions,
        marks,
        talks,
        servers,
        files,
        deviceKeys,
        bans,
        admin: office,
      },
      get available() {
        return store.available;
      },
      get outage() {
        return store.outage;
      },
      onReturn: (listener) => store.onReturn(listener),
      [Symbol.asyncDispose]: async () => {
        if (this.#open.delete(store)) await store[Symbol.asyncDispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#open) await store[Symbol.asyncDispose]();
    await this.clear();
  }
}

class SqlitePlace extends Place {
  /** Stands until a test lets time pass. */
  #time = Date.now();
  #uptime = 0;

  /** @param folder where the file is; without it the database is in memory */
  constructor(readonly folder: string | undefined) {
    super();
  }

  make(limits: StoreLimits): Promise<Store> {
    const path = this.folder === undefined ? ":memory:" : join(this.folder, "chat.db");
    const clocks = { now: () => this.#time, uptime: () => this.#uptime };
    return Promise.resolve(new SqliteStore({ ...limits, path, durability: "normal", ...clocks }));
  }

  pass(ms: number): Promise<void> {
    this.#time += ms;
    this.#uptime += ms;
    return Promise.resolve();
  }

  setForward(ms: number): Promise<void> {
    this.#time += ms;
    return Promise.resolve();
  }

  passTokenLife(): Promise<void> {
    return this.pass(tokenLifeMs);
  }

  passCidMemory(): Promise<void> {
    return this.pass(cidMemoryMs);
  }

  passSweep(): Promise<void> {
    return Promise.resolve();
  }

  protected override async clear(): Promise<void> {
    if (this.folder !== undefined) await Deno.remove(this.folder, { recursive: true });
  }
}

const files = await permitted("read", "write");

/** The embedded store, in memory, or in a file where data is to last. */
export const sqlite: Subject = {
  name: "SQLite",
  need: need(),
  demands: {
    "several servers": need("one process has the file, so there is no other server"),
    "lasting data": files,
  },
  place: async (demand) => {
    const folder = demand === "lasting data" ? await Deno.makeTempDir({ prefix: "chat-test-" }) : undefined;
    return new SqlitePlace(folder);
  },
};

/** Where a corner of Redis is, whatever the topology; there is nothing to dispose of where the data goes with it. */
export interface RedisSpot extends Partial<AsyncDisposable> {
  readonly prefix: string;
  /** How the store finds it. */
  readonly address: RedisAddress;
  /** The servers that have its keys, and may be asked for them directly. */
  readonly servers: readonly RespAddress[];
}

/** A corner of a Redis, and commands to it that do not go through the store. */
export class RedisCorner extends Place {
  readonly #corner: RedisSpot;

  constructor(corner: RedisSpot | RedisPlace) {
    super();
    this.#corner = "url" in corner ? spotOf(corner) : corner;
  }

  make(limits: StoreLimits): Promise<Store> {
    return RedisStore.open({ ...limits, ...this.#corner.address, prefix: this.#corner.prefix });
  }

  /** Gives Redis a command on a connection of its own; in a cluster, the node that has the command's key. */
  async ask(...command: readonly string[]): Promise<RespValue> {
    try {
      return await ask(this.#corner.servers[0], command);
    } catch (error) {
      const moved = error instanceof RespError && /^MOVED \d+ (.*):(\d+)$/.exec(error.message);
      if (!moved) throw error;
      return await ask(this.#ownerOf(Number(moved[2])), command);
    }
  }

  /** The server that a port, with or without TLS, is one of. */
  #ownerOf(port: number): RespAddress {
    return this.#corner.servers.find((server) => server.port === port)!;
  }

  /** Lets a server's lease run out, as it does when the server dies. */
  async die({ id }: TestStore): Promise<void> {
    const { prefix } = this.#corner;
    const instance = await this.ask("HGET", `${prefix}{servers}:v2:ids`, id);
    const changed = await this.ask("ZADD", `${prefix}{servers}:v2:leases`, "XX", "CH", "1", `${instance}`);
    if (changed !== 1) throw new Error(`${id} has no lease`);
  }

  /** Lists a session with a server that it is not on, as a server leaves it behind that dies in the middle of a step. */
  async misplace({ user, claim }: Session, { id }: TestStore): Promise<void> {
    const { prefix } = this.#corner;
    const instance = await this.ask("HGET", `${prefix}{servers}:v2:ids`, id);
    await this.ask("HSET", `${prefix}{server:${instance}}:sessions`, user, `${claim}`);
  }

  /** Copies what servers know of each other; the function that it returns puts it back, as a restored data set does. */
  async copyServers(): Promise<() => Promise<void>> {
    const names = ["leases", "ids", "names", "since", "tide"];
    const keys = names.map((name) => `${this.#corner.prefix}{servers}:v2:${name}`);
    for (const key of keys) await this.ask("COPY", key, `${key}:copy`, "REPLACE");
    return async () => {
      for (const key of keys) await this.ask("COPY", `${key}:copy`, key, "REPLACE");
    };
  }

  async pass(ms: number): Promise<void> {
    const end = await this.#time() + ms + 1; // a key is there through its last millisecond
    await until(`Redis' clock has moved by ${ms} ms`, async () => await this.#time() > end);
  }

  passTokenLife(user: string): Promise<void> {
    return this.#expire(`{user:${user}}:tokens*`);
  }

  async passCidMemory(topic: Topic): Promise<void> {
    await this.#expire(`{${topic}}:cid:*`);
    await this.#expire(`{${topic}}:recent:*`);
  }

  /** What of a topic has an end within a day is over at once: that is how Redis takes it. */
  setForward(_ms: number, topic: Topic): Promise<void> {
    return this.#expire(`{${topic}}:cid:*`);
  }

  async passSweep(): Promise<void> {
    await this.ask("DEL", `${this.#corner.prefix}{servers}:trimmed`);
  }

  protected override async clear(): Promise<void> {
    await this.#corner[Symbol.asyncDispose]?.();
  }

  async #time(): Promise<number> {
    const [seconds, microseconds] = await this.ask("TIME") as [string, string];
    return Number(seconds) * 1000 + Number(microseconds) / 1000;
  }

  /** Has keys that have an end reach it at once. */
  async #expire(pattern: string): Promise<void> {
    const match = `${this.#corner.prefix}${pattern}`;
    let expired = 0;
    for (const server of this.#corner.servers) {
      let cursor = "0";
      do {
        const scan = ["SCAN", cursor, "MATCH", match, "COUNT", "1000"];
        const [next, keys] = await ask(server, scan) as [string, string[]];
        for (const key of keys) {
          if (await ask(server, ["PTTL", key]) === -1) throw new Error(`${key} would stay for ever`);
          await ask(server, ["PEXPIRE", key, "0"]);
          expired++;
        }
        cursor = next;
      } while (cursor !== "0");
    }
    if (expired === 0) throw new Error(`There is no ${pattern}`);
  }
}

function spotOf(place: RedisPlace): RedisSpot {
  const { hostname, port } = new URL(place.url);
  return {
    prefix: place.prefix,
    address: { url: place.url },
    servers: [{ hostname, port: Number(port) }],
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

/** The Redis of the test file that asks for it. */
export const redis: Subject = {
  name: "Redis",
  need: sharedRedis,
  demands: {},
  place: () => Promise.resolve(new RedisCorner(sharedRedis.place())),
};
