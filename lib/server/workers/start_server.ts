/**
 * One whole server, alone in its process or as one of several workers.
 */

import { openSocket } from "../../admin/socket.ts";
import { AccountService } from "../../auth/accounts.ts";
import { givingWay } from "../../auth/hash_threads.ts";
import { hashMeter, HashQueue } from "../../auth/hash_queue.ts";
import { LoginGuard } from "../../auth/login_guard.ts";
import { learnCosts } from "../../auth/known_costs.ts";
import { bcryptHasher, type Hasher } from "../../auth/password.ts";
import { TwoFactorService } from "../../auth/two_factor.ts";
import { type Config, type ConfigChange, ConfigError, takeLive, usesRedis } from "../../config/config.ts";
import { Limits, refusalCounters } from "../../limits/limits.ts";
import { getLog } from "../../observability/log.ts";
import { Metrics } from "../../observability/metrics.ts";
import { StoreHealth } from "../../store/health.ts";
import { observedStore } from "../../store/observed.ts";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { type Audit, openAudit } from "../../observability/audit.ts";
import type { Pem, Sharing } from "../connection/listener.ts";
import type { Watched } from "../metering/health.ts";
import { discoveryPlaces, DiscoveryResponder } from "../discovery.ts";
import { Service, type ServiceOptions } from "../service/service.ts";
import { listenStartError, storeStartError } from "./start.ts";

/** Settings and ports of a server. */
export interface ServerOptions {
  /** What it runs with; changed in place by `reconfigure()`. */
  readonly config: Config;
  readonly certificate: Pem;
  /** Which of several listeners on its port it opens; undefined where the port is its own. */
  readonly sharing?: Sharing;
  /** How many listeners share the port. */
  readonly listeners?: number;
  /** The worker's number, from 1 on. */
  readonly worker?: number;
  /** Shared by the workers: the ports that their probes of the port come from. */
  readonly probePorts?: SharedArrayBuffer;
  /** Reads certificate and configuration again, at an operator's order. @returns one phrase for each thing done */
  readonly reload?: () => Promise<readonly string[]>;
  /** Called when the server cannot go on, after the reason is logged: it is to be stopped. */
  readonly onFatal: () => void;
}

/** A handle on what runs, one server or several workers; to dispose of it drains them within `DRAIN_SECONDS`. */
export interface Running extends Watched, AsyncDisposable {
  /** Its name among those that share a store. */
  readonly id: string;
  readonly port: number;
  /** Uses another certificate for new connections. @throws {Error} where it is refused: then nothing has changed */
  renew(certificate: Pem): Promise<void>;
  /**
   * Takes what a running server can of a new configuration, and opens its audit log anew, as its file may have been
   * moved.
   *
   * @returns what it took, and what it did not
   */
  reconfigure(next: Config): ConfigChange;
}

const log = getLog("server");

/** The work for the hash of a demo account's password, in steps of which each doubles it. */
const demoCost = 4;

/**
 * Starts a server: its store, its accounts and its service, which end together. When this resolves, it accepts connections.
 *
 * @throws {Error} where the store cannot be used or the port cannot be listened on
 */
export async function startServer(options: ServerOptions): Promise<Running> {
  const { config, certificate, sharing, listeners, worker, probePorts, reload, onFatal } = options;
  const metrics = new Metrics("server", worker);
  await using parts = new AsyncDisposableStack();
  const audit: Audit = parts.use(openAudit(config));
  const health = new StoreHealth({ log: getLog("store") });
  const store = observedStore(parts.use(await opened(config, health)), metrics, health);
  const limits = new Limits(config, refusalCounters(metrics));
  const guard = new LoginGuard(limits);
  const hasher = await bcryptHasher(config.bcryptCost, givingWay);
  const accounts = openAccounts(config, store, metrics, hasher, { limits, guard });
  if (config.demoAccounts) await makeDemoAccounts(config, store, guard);
  parts.use(learnCosts(store.admin, hasher));
  const service = parts.use(
    await startService({
      config,
      store,
      metrics,
      accounts,
      guard,
      limits,
      audit,
      certificate,
      sharing,
      listeners,
      worker,
      probePorts,
      reload,
      onFatal: (reason) => {
        log.error("server_cannot_go_on", { reason });
        onFatal();
      },
    }),
  );
  await openWays(parts, config, store, service);
  const owned = parts.move();
  return {
    id: service.id,
    port: service.port,
    stuck: () => undefined, // the question comes from the same event loop
    health: () => Promise.resolve(service.problems()),
    snapshots: () => Promise.resolve([metrics.snapshot()]),
    renew: (certificate) => service.renew(certificate),
    reconfigure(next) {
      const change = takeLive(config, next);
      audit.reopen();
      return change;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function openAccounts(
  config: Config,
  { accounts, accessTokens, invitations, twoFactor }: Store,
  metrics: Metrics,
  hasher: Hasher,
  { limits, guard }: { readonly limits: Limits; readonly guard: LoginGuard },
): AccountService {
  const hashes = new HashQueue(hasher, {
    running: config.bcryptConcurrency,
    meter: hashMeter(metrics),
    onRefused: () => limits.refused("password_hashes"),
  });
  return new AccountService({
    ...{ accounts, accessTokens, invitations, hashes, guard },
    twoFactor: new TwoFactorService({ twoFactor, guard }),
    get registration() {
      return config.registration;
    },
  });
}

/** Opens what leads to the server beside its port: discovery, and the operator's socket. */
async function openWays(parts: AsyncDisposableStack, config: Config, store: Store, service: Service): Promise<void> {
  if (config.discovery) {
    const { serverHost: host, certFile } = config;
    const places = discoveryPlaces(config);
    parts.use(
      await DiscoveryResponder.start({ server: service.id, host, port: service.port, certFile, places, config }),
    );
  }
  if (!usesRedis(config)) {
    const socket = openSocket(config.dataDir, store); // else nobody but this process gets at the file
    if (socket) parts.use(socket);
  }
}

async function opened(config: Config, health: StoreHealth): Promise<Store> {
  try {
    return await openStore(config, (error) => health.fault(error));
  } catch (error) {
    throw error instanceof ConfigError ? error : storeStartError(error);
  }
}

async function startService(options: ServiceOptions): Promise<Service> {
  try {
    return await Service.start(options);
  } catch (error) {
    const { serverHost, serverPort } = options.config;
    throw listenStartError(error, "SERVER_PORT", serverHost, serverPort);
  }
}

/** Makes the demo accounts that are missing. */
async function makeDemoAccounts(
  config: Config,
  { accounts, accessTokens, invitations, twoFactor }: Store,
  guard: LoginGuard,
): Promise<void> {
  // Everybody knows their passwords: a hash that takes long would protect nothing, and hold up the start.
  const hashes = new HashQueue(await bcryptHasher(Math.min(config.bcryptCost, demoCost)), { running: 1 });
  const quick = new AccountService({
    ...{ accounts, accessTokens, invitations, hashes, guard },
    twoFactor: new TwoFactorService({ twoFactor, guard }),
    registration: "closed",
  });
  log.warn("demo_accounts_on", { made: await quick.makeDemoAccounts(), advice: "anybody knows their passwords" });
}
