import { fold } from "../../wire/names.ts";
import type { DeviceState, Session } from "../sessions.ts";

/** A session in memory. */
export interface Held {
  session: Session;
  attached: boolean;
  /** Where its connection dropped: what grows with every such drop. */
  gone: number;
  /** The rooms that its user was removed from, and that it has not left or entered since. */
  readonly struck: Set<string>;
}

/** The sessions of the one server, by user and device; memory has them, since they end with it. */
export class HeldSessions {
  /** User, folded → device → session. */
  readonly #users = new Map<string, Map<string, Held>>();
  #drops = 0;

  /** A user's session on a device. */
  get(user: string, device: string): Held | undefined {
    return this.#users.get(fold(user))?.get(device);
  }

  /** A user's sessions, by the names of their devices. */
  of(user: string): Held[] {
    const held = [...this.#users.get(fold(user))?.values() ?? []];
    return held.sort(({ session: one }, { session: other }) => one.device < other.device ? -1 : 1);
  }

  /** Whether a user has any. */
  has(user: string): boolean {
    return this.#users.has(fold(user));
  }

  /** Holds a session for its connection, in the place of another of its device. */
  put(session: Session): void {
    const key = fold(session.user);
    const devices = this.#users.get(key) ?? new Map<string, Held>();
    devices.set(session.device, { session, attached: true, gone: 0, struck: new Set() });
    this.#users.set(key, devices);
  }

  /** Holds a session no longer. @returns whether its user has others */
  remove({ user, device }: Session): boolean {
    const key = fold(user);
    const devices = this.#users.get(key);
    devices?.delete(device);
    if (devices?.size === 0) this.#users.delete(key);
    return this.#users.has(key);
  }

  /** Notes that a session's connection dropped. */
  drop({ user, device }: Session): void {
    const held = this.get(user, device);
    if (!held?.attached) return;
    held.attached = false;
    held.gone = ++this.#drops;
  }

  /** Every session, and whether its connection is there. */
  list(): DeviceState[] {
    return [...this.#users.values()].flatMap((devices) => [...devices.values()].map(toState));
  }

  /** Who has a session, sorted. */
  users(): string[] {
    return [...this.#users.values()].map(nameOf).sort();
  }

  /** Rooms with somebody in them: name → how many users. */
  rooms(): Map<string, number> {
    const rooms = new Map<string, number>();
    for (const devices of this.#users.values()) {
      const own = new Set<string>();
      for (const held of devices.values()) {
        for (const room of held.session.rooms) if (!held.struck.has(room)) own.add(room);
      }
      for (const room of own) rooms.set(room, (rooms.get(room) ?? 0) + 1);
    }
    return rooms;
  }

  /** Who is in a room, sorted. */
  members(room: string): string[] {
    return [...this.#users.values()].filter((devices) => isAnyIn(room, devices)).map(nameOf).sort();
  }

  /** Whether a user is in a room. */
  isIn(room: string, user: string): boolean {
    const devices = this.#users.get(fold(user));
    return devices !== undefined && isAnyIn(room, devices);
  }

  /** Notes that a user was removed from a room. */
  strike(room: string, user: string): void {
    for (const { session, struck } of this.of(user)) if (session.rooms.includes(room)) struck.add(room);
  }

  /** Whether anybody is in a room. */
  isUsed(room: string): boolean {
    for (const devices of this.#users.values()) if (isAnyIn(room, devices)) return true;
    return false;
  }
}

/** A session as a list of devices has it. */
export function toState({ session, attached }: Held): DeviceState {
  return { ...session, attached };
}

function isAnyIn(room: string, devices: ReadonlyMap<string, Held>): boolean {
  for (const { session, struck } of devices.values()) {
    if (session.rooms.includes(room) && !struck.has(room)) return true;
  }
  return false;
}

function nameOf(devices: ReadonlyMap<string, Held>): string {
  const [{ session }] = devices.values();
  return session.user;
}
