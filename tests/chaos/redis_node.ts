/**
 * The run's own Redis, durable to the last write: it is killed, paused, demoted, emptied of scripts, its memory and its
 * disk are full, and it is put back to an older copy of its data.
 */

import { join } from "node:path";
import { Disk, onDisk } from "../support/disk.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import type { RespValue } from "../support/resp.ts";

/** The folder of the append-only file within a Redis' own. */
const data = "appendonlydir";

/** See the file's first lines. */
export class RedisNode implements AsyncDisposable {
  readonly #redis: TestRedis;
  readonly #folder: string;
  readonly #copies: string;

  private constructor(redis: TestRedis, folder: string, copies: string) {
    this.#redis = redis;
    this.#folder = folder;
    this.#copies = copies;
  }

  /** @param copies a folder for copies of the data */
  static async start(copies: string): Promise<RedisNode> {
    // A rewrite would change files while they are copied.
    const args = ["--appendfsync", "always", "--auto-aof-rewrite-percentage", "0"];
    const redis = await startRedis({ appendonly: true, args, through: onDisk });
    const [, folder] = await redis.call("CONFIG", "GET", "dir") as string[];
    return new RedisNode(redis, folder, copies);
  }

  get port(): number {
    return this.#redis.port;
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

  /** Copies its data as they are now; the last copy counts. */
  async copy(): Promise<void> {
    await Deno.remove(join(this.#copies, data), { recursive: true }).catch(() => {});
    await copyFolder(join(this.#folder, data), join(this.#copies, data));
  }

  /** Puts the copy in the place of its data; it must not run. */
  async putBack(): Promise<void> {
    await Deno.remove(join(this.#folder, data), { recursive: true });
    await copyFolder(join(this.#copies, data), join(this.#folder, data));
  }

  /** The keys that match a pattern, sorted. */
  async keys(pattern: string): Promise<string[]> {
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
    await this.#redis[Symbol.asyncDispose]();
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  // The list of files comes first: what it names is there.
  const names = [...Deno.readDirSync(from)].map(({ name }) => name).sort((a, b) =>
    Number(b.endsWith(".manifest")) - Number(a.endsWith(".manifest"))
  );
  for (const name of names) await Deno.copyFile(join(from, name), join(to, name));
}
