/** The figures of a scenario as a file: what was measured on what, every run, and what the runs come to. */

import { join } from "node:path";
import type { Machine } from "./machine.ts";
import { combined, type Values } from "./metrics.ts";
import type { StoreName } from "./world.ts";

/** All runs of one kind. */
export interface Case {
  readonly name: string;
  readonly store: StoreName;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly runs: Values[];
  /** Of all runs: the medians, and of faults the worst. */
  result: Values;
}

/** A scenario's file. */
export interface Result {
  readonly scenario: string;
  readonly takenAt: string;
  readonly machine: Machine;
  readonly cases: Case[];
}

/** Adds one run's figures to its case. */
export function addRun(cases: Case[], of: Omit<Case, "runs" | "result">, values: Values): Case {
  let found = cases.find(({ name, store }) => name === of.name && store === of.store);
  if (!found) cases.push(found = { ...of, runs: [], result: {} });
  found.runs.push(rounded(values));
  found.result = rounded(combined(found.runs));
  return found;
}

/** Where the newest figures are. */
export const resultsFolder: string = join(import.meta.dirname!, "results");

export async function writeResult(folder: string, result: Result): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, `${result.scenario}.json`), JSON.stringify(result, null, 2) + "\n");
}

/** A scenario's figures, or undefined where there are none yet. */
export function readResult(folder: string, scenario: string): Result | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(join(folder, `${scenario}.json`)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Four digits say all that is known. */
function rounded(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined).map(([name, value]) => [
      name,
      Number.isInteger(value) ? value : Number(value.toPrecision(4)),
    ]),
  );
}
