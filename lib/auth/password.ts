/**
 * Password hashes: bcrypt, off the event loop, at a cost that does not tell whether there is such an account.
 */

/** Makes hashes of passwords, and compares passwords with them. */
export interface Hasher {
  hash(password: string): Promise<string>;
  /**
   * @param hash undefined where there is no such account: that costs as much as a wrong password, and is never right
   * @returns false for a wrong password and for what is not a hash
   */
  verify(password: string, hash: string | undefined): Promise<boolean>;
  /** Whether a hash is like those that are made now; one that is not can be made anew when the password is known. */
  isCurrent(hash: string): boolean;
}

/** A hasher whose work for a wrong password is the same for every name. */
export interface EvenHasher extends Hasher {
  /** Takes note of a hash that somebody's password is compared with, sooner or later. */
  expect(hash: string): void;
}

/** The part of bcrypt that is needed; the work of both doubles with each step of the cost. */
export interface Bcrypt {
  hash(password: string, cost: number): Promise<string>;
  compare(password: string, hash: string): Promise<boolean>;
}

/** The lowest cost of bcrypt. */
const minCost = 4;

/**
 * bcrypt of the given cost. Needs the permissions env, read and ffi, for its native part.
 *
 * @param cost 4 to 16; each step doubles the time
 * @param through what its calls go through
 */
export async function bcryptHasher(
  cost: number,
  through: (bcrypt: Bcrypt) => Bcrypt = (bcrypt) => bcrypt,
): Promise<EvenHasher> {
  const { default: bcrypt } = await import("bcrypt");
  return evenHasher(through(bcrypt), cost);
}

/**
 * Hashes at one cost, and compares at the same cost whatever cost a hash has.
 *
 * 1. A wrong password costs as much as a name that nobody has: 2 to the highest cost, which is that of new hashes, or of
 *    the costliest that was seen. A hash of a lower cost is compared first. Then decoys of its cost, of the next, and so
 *    on add up to the rest: 2ᵃ + (2ᵃ + … + 2ᵇ⁻¹) = 2ᵇ.
 * 2. A right password costs what its hash costs.
 *
 * @param cost of new hashes
 */
export function evenHasher(bcrypt: Bcrypt, cost: number): EvenHasher {
  let highest = cost;
  const expect = (hash: string) => void (highest = Math.max(highest, costOf(hash) ?? 0));
  return {
    hash: (password) => bcrypt.hash(password, cost),
    async verify(password, hash) {
      if (hash !== undefined) expect(hash);
      const own = hash === undefined ? undefined : costOf(hash);
      if (own === undefined) {
        await bcrypt.compare(password, decoy(highest));
        return false;
      }
      if (await bcrypt.compare(password, hash!)) return true;
      for (let more = own; more < highest; more++) await bcrypt.compare(password, decoy(more));
      return false;
    },
    isCurrent: (hash) => costOf(hash) === cost,
    expect,
  };
}

/** The cost of a hash; undefined where it is not one of bcrypt's. */
function costOf(hash: string): number | undefined {
  const [, cost] = /^\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(hash) ?? [];
  return cost === undefined || Number(cost) < minCost ? undefined : Number(cost);
}

/** A hash of nobody's password: salt and digest are zeros. */
function decoy(cost: number): string {
  return `$2b$${String(cost).padStart(2, "0")}$${".".repeat(53)}`;
}
