import { type Clock, pause, systemClock } from "../../common/time.ts";

/** How many times the limit of one queue all connections of a user may have waiting. */
const shareFactor = 4;

/** How often it is looked whether there is room, in milliseconds. */
const lookMs = 50;

/** A connection that has taken nothing for so long gives way to others of its user, in milliseconds. */
const stalledMs = 5_000;

/** A connection, as far as its answers take memory. */
export interface Answered {
  /** Bytes that wait to be written. */
  readonly pending: number;
  /** For how long the peer has taken nothing of what waits, in milliseconds. */
  readonly stalledMs: number;
  /** Gives up what waits: the connection ends. */
  giveUp(): void;
}

interface Share {
  readonly connections: Set<Answered>;
  /** Bytes of answers that are being made. */
  reserved: number;
  readonly waiting: {
    readonly from: Answered;
    readonly bytes: number;
    readonly resolve: (reserved: boolean) => void;
  }[];
}

/**
 * What answers take that wait to be read: bounded for all connections of one user, or of one network's guests, together.
 *
 * 1. Before a line is taken, and before a long answer is made, it waits until there is room for it; who waits first is
 *    first. So what a user's connections have waiting exceeds the limit by no more than short answers do.
 * 2. While somebody waits, the connection with the most waiting ends if its peer has read nothing for some seconds.
 * 3. Where nothing waits, any answer is made.
 */
export class AnswerBudget {
  readonly #limit: () => number;
  readonly #clock: Clock;
  readonly #shares = new Map<string, Share>();

  /** @param maxQueueBytes the limit of one connection's queue, as it is now */
  constructor(maxQueueBytes: () => number, clock: Clock = systemClock) {
    this.#limit = () => shareFactor * maxQueueBytes();
    this.#clock = clock;
  }

  /** Counts a connection with those of a key. */
  join(key: string, connection: Answered): void {
    const share = this.#shares.get(key) ?? { connections: new Set(), reserved: 0, waiting: [] };
    share.connections.add(connection);
    this.#shares.set(key, share);
  }

  /** Counts a connection no longer; it waits no more. */
  leave(key: string, connection: Answered): void {
    const share = this.#shares.get(key);
    if (!share) return;
    share.connections.delete(connection);
    const index = share.waiting.findIndex(({ from }) => from === connection);
    if (index >= 0) share.waiting.splice(index, 1)[0].resolve(false);
    if (share.connections.size === 0) this.#shares.delete(key);
  }

  /**
   * Waits for room.
   *
   * @param bytes the most that the answer may take; 0 for a short one
   * @returns whether the bytes are reserved, until they are {@linkcode release}d; false for a connection that has left
   */
  reserve(key: string, from: Answered, bytes: number): Promise<boolean> | boolean {
    const share = this.#shares.get(key);
    if (!share) return false;
    if (share.waiting.length === 0 && this.#fits(share, bytes)) {
      share.reserved += bytes;
      return true;
    }
    return new Promise((resolve) => {
      share.waiting.push({ from, bytes, resolve });
      if (share.waiting.length === 1) void this.#serve(share);
    });
  }

  /** The answer is made, and what waits of it is among what waits. */
  release(key: string, bytes: number): void {
    const share = this.#shares.get(key);
    if (share) share.reserved -= bytes;
  }

  #fits({ connections, reserved }: Share, bytes: number): boolean {
    let taken = reserved;
    for (const { pending } of connections) taken += pending;
    return taken === 0 || taken + bytes <= this.#limit();
  }

  async #serve(share: Share): Promise<void> {
    while (share.waiting.length > 0) {
      const [{ bytes, resolve }] = share.waiting;
      if (this.#fits(share, bytes)) {
        share.reserved += bytes;
        share.waiting.shift();
        resolve(true);
        continue;
      }
      const largest = share.connections.values().reduce((most, one) => one.pending > most.pending ? one : most);
      if (largest.stalledMs >= stalledMs) largest.giveUp();
      await pause(lookMs, undefined, this.#clock);
    }
  }
}
