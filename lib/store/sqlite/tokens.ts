import type { DatabaseSync, StatementSync } from "node:sqlite";
import { tokenLifeMs } from "../sessions.ts";
import type { DeviceRecord, TokensRecord } from "../admin_store.ts";

/** The resume tokens of a device. */
export interface Tokens extends TokensRecord {
  /** When its user logged in, in milliseconds since 1970. */
  readonly since: number;
  /** What the user said on going away; null where the user is not. */
  readonly away: string | null;
}

/** Where sessions stood: topic → position. */
type Positions = Readonly<Record<string, string>>;

/**
 * What outlives sessions: the resume tokens of devices, and where their sessions stood. Keys are users' names, folded.
 *
 * A device that has no session goes from here with its tokens' life, at its user's next login.
 */
export class SqliteTokens {
  readonly #find: StatementSync;
  readonly #all: StatementSync;
  readonly #devices: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #removeAll: StatementSync;
  readonly #removeExpired: StatementSync;
  readonly #setRoom: StatementSync;
  readonly #setAway: StatementSync;
  readonly #removeCurrent: StatementSync;
  readonly #removePrevious: StatementSync;
  readonly #positions: StatementSync;
  readonly #putPosition: StatementSync;
  readonly #removePositions: StatementSync;
  readonly #removeAllPositions: StatementSync;
  readonly #removeStrayPositions: StatementSync;

  constructor(database: DatabaseSync) {
    const columns = "current, coalesce(previous, '') AS previous, coalesce(revoked, '') AS revoked, room, expires";
    this.#find = database.prepare(`SELECT ${columns}, since, away FROM tokens WHERE user = ? AND device = ?`);
    this.#all = database.prepare("SELECT current, previous, revoked FROM tokens WHERE user = ?");
    this.#devices = database.prepare(
      `SELECT device, ${columns} FROM tokens WHERE user = ? AND expires > ? ORDER BY device`,
    );
    this.#put = database.prepare(
      "INSERT OR REPLACE INTO tokens (user, device, current, previous, revoked, room, expires, since, away) " +
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#remove = database.prepare("DELETE FROM tokens WHERE user = ? AND device = ? RETURNING expires");
    this.#removeAll = database.prepare("DELETE FROM tokens WHERE user = ?");
    this.#removeExpired = database.prepare("DELETE FROM tokens WHERE user = ? AND expires <= ?");
    this.#setRoom = database.prepare("UPDATE tokens SET room = ? WHERE user = ? AND device = ?");
    this.#setAway = database.prepare("UPDATE tokens SET away = ? WHERE user = ?");
    this.#removeCurrent = database.prepare("DELETE FROM tokens WHERE user = ? AND device = ? AND current = ?");
    this.#removePrevious = database.prepare(
      "UPDATE tokens SET previous = NULL WHERE user = ? AND device = ? AND previous = ?",
    );
    this.#positions = database.prepare("SELECT topic, position FROM stood WHERE user = ? AND device = ?");
    this.#putPosition = database.prepare(
      "INSERT OR REPLACE INTO stood (user, device, topic, position) VALUES (?, ?, ?, ?)",
    );
    this.#removePositions = database.prepare("DELETE FROM stood WHERE user = ? AND device = ?");
    this.#removeAllPositions = database.prepare("DELETE FROM stood WHERE user = ?");
    this.#removeStrayPositions = database.prepare(
      "DELETE FROM stood WHERE user = ?1 AND device NOT IN (SELECT device FROM tokens WHERE user = ?1)",
    );
  }

  /** A device's tokens, expired ones too. */
  find(key: string, device: string): Tokens | undefined {
    return this.#find.get(key, device) as unknown as Tokens | undefined;
  }

  /** Whether a newer login has made a token worthless. */
  isRevoked(key: string, hash: string): boolean {
    return this.#all.all(key).some(({ revoked }) => (revoked as string | null)?.split(" ").includes(hash));
  }

  /** The tokens that a login makes worthless: a device's, or those of all devices. @returns their hashes, as a list */
  revoke(key: string, device: string | undefined): string {
    const found = device === undefined ? this.#all.all(key) : [this.#find.get(key, device)];
    if (device === undefined) this.removeAll(key);
    return found.flatMap((tokens) => [tokens?.current, tokens?.previous]).filter(Boolean).join(" ");
  }

  /** Writes a device's tokens. */
  put(key: string, device: string, { current, previous, revoked, room, expires, since, away }: Tokens): void {
    this.#put.run(key, device, current, previous, revoked, room, expires, since, away);
  }

  /** Writes what an import has of a device. */
  putRecord(key: string, { device, tokens, stood }: Omit<DeviceRecord, "tokens"> & Partial<DeviceRecord>): void {
    if (tokens) this.put(key, device, { ...tokens, since: tokens.expires - tokenLifeMs, away: null });
    this.savePositions(key, device, stood);
  }

  /** The devices that have tokens which are good, by name. */
  records(key: string, now: number): DeviceRecord[] {
    return this.#devices.all(key, now).map(({ device, ...tokens }) => ({
      device: device as string,
      tokens: tokens as unknown as TokensRecord,
      stood: this.positions(key, device as string),
    }));
  }

  /** Removes a device's tokens. @returns until when they were good; undefined where there were none */
  remove(key: string, device: string): number | undefined {
    return this.#remove.get(key, device)?.expires as number | undefined;
  }

  /** Removes the tokens of all of a user's devices. */
  removeAll(key: string): void {
    this.#removeAll.run(key);
  }

  /** Removes a device's token if it is the newest, and forgets it if it is the one before. */
  removeToken(key: string, device: string, hash: string): void {
    this.#removeCurrent.run(key, device, hash);
    this.#removePrevious.run(key, device, hash);
  }

  /** Writes the room that a device's token leads back to. */
  setRoom(key: string, device: string, room: string): void {
    this.#setRoom.run(room, key, device);
  }

  /** Writes what a user said on going away: whichever device is the first to resume brings it back. */
  setAway(key: string, away: string | undefined): void {
    this.#setAway.run(away ?? null, key);
  }

  /** Where a device's session stood. */
  positions(key: string, device: string): Record<string, string> {
    const rows = this.#positions.all(key, device);
    return Object.fromEntries(rows.map(({ topic, position }) => [topic as string, position as string]));
  }

  /** Writes where a device's session stands. */
  savePositions(key: string, device: string, positions: Positions): void {
    for (const [topic, position] of Object.entries(positions)) this.#putPosition.run(key, device, topic, position);
  }

  /** Forgets where a device's session stood. */
  removePositions(key: string, device: string): void {
    this.#removePositions.run(key, device);
  }

  /** Forgets where a device's session stood as it logs in, and what is left of devices that can no longer resume. */
  beginPositions(key: string, device: string, isAlone: boolean, now: number): void {
    if (isAlone) {
      this.#removeAllPositions.run(key);
      return;
    }
    this.removePositions(key, device);
    this.#removeExpired.run(key, now);
    this.#removeStrayPositions.run(key);
  }
}
