import { cleanLine } from "../../wire/clean.ts";
import type { PresenceEvent, Reply } from "../../wire/event.ts";
import { isObject } from "../base/shape.ts";

/** More names than anyone completes among: the ones heard of first go. */
const maxNames = 20_000;

/** Who and what there is, as far as the client has heard: for the count of members, and for completing names. */
export class Roster {
  #members: Set<string> | undefined;
  #users = new Map<string, true>();
  #rooms = new Set<string>();
  #devices: string[] = [];

  /** How many are in the room, the reader too; undefined until it is known. */
  get members(): number | undefined {
    return this.#members?.size;
  }

  /** Names for completing: those who spoke last come first, then the rest by the alphabet. */
  users(): string[] {
    const spoken = [...this.#users.keys()].reverse();
    const others = [...this.#members ?? []].filter((user) => !this.#users.has(user)).sort();
    return [...spoken, ...others];
  }

  /** Rooms, by the alphabet. */
  rooms(): string[] {
    return [...this.#rooms].sort();
  }

  /** The user's devices, and what stands for all but this one. */
  devices(): string[] {
    return [...this.#devices, "all"];
  }

  /** Somebody said something. */
  spoke(user: string): void {
    this.#users.delete(user);
    this.#users.set(user, true);
    if (this.#users.size > maxNames) this.#users.delete(this.#users.keys().next().value!);
  }

  /** Somebody came or went. */
  follow({ user, state }: Pick<PresenceEvent, "user" | "state">): void {
    const name = cleanLine(user);
    if (state === "joined") this.#members?.add(name);
    else this.#members?.delete(name);
  }

  /** The reader is in another room, of which nothing is known yet. */
  moved(room: string): void {
    this.#members = undefined;
    this.#rooms.add(room);
  }

  /** Learns from an answer to `who`, `users`, `rooms` or `devices`, of the client's own or another's asking. */
  learn(reply: Reply, room: string | undefined): void {
    const { of, members, users, rooms, devices } = reply as Readonly<Record<string, unknown>>;
    if (of === "who" && (reply as { room?: unknown }).room === room) this.#members = new Set(names(members));
    if (of === "users") { for (const user of names(users)) if (!this.#users.has(user)) this.spoke(user); }
    if (of === "devices" && Array.isArray(devices)) {
      this.#devices = names(devices.map((entry) => isObject(entry) ? entry.device : undefined));
    }
    if (of === "rooms" && Array.isArray(rooms)) {
      this.#rooms = new Set(names(rooms.map((entry) => isObject(entry) ? entry.room : undefined)));
    }
  }
}

function names(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.filter((name) => typeof name === "string").slice(0, maxNames).map(cleanLine);
}
