/**
 * The running service: its parts put together, its heartbeat, and its end.
 *
 * It owns what it starts, in this order: the lease, the relay, the door, the heartbeat; and ends it in reverse. The
 * store is the caller's.
 */

import type { AccountService } from "../auth/accounts.ts";
import type { Config } from "../config.ts";
import { getLog } from "../log.ts";
import { TokenBucket } from "../rate_limit.ts";
import { randomWord } from "../store/place.ts";
import type { Store } from "../store/store.ts";
import { allCommands } from "./commands/all.ts";
import { Flusher } from "./flusher.ts";
import { Hub } from "./hub.ts";
import { Kernel } from "./kernel.ts";
import { Listener, type Sharing } from "./listener.ts";
import { Members, resumeGraceMs } from "./members.ts";
import { Registry } from "./registry.ts";
import { Relay } from "./relay.ts";
import { ClientSession, type SessionHost } from "./session.ts";

/** What a service is made from. */
export interface ServiceOptions {
  readonly config: Config;
  readonly store: Store;
  readonly accounts: AccountService;
  /** PEM: the certificate with its chain, and its key. */
  readonly certificate: { readonly cert: string; readonly key: string };
  /** Where it is one of several on its port. */
  readonly sharing?: Sharing | undefined;
  /** Called when the service cannot go on, with the reason: it is to be stopped. */
  readonly onFatal?: (reason: string) => void;
}

/** How often connections are looked after and dead servers looked for, in milliseconds. */
const tickMs = 1_000;

/** How often streams are compared with their logs, in ticks. */
const checkEvery = 10;

/** How long JSON clients wait before they come back to a stopping server, in milliseconds: spread over this. */
const retryAfterMs = 2_000;

const log = getLog("server");

/** See the file's first lines. */
export class Service implements AsyncDisposable {
  readonly id: string;
  readonly port: number;
  readonly #options: ServiceOptions;
  readonly #members: Members;
  readonly #relay: Relay;
  readonly #turns: Flusher;
  readonly #listener: Listener;
  readonly #sessions = new Set<ClientSession>();
  readonly #kernel = Kernel.open();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #work = new Set<Promise<unknown>>();
  #draining: Promise<void> | undefined;

  /**
   * Starts a service; when this resolves, it accepts connections.
   *
   * @throws {Error} where the port cannot be listened on, or the store cannot be used
   */
  static async start(options: ServiceOptions): Promise<Service> {
    let members = undefined as Members | undefined; // made after the server has its id, which it needs
    const id = await options.store.servers.join(options.config.serverId ?? "", (signal) => members?.hear(signal));
    const turns = new Flusher();
    const hub = new Hub(turns);
    const { topics } = options.store;
    const relay = new Relay({
      topics,
      outlet: hub,
      onFault: (topic, error) => log.warn("relay_failed", { topic, error }),
    });
    const { config } = options;
    members = new Members({
      serverId: id,
      store: options.store,
      feeds: { topics, relay, hub },
      policy: config.duplicateLogin,
      maxQueueBytes: config.maxQueueBytes,
      joinsPerMinute: config.rateLimit ? config.joinsPerMinute : undefined,
      onFault: (what, error) => log.warn("store_failed", { what, error }),
    });
    try {
      return new Service(id, options, members, relay, turns);
    } catch (error) {
      await relay[Symbol.asyncDispose]();
      await options.store.servers.leave(0);
      throw error;
    }
  }

  private constructor(id: string, options: ServiceOptions, members: Members, relay: Relay, turns: Flusher) {
    this.id = id;
    this.#options = options;
    this.#members = members;
    this.#relay = relay;
    this.#turns = turns;
    const { config, certificate, sharing } = options;
    const host = this.#host();
    const instance = randomWord(8);
    let connections = 0;
    this.#listener = new Listener({
      hostname: config.serverHost,
      port: config.serverPort,
      ...certificate,
      sharing,
      handshakeTimeoutMs: config.handshakeTimeoutSeconds * 1000,
      maxConnections: config.maxConnections,
      maxConnectionsPerAddress: config.maxConnectionsPerIp,
      maxHandshakes: config.maxHandshakes,
      log,
      kernel: this.#kernel,
      serve: async (conn, address) => {
        const session = new ClientSession(conn, `${instance}-${++connections}`, address, host);
        this.#sessions.add(session);
        await session.run();
        this.#sessions.delete(session);
      },
    });
    this.port = this.#listener.port;
    let ticks = 0;
    this.#every(tickMs, async () => {
      for (const session of this.#sessions) session.tick();
      await options.store.servers.probe();
      await this.#members.settle();
      await this.#members.announceDepartures(await options.store.servers.sweep());
      if (++ticks % checkEvery === 0) await this.#relay.check();
    });
    options.store.onReturn(async () => {
      await this.#relay.verify();
      await this.#renew(true);
    });
    this.#every(config.heartbeatIntervalSeconds * 1000, () => this.#renew());
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#sessions.size;
  }

  /**
   * Stops: accepts no more, tells everybody, writes what is queued, and gives up sessions and lease.
   *
   * Within `DRAIN_SECONDS`; calling it again changes nothing.
   */
  drain(): Promise<void> {
    return this.#draining ??= this.#drain();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  #host(): SessionHost {
    const { config, store, accounts } = this.#options;
    const services = { serverId: this.id, config, store, accounts, members: this.#members, commands: allCommands };
    return {
      services,
      registry: new Registry(allCommands, config),
      turns: this.#turns,
      maxLineBytes: config.maxLineBytes,
      maxQueueBytes: config.maxQueueBytes,
      idleTimeoutMs: config.idleTimeoutSeconds * 1000,
      pace: () => {
        if (!config.rateLimit) return undefined;
        return new TokenBucket({ rate: config.messagesPerSecond, burst: 10 * config.messagesPerSecond });
      },
      now: () => performance.now(),
      abandon: (conn) => this.#listener.abandon(conn as Deno.TlsConn),
      onFault: (reference, error) => log.error("command_failed", { reference, error }),
    };
  }

  /** @param wasAway whether the store was: it may have forgotten sessions though the lease still runs */
  async #renew(wasAway = false): Promise<void> {
    const lease = await this.#options.store.servers.renew();
    if (lease === "kept" && !wasAway) return;
    if (lease !== "kept") log.warn("lease_" + lease, { server: this.id });
    if (lease === "taken") return this.#options.onFatal?.(`another server runs as ${this.id}`);
    await this.#members.reassert();
  }

  /** Repeats some work, one run at a time; what fails is logged and tried again. */
  #every(ms: number, work: () => Promise<void>): void {
    let busy = false;
    this.#timers.push(setInterval(() => {
      if (busy) return;
      busy = true;
      const run = work().catch((error) => log.warn("housekeeping_failed", { error })).finally(() => {
        busy = false;
        this.#work.delete(run);
      });
      this.#work.add(run);
    }, ms));
  }

  async #drain(): Promise<void> {
    const { config, store } = this.#options;
    log.info("server_draining", { server: this.id, connections: this.#sessions.size });
    this.#listener.close();
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#work);
    const deadline = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, config.drainSeconds * 1000);
      this.#listener.finished().finally(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    for (const session of this.#sessions) this.#sendAway(session);
    await this.#members.release();
    await deadline;
    await this.#relay[Symbol.asyncDispose]();
    await store.servers.leave(resumeGraceMs);
    this.#turns[Symbol.dispose]();
    this.#kernel?.[Symbol.dispose]();
    log.info("server_stopped", { server: this.id });
  }

  #sendAway(session: ClientSession): void {
    const message = "The server is stopping; connect again";
    if (session.format === "text") return session.end({ type: "system", code: "server_draining", message });
    const retry_after_ms = Math.round(Math.random() * retryAfterMs);
    session.end({ type: "system", code: "server_draining", message, retry_after_ms });
  }
}
