import type { ClaimRequest, DeviceState, Session } from "../sessions.ts";
import type { RedisGateway } from "./gateway.ts";
import { fromPairs, type Keys } from "./keys.ts";
import type { Leases, SessionLists } from "./session_lists.ts";

/** A session's hash, as Redis has it; empty where there is no session. */
export type Held = Record<string, string>;

/** Sessions as the users' own slots have them: what is read there. */
export class StoredSessions {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #lists: SessionLists;
  readonly #leases: Leases;

  constructor(redis: RedisGateway, keys: Keys, lists: SessionLists, leases: Leases) {
    this.#redis = redis;
    this.#keys = keys;
    this.#lists = lists;
    this.#leases = leases;
  }

  /** What a user has on a device. */
  async held(user: string, device: string): Promise<Held> {
    return fromPairs(await this.#redis.command("HGETALL", this.#keys.session(user, device)));
  }

  /** A user's devices: see devices.lua. */
  async devices(user: string): Promise<Record<string, string>> {
    return fromPairs(await this.#redis.command("HGETALL", this.#keys.devices(user)));
  }

  /** A user's sessions, by the names of their devices, even if their servers are dead. */
  async heldBy(user: string): Promise<Held[]> {
    const devices = liveDevices(await this.devices(user)).sort();
    const held = await Promise.all(devices.map((device) => this.held(user, device)));
    return held.filter(({ connection }) => connection !== undefined);
  }

  /** Whether any of a user's sessions on some devices has its connection. */
  async isAttached(user: string, devices: readonly string[]): Promise<boolean> {
    const held = await Promise.all(devices.map((device) => this.held(user, device)));
    if (!held.some(({ attached }) => attached === "1")) return false;
    const live = await this.#leases.live();
    return held.some(({ attached, instance }) => attached === "1" && live.includes(instance));
  }

  /**
   * Which of a user's sessions on other devices a claim takes the place of: none as long as there may be one more, else
   * those whose connections have been gone longest.
   *
   * @returns undefined where too many have their connections
   */
  async givingWay({ user, mostDevices = Infinity }: ClaimRequest, others: string[]): Promise<string[] | undefined> {
    const tooMany = others.length + 1 - mostDevices;
    if (tooMany <= 0) return [];
    const [live, held] = await Promise.all([
      this.#leases.live(),
      Promise.all(others.map((device) => this.held(user, device))),
    ]);
    const away = others.flatMap((device, index) => {
      const { attached, instance, gone = "0" } = held[index];
      return attached === "1" && live.includes(instance) ? [] : [{ device, gone: Number(gone) }];
    });
    if (away.length < tooMany) return undefined;
    return away.sort((a, b) => a.gone - b.gone).slice(0, tooMany).map(({ device }) => device);
  }

  /** See {@linkcode Sessions.revocable}. */
  async revocable(user: string): Promise<string[]> {
    const known = await this.devices(user);
    const live = liveDevices(known);
    const others = Object.keys(known).filter((device) => !live.includes(device));
    const may = await Promise.all(
      others.map((device) => this.#redis.command("EXISTS", this.#keys.tokens(user, device))),
    );
    return [...live, ...others.filter((_, index) => may[index] === 1)].sort();
  }

  /** The sessions of a server's run. */
  async *onServer(instance: string): AsyncIterable<DeviceState> {
    for (const { user, device } of await this.#lists.onServer(instance)) {
      const held = await this.held(user, device);
      if (held.instance === instance) yield await this.toState(held);
    }
  }

  /** The sessions of a server's own run; entries without a session are taken out. */
  async heldByRun(instance: string): Promise<Session[]> {
    const held = await Promise.all((await this.#lists.onServer(instance)).map(async ({ user, device, claim }) => {
      const session = await this.held(user, device);
      if (session.instance === instance) return await this.toSession(session);
      await this.#lists.removeFromServer(instance, { user, device }, claim);
    }));
    return held.filter((session) => session !== undefined);
  }

  /** A session from its hash, and where it is in many rooms from its account's. */
  async toSession(held: Held): Promise<Session> {
    const rooms = held.many === "1" ? await this.#redis.command("HKEYS", this.#keys.memberships(held.user)) : [];
    return toSession(held, rooms as string[]);
  }

  /** A session, and whether its connection is there. */
  async toState(held: Held): Promise<DeviceState> {
    return { ...await this.toSession(held), attached: held.attached === "1" };
  }
}

/** A session from its hash. @param memberships its account's rooms, which are those of a session that is in many */
export function toSession(held: Held, memberships: readonly string[]): Session {
  const { user, device = "", server, connection, claim, since = "0", client = "", room, many } = held;
  const rooms = many === "1" ? [...memberships].sort() : [room];
  const numbers = { claim: Number(claim), since: Number(since) };
  return { user, device, server, connection, ...numbers, client, many: many === "1", rooms };
}

/** The devices that have a session, of all that are known. */
export function liveDevices(known: Record<string, string>): string[] {
  return Object.entries(known).flatMap(([device, state]) => state.startsWith("- ") ? [] : [device]);
}

/** The devices as devices.lua compares them. */
export function devicesText(known: Record<string, string>): string {
  return Object.entries(known).map(([device, state]) => `${device} ${state}`).sort().join("\n");
}
