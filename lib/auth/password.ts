/**
 * Password hashes: bcrypt, off the event loop.
 */

/** bcrypt reads no more than this many bytes of a password. */
export const maxPasswordBytes = 72;

/** Makes hashes of passwords, and compares passwords with them. */
export interface Hasher {
  hash(password: string): Promise<string>;
  /** @returns false for a wrong password and for what is not a hash */
  verify(password: string, hash: string): Promise<boolean>;
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

/** How long a password is for bcrypt. */
export function passwordBytes(password: string): number {
  return new TextEncoder().encode(password).length;
}
