/**
 * Password hashes: bcrypt, off the event loop, a bounded number at a time.
 */

import { ChatError } from "../common/errors.ts";
import type { Count, Distribution, Metrics } from "../observability/metrics.ts";

/** bcrypt reads no more than this many bytes of a password. */
export const maxPasswordBytes = 72;

/** What accounts need to keep passwords. */
export interface Hasher {
  hash(password: string): Promise<string>;
  /**
   * @param admit called when it is this password's turn; what it throws is thrown instead of hashing
   * @returns false for a wrong password and for what is not a hash
   */
  verify(password: string, hash: string, admit?: () => void): Promise<boolean>;
}

/**
 * bcrypt of the given cost. Needs the permissions env, read and ffi, for its native part.
 *
 * @param cost 4 to 16; each step doubles the time
 */
export async function bcryptHasher(cost: number): Promise<Hasher> {
  const { default: bcrypt } = await import("bcrypt");
  return {
    hash: (password) => bcrypt.hash(password, cost),
    verify: (password, hash) => bcrypt.compare(password, hash),
  };
}

/** What hashing is measured in; times in seconds. */
export interface HashMeter {
  readonly running: Count;
  readonly waiting: Count;
  readonly refused: Count;
  readonly wait: Distribution;
  readonly work: Distribution;
}

/** The cells that hashing is measured in. */
export function hashMeter(metrics: Metrics): HashMeter {
  return {
    running: metrics.gauge("chat_password_hashes_running"),
    waiting: metrics.gauge("chat_password_hashes_waiting"),
    refused: metrics.counter("chat_password_hashes_refused_total"),
    wait: metrics.histogram("chat_password_hash_wait_seconds"),
    work: metrics.histogram("chat_password_hash_duration_seconds"),
  };
}

/**
 * Lets a bounded number of hashes run at once: each takes a core for a good part of a second, and the event loop and
 * the sockets need a core too.
 *
 * @param running how many at once
 * @param waiting how many may wait; one more is refused with `too_many_attempts`
 * @param meter told what is under way, where somebody wants to know
 */
export function boundedHasher(hasher: Hasher, running: number, waiting = 5_000, meter?: HashMeter): Hasher {
  const queue: (() => void)[] = [];
  let active = 0;
  const note = () => {
    if (!meter) return;
    meter.running.value = active;
    meter.waiting.value = queue.length;
  };
  const bounded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (active >= running) {
      if (queue.length >= waiting) {
        if (meter) meter.refused.value++;
        throw new ChatError("too_many_attempts", "Too many logins at this moment; try again in a minute");
      }
      const turn = new Promise<void>((resolve) => queue.push(resolve));
      note();
      const came = performance.now();
      await turn;
      meter?.wait.observe((performance.now() - came) / 1000);
    } else {
      active++;
      meter?.wait.observe(0);
    }
    note();
    const began = performance.now();
    try {
      return await work();
    } finally {
      meter?.work.observe((performance.now() - began) / 1000);
      const next = queue.shift();
      if (next) next();
      else active--;
      note();
    }
  };
  return {
    hash: (password) => bounded(() => hasher.hash(password)),
    verify: (password, hash, admit) =>
      bounded(() => {
        admit?.();
        return hasher.verify(password, hash);
      }),
  };
}

/** How long a password is for bcrypt. */
export function passwordBytes(password: string): number {
  return new TextEncoder().encode(password).length;
}
