/**
 * The world of a run: a store, and servers as processes, each behind the proxy that its clients come through.
 */

import { join } from "node:path";
import { certificates } from "../support/certificates.ts";
import { ServerNode } from "./server_node.ts";
import type { Store, StoreOptions } from "./store.ts";
import type { Timeline } from "./timeline.ts";
import { applyReplacement, copyTree, type Replacement } from "./tree.ts";

/** A server's lease, in milliseconds. */
export const leaseMs = 3_000;

/** How long the store may take to answer a server, in milliseconds. */
export const storeTimeoutMs = 2_000;

/** What a world is made from. */
export interface WorldOptions<S extends Store> {
  /** Makes its store. */
  readonly open: (options: StoreOptions) => Promise<S>;
  /** Whose servers run, from a copy. */
  readonly root: string;
  /** What is changed in the copy. */
  readonly replacements: readonly Replacement[];
  readonly servers: number;
  /** Further options of its servers. */
  readonly settings: Readonly<Record<string, string>>;
  readonly timeline: Timeline;
  readonly onCrash: (what: string) => void;
  /** Whether its folder, with the servers' logs, stays. */
  readonly keep: boolean;
}

/** See the file's first line. */
export class World<S extends Store = Store> implements AsyncDisposable {
  readonly folder: string;
  readonly ca: string;
  readonly store: S;
  readonly nodes: readonly ServerNode[];
  readonly #keep: boolean;

  private constructor(folder: string, ca: string, store: S, nodes: readonly ServerNode[], keep: boolean) {
    this.folder = folder;
    this.ca = ca;
    this.store = store;
    this.nodes = nodes;
    this.#keep = keep;
  }

  /** Makes a world in which everything runs; a start that fails, as when a port was taken meanwhile, is tried again. */
  static async start<S extends Store>(options: WorldOptions<S>): Promise<World<S>> {
    for (let tries = 1;; tries++) {
      try {
        return await World.#start(options);
      } catch (error) {
        if (tries === 3) throw error;
        options.timeline.note(`the world is started again: ${error instanceof Error ? error.message : error}`);
      }
    }
  }

  static async #start<S extends Store>(options: WorldOptions<S>): Promise<World<S>> {
    const folder = await Deno.makeTempDir({ prefix: "chat-chaos-" });
    await using parts = new AsyncDisposableStack();
    if (!options.keep) parts.defer(() => Deno.remove(folder, { recursive: true }));
    const root = join(folder, "tree");
    await copyTree(options.root, root);
    for (const replacement of options.replacements) await applyReplacement(root, replacement);
    const { ca, cert, key } = certificates;
    const [CERT_FILE, KEY_FILE] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    await Deno.writeTextFile(CERT_FILE, cert);
    await Deno.writeTextFile(KEY_FILE, key, { mode: 0o600 });
    const { servers, timeline, onCrash } = options;
    const store = parts.use(await options.open({ folder, servers, timeline }));
    const settings = {
      CERT_FILE,
      KEY_FILE,
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
      ...options.settings,
    };
    const nodes = Array.from({ length: servers }, (_, index) => {
      const own = { ...settings, ...store.settings(index) };
      return parts.use(new ServerNode({ id: `server${index + 1}`, root, folder, settings: own, timeline, onCrash }));
    });
    await Promise.all(nodes.map((node) => node.start()));
    parts.move();
    return new World(folder, ca, store, nodes, options.keep);
  }

  /** Kills all servers: what is in the store is all that there is. */
  async kill(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
    if (!this.#keep) await Deno.remove(this.folder, { recursive: true });
  }
}
