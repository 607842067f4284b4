/**
 * Password hashes: bcrypt, off the event loop, a bounded number at a time.
 */

import { ChatError } from "../errors.ts";

/** bcrypt reads no more than this many bytes of a password. */
export const maxPasswordBytes = 72;

/** What accounts need to keep passwords. */
export interface Hasher {
  hash(password: string): Promise<string>;
  /**
   * @param admit called when it is this password's turn; what it throws is thrown instead of hashing
   * @returns false for a wrong password and for a hash that is none
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

/**
 * Lets a bounded number of hashes run at once: each takes a core for a good part of a second, and the event loop and
 * the sockets need theirs.
 *
 * @param running how many at once
 * @param waiting how many may wait; one more is refused with `too_many_attempts`
 */
export function boundedHasher(hasher: Hasher, running: number, waiting = 5_000): Hasher {
  const queue: (() => void)[] = [];
  let active = 0;
  const bounded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (active >= running) {
      if (queue.length >= waiting) {
        throw new ChatError("too_many_attempts", "Too many logins at this moment; try again in a minute");
      }
      await new Promise<void>((resolve) => queue.push(resolve));
    } else {
      active++;
    }
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else active--;
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
