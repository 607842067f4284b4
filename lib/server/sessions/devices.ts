import { ChatError } from "../../common/errors.ts";
import type { OrderReport, SideConnection } from "../../store/servers.ts";
import type { Store } from "../../store/store.ts";
import { deviceRevoked, type LocalSessions } from "./local_sessions.ts";
import type { SessionEnds } from "./session_ends.ts";
import type { UserSession } from "./user_session.ts";

/** What a user is told of a connection, or of a session that may be resumed. */
export interface DeviceLine {
  readonly device: string;
  readonly server: string;
  /** When it logged in, in milliseconds since 1970. */
  readonly since: number;
  /** What the client calls itself; empty where it does not say. */
  readonly client: string;
  /** Whether it is the one that asks. */
  readonly here: boolean;
  /** Whether it is a side connection. */
  readonly side: boolean;
}

/** Ports of the devices. */
export interface DevicesOptions {
  readonly serverId: string;
  readonly store: Store;
  readonly local: LocalSessions;
  readonly ends: SessionEnds;
}

/** How long other servers may take to tell which side connections a user has, in milliseconds. */
const patienceMs = 2_000;

/** The name in lists of a session that has none: its user has one at a time, and named no device. */
const unnamed = "default";

/** A user's devices: the sessions that the store has, and the side connections that the servers have. */
export class Devices {
  readonly #options: DevicesOptions;

  constructor(options: DevicesOptions) {
    this.#options = options;
  }

  /**
   * The user's connections and the sessions that may be resumed, by name. What is on a server that does not answer is
   * left out, if it is a side connection.
   *
   * @throws {ChatError} `store_unavailable`
   */
  async list({ user, connectionId }: UserSession): Promise<DeviceLine[]> {
    const [sessions, reports] = await Promise.all([
      this.#options.store.sessions.devices(user),
      this.#orderSides(user),
    ]);
    const lines = [
      ...sessions.map((session) => ({ ...session, side: false })),
      ...reports.flatMap(({ server, sides = [] }) => sides.map((side) => ({ ...side, server, side: true }))),
    ].map(({ device, server, since, client, connection, side }) => {
      return { device: device || unnamed, server, since, client, here: connection === connectionId, side };
    });
    return lines.sort((a, b) => a.device < b.device ? -1 : 1);
  }

  /**
   * Ends what a user has on a device, for good.
   *
   * @param device its name; without one all but the session's own
   * @returns the names of what was revoked
   * @throws {ChatError} `unknown_device`, `store_unavailable`
   */
  async revoke(session: UserSession, device?: string): Promise<string[]> {
    const { user } = session;
    const [known, reports] = await Promise.all([
      this.#options.store.sessions.revocable(user),
      this.#orderSides(user),
    ]);
    const sides = reports.flatMap((report) => report.sides ?? []).map(({ device }) => device);
    const own = session.device || unnamed;
    const all = [...known.map((name) => name || unnamed), ...sides];
    const chosen = device === undefined ? all.filter((name) => name !== own) : all.filter((name) => name === device);
    if (device !== undefined && chosen.length === 0) {
      throw new ChatError("unknown_device", `You have no device ${JSON.stringify(device)}; /devices lists them`);
    }
    await Promise.all(chosen.map((name) => sides.includes(name) ? this.#endSide(user, name) : this.#end(user, name)));
    const unheard = reports.find(({ failed }) => failed !== undefined);
    if (unheard) {
      const message = `${unheard.server} did not answer: side connections there go on; try again`;
      throw new ChatError("store_unavailable", message);
    }
    return chosen.sort();
  }

  /** The user's side connections on this server. */
  sidesHere(user: string): SideConnection[] {
    return this.#options.local.sidesOf(user).map(({ device, since, client, connectionId: connection }) => {
      return { device, since, client, connection };
    });
  }

  async #end(user: string, name: string): Promise<void> {
    const { store, serverId, local, ends } = this.#options;
    const session = await store.sessions.revokeDevice(user, name === unnamed ? "" : name);
    if (session === undefined || session === "away") return;
    const { server, connection } = session;
    if (server === serverId) local.supersede(connection, deviceRevoked);
    else await store.servers.signal(server, { kind: "evict", connection, last: deviceRevoked });
    const online = await store.sessions.countOnline([session.user]);
    if (online === 0) await ends.announceOffline(session);
    else await ends.announceAll(session, "left");
  }

  async #endSide(user: string, side: string): Promise<void> {
    const order = { do: "expel", user, message: deviceRevoked.message, side } as const;
    await this.#options.store.admin.order(order, patienceMs);
  }

  async #orderSides(user: string): Promise<OrderReport[]> {
    return await this.#options.store.admin.order({ do: "list_sides", user }, patienceMs);
  }
}
