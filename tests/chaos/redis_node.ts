/**
 * The run's own Redis, durable to the last write: it is killed, paused, demoted, emptied of scripts, its memory and its
 * disk are full, and it is put back to an older copy of its data. Each server has a way to it of its own.
 */

import { join } from "node:path";
import { Disk, onDisk } from "../support/disk.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import type { RespValue } from "../support/resp.ts";
import { Proxy } from "./proxy.ts";
import type { Log } from "./record.ts";
import type { Head, Older, Store, StoredMark, StoreOptions } from "./store.ts";

const prefix = "chaos:";

/** How many messages of a log are read at once. */
const pageSize = 200;

/** Keys that say that somebody is online or may write. */
const presences = [
  ...["{user:*}:session", "{user:*}:session:*", "{user:*}:grants", "{user:*}:grants:*"],
  ...["{*}:members", "{*}:writers", "{*}:present", "{server:*}:sessions", "{server:*}:users"],
];

/** The folder of the append-only file within a Redis' own. */
const data = "appendonlydir";

/** See the file's first lines. */
export class RedisNode implements Store, Older {
  readonly name = "Redis";
  /** Each server's way to it. */
  readonly ways: readonly Proxy[];
  readonly #redis: TestRedis;
  readonly #folder: string;
  readonly #copies: string;

  private constructor(redis: TestRedis, folder: string, copies: string, ways: readonly Proxy[]) {
    this.#redis = redis;
    this.#folder = folder;
    this.#copies = copies;
    this.ways = ways;
  }

  static async start({ folder, servers, timeline }: StoreOptions): Promise<RedisNode> {
    // A rewrite would change files while they are copied.
    const args = ["--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"];
    const redis = await startRedis({ appendonly: true, args, through: onDisk });
    const [, own] = await redis.call("CONFIG", "GET", "dir") as string[];
    const ways = Array.from({ length: servers }, () => new Proxy(() => redis.port, () => timeline.now));
    return new RedisNode(redis, own, join(folder, "copies"), ways);
  }

  settings(server: number): Readonly<Record<string, string>> {
    return { REDIS_URL: `redis://127.0.0.1:${this.ways[server].port}`, REDIS_PREFIX: prefix };
  }

  /** Sends a command, past all proxies. */
  call(...command: readonly string[]): Promise<RespValue> {
    return this.#redis.call(...command);
  }

  /** Kills it; what it has acknowledged is on the disk. */
  kill(): Promise<void> {
    return this.#redis.kill("SIGKILL");
  }

  /** Starts it again with the data that it has on the disk. */
  start(): Promise<void> {
    return this.#redis.restart();
  }

  pause(): Promise<void> {
    return this.#redis.kill("SIGSTOP");
  }

  resume(): Promise<void> {
    return this.#redis.kill("SIGCONT");
  }

  /** Lets it take nothing more that needs memory. */
  async fill(): Promise<void> {
    await this.call("CONFIG", "SET", "maxmemory", "1");
  }

  async empty(): Promise<void> {
    await this.call("CONFIG", "SET", "maxmemory", "0");
  }

  /**
   * Lets it write little more to its file: it ends itself at the first write that does not fit, since it could not keep
   * what it acknowledges. The disk is this process' own: {@linkcode start} it again, and there is room.
   *
   * @param spare how many bytes the file may still grow by, so that a write may fit in part
   */
  async fillDisk(spare: number): Promise<void> {
    const folder = join(this.#folder, data);
    const sizes = [...Deno.readDirSync(folder)].map(({ name }) => Deno.statSync(join(folder, name)).size);
    await new Disk(this.#redis.pid).fill(Math.max(...sizes) + spare);
  }

  /** Makes it a replica of a server that is not there: it keeps its data. */
  async demote(): Promise<void> {
    await this.call("REPLICAOF", "127.0.0.1", "1");
  }

  async promote(): Promise<void> {
    await this.call("REPLICAOF", "NO", "ONE");
  }

  async copy(): Promise<void> {
    await Deno.remove(join(this.#copies, data), { recursive: true }).catch(() => {});
    await copyFolder(join(this.#folder, data), join(this.#copies, data));
  }

  async putBack(): Promise<void> {
    await Deno.remove(join(this.#folder, data), { recursive: true });
    await copyFolder(join(this.#copies, data), join(this.#folder, data));
  }

  async heads(): Promise<Map<string, Head>> {
    const heads = new Map<string, Head>();
    for (const key of await this.#keys(`${prefix}{*}*:meta`)) {
      const [epoch, seq] = await this.call("HMGET", key, "epoch", "seq") as (string | null)[];
      heads.set(topicOf(key), { epoch: epoch ?? "", seq: Number(seq ?? 0) });
    }
    return heads;
  }

  async logs(): Promise<Log[]> {
    const logs: Log[] = [];
    for (const [topic, { epoch, seq }] of await this.heads()) {
      const entries: Log["entries"][number][] = [];
      for (let from = "-"; from !== "";) {
        const args = [`${prefix}${placeOf(topic)}:log`, from, "+", "COUNT", String(pageSize)];
        const page = await this.call("XRANGE", ...args) as [string, string[]][];
        for (const [key, fields] of page) {
          const values = Object.fromEntries(Array.from({ length: fields.length / 2 }, (_, i) => fields.slice(2 * i)));
          const { from, text, cid } = JSON.parse(values.b);
          entries.push({ seq: parseInt(key), id: values.i, from, text, cid });
        }
        from = page.length < pageSize ? "" : `(${page[page.length - 1][0]}`;
      }
      logs.push({ topic, epoch, head: seq, entries });
    }
    return logs;
  }

  async memberships(): Promise<Map<string, readonly string[]>> {
    const keys = await this.#keys(`${prefix}{user:*}:rooms`);
    const rooms = await Promise.all(keys.map((key) => this.call("HKEYS", key)));
    return new Map(
      keys.map((
        key,
        index,
      ) => [key.slice(`${prefix}{user:`.length, -"}:rooms".length), (rooms[index] as string[]).sort()]),
    );
  }

  async marks(): Promise<StoredMark[]> {
    const keys = await this.#keys(`${prefix}{user:*}:marks`);
    const own = await Promise.all(keys.map(async (key) => {
      const user = key.slice(`${prefix}{user:`.length, -"}:marks".length);
      const pairs = await this.call("HGETALL", key) as string[];
      const topics = pairs.filter((_, index) => index % 2 === 0);
      return topics.map((topic, index) => ({ user, topic, seq: Number(pairs[2 * index + 1].split(" ")[1]) }));
    }));
    const metas = await this.#keys(`${prefix}{inbox:*}:meta`);
    const inboxes = metas.map(async (key) => {
      const topic = topicOf(key);
      return { user: topic.slice("inbox:".length), topic, seq: Number(await this.call("HGET", key, "read") ?? 0) };
    });
    return [...own.flat(), ...await Promise.all(inboxes)];
  }

  sever(server: number): () => void {
    const way = this.ways[server];
    way.weather = { kind: "swallowed" };
    return () => void (way.weather = { kind: "clear" });
  }

  async leftovers(calm: boolean): Promise<string[]> {
    const patterns = calm ? [...presences, "{*}:told"] : presences;
    const keys = (await Promise.all(patterns.map((pattern) => this.#keys(prefix + pattern)))).flat();
    const left = keys.map(async (key) => `${key} ${JSON.stringify(await this.call("HGETALL", key))}`);
    const held = (await this.#keys(`${prefix}{user:*}:devices`)).map(async (key) => {
      const pairs = await this.call("HGETALL", key) as string[];
      const live = pairs.filter((_, index) => index % 2 === 1 && !pairs[index].startsWith("- "));
      return live.length > 0 ? `${key} ${JSON.stringify(pairs)}` : [];
    });
    return [...await Promise.all(left), ...(await Promise.all(held)).flat()];
  }

  /** The keys that match a pattern, sorted. */
  async #keys(pattern: string): Promise<string[]> {
    const found = new Set<string>();
    let cursor = "0";
    do {
      const [next, keys] = await this.call("SCAN", cursor, "MATCH", pattern, "COUNT", "1000") as [string, string[]];
      for (const key of keys) found.add(key);
      cursor = next;
    } while (cursor !== "0");
    return [...found].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const way of this.ways) await way[Symbol.asyncDispose]();
    await this.#redis[Symbol.asyncDispose]();
  }
}

/** The topic of a key of a log's: copies of what somebody sent are in the slot of their inbox. */
function topicOf(key: string): string {
  const slot = key.slice(key.indexOf("{") + 1, key.indexOf("}"));
  return key.includes("}:sent:") ? slot.replace("inbox:", "sent:") : slot;
}

/** What the names of a topic's keys begin with. */
function placeOf(topic: string): string {
  return topic.startsWith("sent:") ? `{${topic.replace("sent:", "inbox:")}}:sent` : `{${topic}}`;
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  // The list of files comes first: what it names is there.
  const names = [...Deno.readDirSync(from)].map(({ name }) => name).sort((a, b) =>
    Number(b.endsWith(".manifest")) - Number(a.endsWith(".manifest"))
  );
  for (const name of names) await Deno.copyFile(join(from, name), join(to, name));
}
