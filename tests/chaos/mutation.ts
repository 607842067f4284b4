/** What a way to break the servers is made from. */

import type { FaultName, StoreName } from "./stores.ts";
import type { Replacement } from "./tree.ts";

/** One way to break the servers. */
export interface Mutation {
  readonly name: string;
  /** With which store it shows; Redis unless told. */
  readonly store?: StoreName;
  /** What stands in the place of what, in the servers' source. */
  readonly replacements: readonly Replacement[];
  /** What brings it to light. */
  readonly faults: readonly FaultName[];
  /** Whether users have several devices. */
  readonly shared?: true;
  readonly rollback?: true;
  readonly seconds: number;
  /** Kinds of violations, of which one at least must be found. */
  readonly finds: readonly string[];
}
