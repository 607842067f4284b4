/**
 * The world of a run: a Redis, servers as processes, and the proxies between them and to their clients.
 */

import { join } from "node:path";
import { makeCertificates } from "../../lib/tls/authority.ts";
import type { Log } from "./record.ts";
import { RedisNode } from "./redis_node.ts";
import { ServerNode } from "./server_node.ts";
import type { Timeline } from "./timeline.ts";
import { applyReplacement, copyTree, type Replacement } from "./tree.ts";

/** A server's lease, in milliseconds. */
export const leaseMs = 3_000;

/** How long the store may take to answer a server, in milliseconds. */
export const storeTimeoutMs = 2_000;

const prefix = "chaos:";

/** How many messages of a log are read at once. */
const pageSize = 200;

/** What a world is made from. */
export interface WorldOptions {
  /** Whose servers run, from a copy. */
  readonly root: string;
  /** What is changed in the copy. */
  readonly replacements: readonly Replacement[];
  readonly servers: number;
  readonly timeline: Timeline;
  readonly onCrash: (what: string) => void;
  /** Whether its folder, with the servers' logs, stays. */
  readonly keep: boolean;
}

/** See the file's first line. */
export class World implements AsyncDisposable {
  readonly folder: string;
  readonly ca: string;
  readonly redis: RedisNode;
  readonly nodes: readonly ServerNode[];
  readonly #keep: boolean;

  private constructor(folder: string, ca: string, redis: RedisNode, nodes: readonly ServerNode[], keep: boolean) {
    this.folder = folder;
    this.ca = ca;
    this.redis = redis;
    this.nodes = nodes;
    this.#keep = keep;
  }

  /** Makes a world in which everything runs; a start that fails, as when a port was taken meanwhile, is tried again. */
  static async start(options: WorldOptions): Promise<World> {
    for (let tries = 1;; tries++) {
      try {
        return await World.#start(options);
      } catch (error) {
        if (tries === 3) throw error;
        options.timeline.note(`the world is started again: ${error instanceof Error ? error.message : error}`);
      }
    }
  }

  static async #start(options: WorldOptions): Promise<World> {
    const folder = await Deno.makeTempDir({ prefix: "chat-chaos-" });
    await using parts = new AsyncDisposableStack();
    if (!options.keep) parts.defer(() => Deno.remove(folder, { recursive: true }));
    const root = join(folder, "tree");
    await copyTree(options.root, root);
    for (const replacement of options.replacements) await applyReplacement(root, replacement);
    const { ca, cert, key } = await makeCertificates({ names: ["localhost", "127.0.0.1"] });
    const [CERT_FILE, KEY_FILE] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    await Deno.writeTextFile(CERT_FILE, cert);
    await Deno.writeTextFile(KEY_FILE, key, { mode: 0o600 });
    const redis = parts.use(await RedisNode.start(join(folder, "copies")));
    const settings = {
      CERT_FILE,
      KEY_FILE,
      REDIS_PREFIX: prefix,
      BCRYPT_COST: "4",
      RATE_LIMIT: "off",
      ACTIVE_TTL_SECONDS: String(leaseMs / 1000),
      HEARTBEAT_INTERVAL_SECONDS: "1",
      STORE_TIMEOUT_MS: String(storeTimeoutMs),
      // Nothing is trimmed in a run of any length: what is not in a log was lost.
      HISTORY_MAX_MESSAGES: "10000000",
      MAX_INBOX: "1000000",
      MAX_INBOX_PER_SENDER: "1000000",
      DRAIN_SECONDS: "3",
    };
    const { timeline, onCrash } = options;
    const nodes = Array.from({ length: options.servers }, (_, index) => {
      const id = `server${index + 1}`;
      return parts.use(new ServerNode({ id, root, folder, redisPort: redis.port, settings, timeline, onCrash }));
    });
    await Promise.all(nodes.map((node) => node.start()));
    parts.move();
    return new World(folder, ca, redis, nodes, options.keep);
  }

  /** Where each topic's log ends: its epoch and its last number. */
  async heads(): Promise<Map<string, { epoch: string; seq: number }>> {
    const heads = new Map<string, { epoch: string; seq: number }>();
    for (const key of await this.redis.keys(`${prefix}{*}:meta`)) {
      const [epoch, seq] = await this.redis.call("HMGET", key, "epoch", "seq") as (string | null)[];
      heads.set(topicOf(key), { epoch: epoch ?? "", seq: Number(seq ?? 0) });
    }
    return heads;
  }

  /** Every log, read from Redis itself. */
  async logs(): Promise<Log[]> {
    const logs: Log[] = [];
    for (const [topic, { epoch, seq }] of await this.heads()) {
      const entries: Log["entries"][number][] = [];
      for (let from = "-"; from !== "";) {
        const args = [`${prefix}{${topic}}:log`, from, "+", "COUNT", String(pageSize)];
        const page = await this.redis.call("XRANGE", ...args) as [string, string[]][];
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

  /** Keys that say that somebody is online or may write, though nobody should. */
  async leftovers(): Promise<string[]> {
    const found = await Promise.all(
      ["{user:*}:session", "{user:*}:grants", "{*}:members", "{*}:writers", "{server:*}:sessions"]
        .map((pattern) => this.redis.keys(prefix + pattern)),
    );
    return found.flat();
  }

  /** What a key holds, for a report. */
  async show(key: string): Promise<string> {
    return `${key} ${JSON.stringify(await this.redis.call("HGETALL", key))}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
    if (!this.#keep) await Deno.remove(this.folder, { recursive: true });
  }
}

function topicOf(key: string): string {
  return key.slice(key.indexOf("{") + 1, key.indexOf("}"));
}
