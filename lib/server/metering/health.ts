/**
 * Whether a server should get clients, and if not, why.
 */

import type { Snapshot } from "../../observability/metrics.ts";
import type { StoreFailure } from "../../store/failure.ts";

/** The checks; `worker` and `start` are of the process. */
export type Check = "store" | "subscription" | "lease" | "drain" | "port" | "worker" | "start";

/** A check that fails. */
export interface Problem {
  readonly check: Check;
  /** One sentence for the operator. */
  readonly reason: string;
  /** The worker's number, where there are several. */
  readonly worker?: number;
}

/** A server, or several in one process, as seen from outside. */
export interface Watched {
  /** Why the process should be restarted; undefined where it need not be. */
  stuck(): string | undefined;
  /** Why it should get no clients; empty where it should get them. */
  health(): Promise<readonly Problem[]>;
  /** The metrics of each of the servers. */
  snapshots(): Promise<readonly (readonly Snapshot[])[]>;
}

/** What the checks of one server look at. */
export interface Vitals {
  /** What is wrong with the store, if anything. */
  readonly outage: "unreachable" | "unsubscribed" | undefined;
  /** Why its calls fail, where that is known. */
  readonly failure?: Pick<StoreFailure, "reason"> | undefined;
  /** Whether the lease is held. */
  readonly leased: boolean;
  readonly draining: boolean;
  /** Why the server's own port does not answer. */
  readonly port?: string | undefined;
}

/** The checks of one server that fail, with their reasons. */
export function problemsOf({ outage, failure, leased, draining, port }: Vitals): Problem[] {
  const problems: Problem[] = [];
  if (draining) problems.push({ check: "drain", reason: "the server is stopping" });
  if (port !== undefined && !draining) problems.push({ check: "port", reason: port });
  if (failure) problems.push({ check: "store", reason: failure.reason });
  else if (outage === "unreachable") problems.push({ check: "store", reason: "the store does not answer" });
  if (outage === "unsubscribed") {
    problems.push({ check: "subscription", reason: "the store's subscriptions are silent" });
  }
  if (!leased) {
    const away = failure !== undefined || outage === "unreachable";
    const reason = away
      ? "the lease ran out while the store failed"
      : "the lease has run out, or another server has it";
    problems.push({ check: "lease", reason });
  }
  return problems;
}
