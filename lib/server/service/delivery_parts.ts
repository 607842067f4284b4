import type { LoginGuard } from "../../auth/login_guard.ts";
import type { Config } from "../../config/config.ts";
import type { Limits } from "../../limits/limits.ts";
import type { Store } from "../../store/store.ts";
import { getLog } from "../../observability/log.ts";
import { Metrics } from "../../observability/metrics.ts";
import { allCommands } from "../commands/all.ts";
import { FlushScheduler } from "../delivery/flush_scheduler.ts";
import { Hub } from "../delivery/hub.ts";
import { Relay } from "../delivery/relay.ts";
import { Instruments } from "../metering/instruments.ts";
import { RecordCache } from "../rooms/record_cache.ts";
import { Removals } from "../rooms/removals.ts";
import { RoomAccess } from "../rooms/room_access.ts";
import { SessionManager } from "../sessions/session_manager.ts";
import { logFault } from "./store_watch.ts";

/** The parts of a service between the store and the connections. */
export interface DeliveryParts {
  readonly turns: FlushScheduler;
  readonly hub: Hub;
  readonly replays: { messages: number; gaps: number };
  readonly instruments: Instruments;
  readonly relay: Relay;
  readonly sessions: SessionManager;
  readonly rooms: Removals;
  readonly access: RoomAccess;
}

const log = getLog("server");

/** The settings and ports of a service that these parts need. */
export interface DeliveryOptions {
  readonly config: Config;
  readonly store: Store;
  readonly guard: LoginGuard;
  readonly limits: Limits;
  readonly metrics?: Metrics;
}

/** Makes the parts of a service that pass messages on, and know who is here and who may be where. @param id the server's */
export function makeDeliveryParts(id: string, options: DeliveryOptions): DeliveryParts {
  const { store, config, guard, limits } = options;
  const { topics, deletions } = store;
  const turns = new FlushScheduler();
  const hub = new Hub(turns);
  const replays = { messages: 0, gaps: 0 };
  const commands = allCommands.map(({ name }) => name);
  const instruments = new Instruments(options.metrics ?? new Metrics(), turns, commands);
  const records = new RecordCache(store.records);
  const relay = new Relay({
    ...{ topics, deletions },
    outlet: hub,
    gate: records,
    onFault: (topic, error) => logFault(log, error, "relay_failed", { topic }),
    onPass: (topic, entry) => instruments.arrivals.passed(topic, entry),
  });
  const onFault = (what: string, error: unknown) => logFault(log, error, "session_failed", { what });
  const sessions = new SessionManager({
    serverId: id,
    store,
    feeds: {
      ...{ topics, deletions, relay, hub, gate: records, replays },
      onFault: (topic, error, reference) => log.error("replay_failed", { topic, reference, error }),
    },
    config,
    guard,
    onRefused: (limit) => limits.refused(limit),
    onFault,
  });
  const rooms = new Removals({ records, store, sessions, hub, onFault });
  records.listener = rooms;
  return { turns, hub, replays, instruments, relay, sessions, rooms, access: new RoomAccess(store, records) };
}
