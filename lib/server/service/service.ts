/**
 * The running service: its parts put together, its housekeeping, and its drain.
 */

import type { Audit } from "../../observability/audit.ts";
import type { AccountService } from "../../auth/accounts.ts";
import type { LoginGuard } from "../../auth/login_guard.ts";
import type { Config } from "../../config/config.ts";
import type { Limits } from "../../limits/limits.ts";
import { getLog } from "../../observability/log.ts";
import type { Metrics } from "../../observability/metrics.ts";
import { allowLate, within } from "../../common/time.ts";
import { randomWord } from "../../store/log_position.ts";
import type { Store } from "../../store/store.ts";
import { allCommands } from "../commands/all.ts";
import { drain, planDrain, stopping } from "./drain.ts";
import { type DeliveryParts, makeDeliveryParts } from "./delivery_parts.ts";
import type { FlushScheduler } from "../delivery/flush_scheduler.ts";
import { type Problem, problemsOf } from "../metering/health.ts";
import { Housekeeping } from "./housekeeping.ts";
import { logFault, writingProbe } from "./store_watch.ts";
import type { Instruments } from "../metering/instruments.ts";
import { ConnectionLog } from "../connection/connection_log.ts";
import { LinuxSockets } from "../connection/linux_sockets.ts";
import { PortProbe } from "../connection/port_probe.ts";
import { Listener, type Pem, type Sharing } from "../connection/listener.ts";
import { resumeGraceMs, type SessionManager } from "../sessions/session_manager.ts";
import { Control } from "../sessions/control.ts";
import { Registry } from "../registry/registry.ts";
import type { Relay } from "../delivery/relay.ts";
import { Connection } from "../connection/connection.ts";
import type { ConnectionHost } from "../connection/host.ts";
import { AnswerBudget } from "../connection/answer_budget.ts";
import { NetworkBanGate } from "../connection/network_bans.ts";
import { GuestBuffers } from "../connection/guest_buffers.ts";
import { RefusalLog } from "../connection/refusal_log.ts";
import { PaceQueues } from "../connection/pace.ts";

/** Settings and ports of a service. */
export interface ServiceOptions {
  readonly config: Config;
  readonly store: Store;
  readonly accounts: AccountService;
  readonly guard: LoginGuard;
  readonly limits: Limits;
  /** Nothing is recorded without it. */
  readonly audit?: Audit;
  readonly certificate: Pem;
  /** Where it counts; its own metrics, unless given. */
  readonly metrics?: Metrics;
  /** Which of several listeners on its port it opens; undefined where the port is its own. */
  readonly sharing?: Sharing | undefined;
  /** How many listeners share the port. */
  readonly listeners?: number | undefined;
  /** Which of the workers it is, from 1 on. */
  readonly worker?: number | undefined;
  /** Shared by the workers: the ports that their probes come from. */
  readonly probePorts?: SharedArrayBuffer | undefined;
  /** Reads certificate and configuration again, at an operator's order. @returns one phrase for each thing done */
  readonly reload?: (() => Promise<readonly string[]>) | undefined;
  /** Called when the service cannot go on, with the reason: it is to be stopped. */
  readonly onFatal?: (reason: string) => void;
}

/** How often connections are looked after and dead servers looked for, in milliseconds. */
const tickMs = 1_000;

/** How often streams are compared with their logs, in milliseconds. */
const checkMs = 10_000;

/** How often old messages, expired files and rooms that nobody uses are forgotten, in milliseconds. */
const sweepMs = 60_000;

/** After so many new connections, memory is given back. */
const crowd = 500;

const log = getLog("server");

/**
 * One server of a chat.
 *
 * It owns what it starts, in this order: the lease, the relay, the listener, the housekeeping; it ends them in reverse.
 * The store is the caller's.
 */
export class Service implements AsyncDisposable {
  readonly id: string;
  readonly port: number;
  readonly #options: ServiceOptions;
  readonly #parts: DeliveryParts;
  readonly #sessions: SessionManager;
  readonly #relay: Relay;
  readonly #turns: FlushScheduler;
  readonly #instruments: Instruments;
  readonly #listener: Listener;
  readonly #connections = new Set<Connection>();
  readonly #bans: NetworkBanGate;
  readonly #control: Control;
  readonly #sockets = LinuxSockets.open();
  readonly #housekeeping = new Housekeeping(log);
  readonly #portProbe: PortProbe;
  #draining: Promise<void> | undefined;
  #leasedUntil: number;

  /**
   * Starts a service; when this resolves, it accepts connections.
   *
   * @throws {Error} where the port cannot be listened on, or the store cannot be used
   */
  static async start(options: ServiceOptions): Promise<Service> {
    let sessions = undefined as SessionManager | undefined; // made after the server has its id, which it needs
    let service = undefined as Service | undefined;
    const id = await options.store.servers.join(options.config.serverId ?? "", (signal) => {
      if (signal.kind !== "order") sessions?.hear(signal);
      else if (service) void service.#control.obey(signal);
    });
    const parts = makeDeliveryParts(id, options);
    const { instruments, hub, relay, replays } = parts;
    sessions = parts.sessions;
    try {
      const made = service = new Service(id, options, parts);
      instruments.read(id, {
        connections: () => made.#connections,
        sessions: () => made.#sessions.size,
        problems: () => made.problems(),
        ...{ hub, relay, replays },
      });
      return made;
    } catch (error) {
      instruments[Symbol.dispose]();
      await relay[Symbol.asyncDispose]();
      await options.store.servers.leave(0).catch(() => {}); // what went wrong first is told
      throw error;
    }
  }

  private constructor(id: string, options: ServiceOptions, parts: DeliveryParts) {
    const { sessions, relay, instruments } = parts;
    this.id = id;
    this.#options = options;
    this.#parts = parts;
    this.#sessions = sessions;
    this.#relay = relay;
    this.#turns = parts.turns;
    this.#instruments = instruments;
    this.#leasedUntil = performance.now() + options.config.activeTtlSeconds * 1000;
    const { store: { servers }, limits, audit, reload } = options;
    this.#bans = new NetworkBanGate(options.store.bans, () => this.#connections, log);
    const refreshBans = () => this.#bans.refresh();
    this.#control = new Control({ serverId: id, servers, sessions, limits, audit, reload, refreshBans });
    const { config, certificate, sharing, listeners = 1 } = options;
    const host = this.#host();
    const instance = randomWord(8);
    let connections = 0;
    this.#portProbe = new PortProbe({
      hostname: config.serverHost,
      certificate: () => certificate.cert,
      ports: options.probePorts,
      worker: options.worker,
    });
    this.#listener = new Listener({
      probe: this.#portProbe,
      ...{ hostname: config.serverHost, port: config.serverPort, certificate, sharing, listeners, config, log },
      meter: instruments.listener,
      limits,
      sockets: this.#sockets,
      serve: async (conn, peer) => {
        const connection = new Connection(conn, `${instance}-${++connections}`, peer, host);
        this.#connections.add(connection);
        instruments.came();
        const over = connection.run();
        if (this.draining) this.#sendAway(connection, 0); // its handshake was under way
        else this.#bans.refuse(connection);
        await over;
        this.#connections.delete(connection);
        instruments.went(connection);
      },
    });
    this.port = this.#listener.port;
    instruments.certificate(certificate.cert);
    this.#keepHouse(() => connections);
    options.store.onReturn(async () => {
      await this.#relay.verify();
      await this.#renew(true);
    });
  }

  /** Why this server should get no clients; empty where it should get them. */
  problems(): Problem[] {
    return problemsOf({
      outage: this.#options.store.outage,
      failure: this.#options.store.failure,
      port: this.#portProbe.problem,
      leased: performance.now() < this.#leasedUntil,
      draining: this.#draining !== undefined,
    });
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Whether it is stopping: it accepts no clients any more. */
  get draining(): boolean {
    return this.#draining !== undefined;
  }

  /** Uses another certificate for new connections. @throws {Error} where it is refused: then nothing has changed */
  async renew(certificate: Pem): Promise<void> {
    await this.#listener.renew(certificate);
    this.#instruments.certificate(certificate.cert);
  }

  /**
   * Stops within `DRAIN_SECONDS`: accepts no more, moves clients off in waves, writes what is queued, and gives up
   * sessions and lease. A client is served until its wave comes. A second call returns the first one's promise.
   */
  drain(): Promise<void> {
    return this.#draining ??= this.#drain();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain();
  }

  /** @param accepted how many connections there have been so far */
  #keepHouse(accepted: () => number): void {
    const { store: { servers, files, rooms, topics, deletions }, config } = this.#options;
    const house = this.#housekeeping;
    house.every("connections", tickMs, () => {
      for (const connection of this.#connections) connection.tick();
    });
    house.every("probe", tickMs, () => servers.probe());
    house.every("writing", tickMs, writingProbe(this.#options.store));
    house.every("session_ends", tickMs, () => this.#sessions.drainEnds());
    house.every("departures", tickMs, async () => this.#sessions.announceDepartures(await servers.sweep()));
    house.every("port", checkMs, () => this.#portProbe.run(this.port));
    const refreshBans = () => this.#bans.refresh().then(() => {});
    house.every("bans", checkMs, refreshBans);
    refreshBans().catch((error) => logFault(log, error, "bans_unread")); // the next run tries again
    house.every("relay", checkMs, () => this.#relay.check());
    let calmAt = 0;
    house.every("memory", checkMs, () => {
      if (accepted() - calmAt < crowd) return;
      calmAt = accepted();
      this.#sockets?.giveBack();
    });
    house.every("files", sweepMs, () => files.sweep());
    house.every("deletions", sweepMs, () => deletions.sweep());
    house.every("history", sweepMs, async () => {
      const messages = await topics.sweep();
      if (messages > 0) log.debug("messages_forgotten", { messages });
    });
    house.every("rooms", sweepMs, async () => {
      const forgotten = await rooms.sweep(config.rooms);
      if (forgotten.length > 0) log.info("rooms_forgotten", { rooms: forgotten.length });
    });
    house.every("lease", config.heartbeatIntervalSeconds * 1000, () => this.#renew());
  }

  #host(): ConnectionHost {
    const { config, store, accounts, guard, limits, audit } = this.#options;
    const now = () => performance.now();
    const refusals = new RefusalLog(limits);
    const shared = { config, store, accounts, guard, limits };
    const { sessions, rooms, access } = this.#parts;
    const services = { serverId: this.id, ...shared, sessions, rooms, access, commands: allCommands };
    return {
      services,
      registry: new Registry(allCommands, config),
      turns: this.#turns,
      meter: this.#instruments.connection,
      config,
      pace: new PaceQueues(limits),
      guests: new GuestBuffers(),
      answers: new AnswerBudget(() => config.maxQueueBytes),
      now,
      abandon: (conn) => this.#listener.abandon(conn as Deno.TlsConn),
      log: (connection, peer) => new ConnectionLog(this.id, connection, peer, { audit, now, refusals }),
    };
  }

  /** @param wasAway whether the store was: it may have forgotten sessions though the lease still runs */
  async #renew(wasAway = false): Promise<void> {
    const { config, store } = this.#options;
    const until = performance.now() + config.activeTtlSeconds * 1000;
    const lease = await store.servers.renew();
    this.#leasedUntil = lease === "taken" ? 0 : until;
    if (lease !== "kept") this.#instruments.leaseLost(lease);
    if (lease === "kept" && !wasAway) return;
    if (lease !== "kept") log.warn("lease_" + lease, { server: this.id });
    if (lease === "taken") return this.#options.onFatal?.(`another server runs as ${this.id}`);
    await this.#sessions.reassert();
  }

  async #drain(): Promise<void> {
    const { config, store } = this.#options;
    log.info("server_draining", { server: this.id, connections: this.#connections.size });
    this.#listener.close();
    const withinMs = config.drainSeconds * 1000;
    await within(withinMs, async (late) => {
      await drain(
        planDrain(this.#connections.size, withinMs),
        (size) => [...this.#connections].filter(({ closed }) => !closed).slice(0, size),
        (connection, retryAfterMs) => this.#sendAway(connection, retryAfterMs),
        late,
      );
      await this.#listener.finished();
    }).catch(allowLate);
    await this.#housekeeping.stop();
    await this.#parts.rooms[Symbol.asyncDispose]();
    await this.#sessions.release();
    await this.#relay[Symbol.asyncDispose]();
    // Where the store is away the lease runs out, and others find then what this server has left.
    await store.servers.leave(resumeGraceMs).catch((error) => logFault(log, error, "leave_failed"));
    this.#turns[Symbol.dispose]();
    this.#sockets?.[Symbol.dispose]();
    this.#instruments[Symbol.dispose]();
    log.info("server_stopped", { server: this.id });
  }

  #sendAway(connection: Connection, retry_after_ms: number): void {
    connection.end(connection.format === "text" ? stopping : { ...stopping, retry_after_ms });
  }
}
