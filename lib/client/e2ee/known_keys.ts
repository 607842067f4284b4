import { join } from "node:path";
import { quote } from "../../wire/command.ts";
import type { UserKeys } from "../../wire/event.ts";
import { fold, isUsername } from "../../wire/names.ts";
import { isPublicKey } from "../../wire/sealed.ts";
import { ClientError } from "../base/exit.ts";
import { readPrivate, writePrivate } from "../base/private_file.ts";
import { isObject } from "../base/shape.ts";
import type { DevicePlace } from "./device.ts";

/** A key that was seen. */
export interface KnownKey {
  readonly public: string;
  /** When it was first seen here, and when it was seen to be gone: ISO 8601, UTC. */
  readonly since: string;
  readonly until?: string;
}

/** The devices on both sides. */
export interface KeySets {
  readonly theirs: readonly string[];
  readonly ours: readonly string[];
}

/** What is known of one user. */
export interface Peer {
  readonly keys: readonly KnownKey[];
  /** The sets whose safety number was shown last, and those whose number a person said is right. */
  readonly shown?: KeySets;
  readonly verified?: KeySets;
  /** A person agreed that messages are not encrypted, while the user has no key any more. */
  readonly plain?: true;
}

/** How a user's keys have changed. */
export interface KeyChange {
  readonly added: number;
  readonly removed: number;
}

const nobody: Peer = { keys: [] };

/** How many keys are remembered of one user; of more, those that have been gone for longest are forgotten. */
const maxKeys = 200;

/**
 * The keys of people's devices, as a client has come to know them, and which of them a person has verified.
 *
 * A server tells who has which keys, and could name its own among them. What is remembered here is what lets a person
 * notice: every key that was ever seen, since when and until when, and the two sets of keys (theirs, and one's own)
 * whose safety number was compared.
 */
export class KnownKeys {
  readonly #file: string | undefined;
  readonly #now: () => Date;
  #peers = new Map<string, Peer>();
  #kept: boolean;

  /**
   * @param now the time of day
   * @throws {ClientError} `usage` when the file cannot be read, or holds something else
   */
  constructor({ folder, account }: DevicePlace, now: () => Date = () => new Date()) {
    this.#file = folder && join(folder, "known_keys", encodeURIComponent(account));
    this.#kept = this.#file !== undefined;
    this.#now = now;
    this.#load();
  }

  /** Whether what is learned will be known the next time. */
  get kept(): boolean {
    return this.#kept;
  }

  /** What is known of a user. */
  peer(user: string): Peer {
    return this.#peers.get(fold(user)) ?? nobody;
  }

  /** The public keys that a user has now, as far as is known. */
  present(user: string): string[] {
    return this.peer(user).keys.filter(({ until }) => until === undefined).map((key) => key.public);
  }

  /** Whether a user has, or had, this key. */
  has(user: string, key: string): boolean {
    return this.peer(user).keys.some((known) => known.public === key);
  }

  /**
   * Takes what a server says of a user's keys.
   *
   * @param own a key that is this device's, and no news
   * @returns what has changed, where keys of the user were known before
   */
  learn({ user, keys }: UserKeys, own?: string): KeyChange | undefined {
    this.#load();
    const present = new Set(keys.map((key) => key.public));
    const known = new Set(this.present(user));
    const added = [...present].filter((key) => !known.has(key));
    const removed = [...known].filter((key) => !present.has(key));
    if (added.length === 0 && removed.length === 0) return undefined;
    this.#distrust(removed.filter((key) => key !== own));
    const before = this.peer(user);
    const at = this.#now().toISOString();
    const others = before.keys.filter((key) => !added.includes(key.public)).map((key) => {
      return key.until === undefined && !present.has(key.public) ? { ...key, until: at } : key;
    });
    const all = [...others, ...added.map((key) => ({ public: key, since: at }))];
    const { plain: _, ...rest } = before;
    const stays = present.size === 0 && before.plain;
    this.#put(user, { ...rest, keys: bounded(all), ...(stays ? { plain: true } : {}) });
    const news = { added: added.filter((key) => key !== own).length, removed: removed.length };
    return before.keys.length === 0 || news.added + news.removed === 0 ? undefined : news;
  }

  /** Remembers which keys a safety number was shown for. */
  show(user: string, shown: KeySets): void {
    this.#load();
    this.#put(user, { ...this.peer(user), shown });
  }

  /** Marks a user as verified with these keys; undefined takes the mark away. */
  verify(user: string, verified: KeySets | undefined): void {
    this.#load();
    const { verified: _, ...rest } = this.peer(user);
    this.#put(user, verified ? { ...rest, verified } : rest);
  }

  /** A person goes on with the keys that there are now, or with none, without having compared anything. */
  accept(user: string): void {
    this.#load();
    const { verified: _, plain: __, ...rest } = this.peer(user);
    this.#put(user, this.present(user).length === 0 ? { ...rest, plain: true } : rest);
  }

  /**
   * Reads the file anew: another client of the same user may have learned something.
   *
   * @throws {ClientError} `usage` when the file cannot be read, or holds something else
   */
  refresh(): void {
    this.#load();
  }

  /** What was compared no longer holds for keys that are gone: should one come back, somebody else may have it. */
  #distrust(gone: readonly string[]): void {
    if (gone.length === 0) return;
    const without = (keys: readonly string[]) => keys.filter((key) => !gone.includes(key));
    const left = (sets: KeySets) => ({ theirs: without(sets.theirs), ours: without(sets.ours) });
    for (const [user, { shown, verified, ...rest }] of this.#peers) {
      this.#peers.set(user, {
        ...rest,
        ...(shown ? { shown: left(shown) } : {}),
        ...(verified ? { verified: left(verified) } : {}),
      });
    }
  }

  #put(user: string, peer: Peer): void {
    // An entry that could not be read back would make the whole file unreadable.
    if (!isUsername(user) || !isPeer(peer)) throw new TypeError(`Nothing of the kind is kept of ${quote(user)}`);
    this.#peers.set(fold(user), peer);
    if (this.#file === undefined || !this.#kept) return;
    const text = JSON.stringify({ version: 1, peers: Object.fromEntries(this.#peers) }, undefined, 1) + "\n";
    try {
      writePrivate(this.#file, text);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#kept = false; // what this run learns, it knows
    }
  }

  #load(): void {
    const text = this.#file && this.#kept ? readPrivate(this.#file) : undefined;
    if (text === undefined) return;
    const peers = parse(text);
    if (peers) return void (this.#peers = peers);
    // To pass over it would mean to trust any new key: just what somebody who changed the file would want.
    throw new ClientError("usage", `${this.#file} is not as it should be; without that file, everybody's keys are new`);
  }
}

function bounded(keys: readonly KnownKey[]): readonly KnownKey[] {
  const gone = keys.filter(({ until }) => until !== undefined);
  const most = Math.max(0, maxKeys - (keys.length - gone.length));
  const forgotten = new Set(
    gone.sort((a, b) => a.until! < b.until! ? -1 : 1).slice(0, Math.max(0, gone.length - most)),
  );
  return keys.filter((key) => !forgotten.has(key));
}

function parse(text: string): Map<string, Peer> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value.version !== 1 || !isObject(value.peers)) return undefined;
  const entries = Object.entries(value.peers);
  return entries.every(([user, peer]) => isUsername(user) && isPeer(peer))
    ? new Map(entries as [string, Peer][])
    : undefined;
}

function isPeer(value: unknown): value is Peer {
  if (!isObject(value) || !Array.isArray(value.keys)) return false;
  const { keys, shown, verified, plain } = value;
  return keys.every((key) =>
    isObject(key) && isKey(key.public) && isTime(key.since) && isOptional(key.until, isTime)
  ) &&
    isOptional(shown, isSets) && isOptional(verified, isSets) && isOptional(plain, (value) => value === true);
}

function isSets(value: unknown): boolean {
  return isObject(value) &&
    [value.theirs, value.ours].every((keys) => Array.isArray(keys) && keys.every(isKey));
}

function isKey(value: unknown): boolean {
  return typeof value === "string" && isPublicKey(value);
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

function isOptional(value: unknown, fits: (value: unknown) => boolean): boolean {
  return value === undefined || fits(value);
}
