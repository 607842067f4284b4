/**
 * The number that two people compare to know that no third is between them.
 *
 * Each user has a half of it, made of all their devices' public keys and their name; the smaller half comes first, so
 * that both are shown the same. A half is 30 digits, about 100 bits, of an iterated hash: who wants a key whose half
 * looks the same pays for the iterations at each try. The construction is that of Signal's numeric fingerprints
 * (libsignal, `NumericFingerprintGenerator`), with a set of device keys in the place of one identity key.
 */

import { createHash } from "node:crypto";
import { fold } from "../../wire/names.ts";
import { fromBase64url, joined, toUtf8 } from "./bytes.ts";

/** A user and the public keys of their devices. */
export interface KeyOwner {
  readonly user: string;
  readonly keys: readonly string[];
}

const iterations = 5200;
const groupsOfHalf = 6;

/**
 * The safety number of two users: 12 groups of 5 digits.
 *
 * @example
 * ```ts
 * import { safetyNumber } from "./safety_number.ts";
 *
 * const alice = { user: "alice", keys: ["A".repeat(43)] };
 * const bob = { user: "bob", keys: ["A".repeat(42) + "E"] };
 * const groups = safetyNumber(alice, bob);
 * if (groups.length !== 12 || groups.join() !== safetyNumber(bob, alice).join()) throw new Error("not the same");
 * ```
 */
export function safetyNumber(one: KeyOwner, other: KeyOwner): string[] {
  return [half(one), half(other)].sort((a, b) => a.join() < b.join() ? -1 : 1).flat();
}

function half({ user, keys }: KeyOwner): string[] {
  const raw = [...new Set(keys)].sort().map((key) => fromBase64url(key)!);
  const owner = joined([0, 1, raw.length], ...raw);
  let hash: Uint8Array = joined(owner, toUtf8(fold(user)));
  for (let round = 0; round < iterations; round++) hash = createHash("sha512").update(hash).update(owner).digest();
  return Array.from({ length: groupsOfHalf }, (_, group) => {
    const number = hash.subarray(5 * group, 5 * group + 5).reduce((value, byte) => value * 256 + byte, 0);
    return String(number % 100_000).padStart(5, "0");
  });
}
