/**
 * How a server that stops moves its clients off: in waves, so that the other servers take them in bit by bit.
 */

import { pause } from "../../common/time.ts";

/** What a client is told that is to go. */
export const stopping = {
  type: "system",
  code: "server_draining",
  message: "The server is stopping; connect again",
} as const;

/** How many clients go, and when. */
export interface DrainPlan {
  /** How many go in one wave. */
  readonly size: number;
  /** The time between two waves, in milliseconds. */
  readonly everyMs: number;
  /** How long those of one wave are told to wait before they come back, in milliseconds: a random part of this. */
  readonly spreadMs: number;
}

/** The fewest that go at once, and how often, in milliseconds. */
const wave = { size: 50, everyMs: 250 };

/** The share of the time that the waves have; the rest is for the last lines of the last wave. */
const share = 0.6;

/** The longest time that a client is told to wait, in milliseconds, and what each client adds to it. */
const longestWaitMs = 1_000;
const waitPerClientMs = 5;

/**
 * Plans the waves.
 *
 * @param clients how many are to go
 * @param withinMs how long the whole stop may take
 *
 * @example
 * ```ts
 * import { planDrain } from "./drain.ts";
 *
 * const { size, everyMs } = planDrain(10_000, 8_000);
 * if (Math.ceil(10_000 / size) * everyMs > 8_000) throw new Error("too slow");
 * ```
 */
export function planDrain(clients: number, withinMs: number): DrainPlan {
  const waves = Math.max(1, Math.floor(withinMs * share / wave.everyMs));
  const size = Math.max(wave.size, Math.ceil(clients / waves));
  return { size, everyMs: wave.everyMs, spreadMs: Math.min(longestWaitMs, waitPerClientMs * clients) };
}

/**
 * Sends clients away by the plan, until none is left or the signal is aborted.
 *
 * @param next gives the clients of the next wave, at most so many; no client when all are gone
 * @param sendAway tells a client to come back after so many milliseconds, to another server if it can
 */
export async function drain<T>(
  { size, everyMs, spreadMs }: DrainPlan,
  next: (size: number) => readonly T[],
  sendAway: (client: T, retryAfterMs: number) => void,
  signal: AbortSignal,
  random: () => number = Math.random,
): Promise<void> {
  while (!signal.aborted) {
    const clients = next(size);
    for (const client of clients) sendAway(client, Math.round(random() * spreadMs));
    if (clients.length < size) return;
    await pause(everyMs, signal);
  }
}
