/** What a scenario is, and what it is given. */

import type { MetricName, Values } from "./metrics.ts";
import type { StoreName } from "./world.ts";

/** How large a run is: `quick` only shows that everything works, `long` is for a machine of one's own. */
export type Size = "quick" | "usual" | "long";

/** What a scenario is run with. */
export interface Context {
  readonly store: StoreName;
  readonly size: Size;
  /** How often each case is measured. */
  readonly runs: number;
  /** How long, in seconds. */
  readonly seconds: number;
  /** Takes one run's figures; a case is all runs of the same name. */
  record(name: string, parameters: Readonly<Record<string, string | number>>, values: Values): void;
}

/** A row of the table of scenarios. */
export interface Scenario {
  /** As on the command line, and in its files' names. */
  readonly name: string;
  readonly title: string;
  /** Its columns, in order. */
  readonly columns: readonly MetricName[];
  /** One chart for each. */
  readonly charts: readonly MetricName[];
  /** Whether it makes no sense without `/proc`. */
  readonly needsProc?: true;
  run(context: Context): Promise<void>;
}

/** The columns of every scenario in which messages are counted. */
export const trust = ["lost", "doubled", "disordered", "disconnected"] as const satisfies MetricName[];
