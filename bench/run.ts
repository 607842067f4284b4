/**
 * `deno task bench`: measures a real server, prints the figures, and keeps the newest in `bench/results/`.
 */

import { parseArgs } from "node:util";
import { findRedis } from "../scripts/redis_binary.ts";
import { writeCharts } from "./charts.ts";
import { describeMachine, type Machine, machineLine } from "./machine.ts";
import { isFaulty, metrics, shown } from "./metrics.ts";
import { hasProc } from "./proc.ts";
import { addRun, type Case, resultsFolder, writeResult } from "./results.ts";
import type { Scenario, Size } from "./scenario.ts";
import { scenarios } from "./scenarios/all.ts";
import { stopAll, type StoreName } from "./world.ts";

const help = `deno task bench [scenario …] [option …]

  --store NAME    sqlite, redis or both; both
  --runs N        how often each case is measured, of which the median is shown; 5
  --seconds N     how long each time; 3
  --quick         small and short, to see that everything works; keeps no figures, unless --out is given
  --long          with the sizes that take minutes as well
  --out FOLDER    where figures and charts are kept; bench/results

Scenarios: ${scenarios.map(({ name }) => name).join(", ")}; all, where none is named.
`;

/** Whether somebody wants it to end: what fails then is no failure. */
let interrupted = false;

interface Plan {
  readonly chosen: readonly Scenario[];
  readonly stores: readonly StoreName[];
  readonly size: Size;
  readonly runs: number;
  readonly seconds: number;
  /** Where the figures go, if anywhere. */
  readonly out: string | undefined;
}

/** @returns what is to be done, or undefined where help was asked for */
async function planned(args: readonly string[]): Promise<Plan | undefined> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      store: { type: "string", default: "both" },
      runs: { type: "string" },
      seconds: { type: "string" },
      quick: { type: "boolean", default: false },
      long: { type: "boolean", default: false },
      out: { type: "string" },
      help: { type: "boolean", default: false, short: "h" },
    },
  });
  if (values.help) return undefined;
  const unknown = positionals.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown) throw new RangeError(`There is no scenario ${JSON.stringify(unknown)}; see --help`);
  if (!["sqlite", "redis", "both"].includes(values.store)) throw new RangeError("--store is sqlite, redis or both");
  const stores: StoreName[] = values.store === "both" ? ["sqlite", "redis"] : [values.store as StoreName];
  if (stores.includes("redis")) {
    const search = await findRedis();
    if (!search.found) throw new RangeError(`No Redis (${search.reason}); --store sqlite does without`);
  }
  return {
    chosen: scenarios.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
    stores,
    size: values.quick ? "quick" : values.long ? "long" : "usual",
    runs: whole("runs", values.runs ?? (values.quick ? "1" : "5")),
    seconds: whole("seconds", values.seconds ?? (values.quick ? "1" : "3")),
    out: values.out ?? (values.quick ? undefined : resultsFolder),
  };
}

function whole(name: string, text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new RangeError(`--${name} is ${JSON.stringify(text)}; allowed: a whole number from 1`);
}

/** Runs a scenario on each store. @returns whether nothing went wrong */
async function runScenario(scenario: Scenario, plan: Plan, machine: Machine): Promise<boolean> {
  const { stores, size, runs, seconds, out } = plan;
  console.log(`\n${scenario.title}`);
  const cases: Case[] = [];
  let good = true;
  for (const store of stores) {
    try {
      await scenario.run({
        store,
        size,
        runs,
        seconds,
        record(name, parameters, values) {
          const one = addRun(cases, { name, store, parameters }, values);
          if (isFaulty(values)) good = false;
          if (one.runs.length === runs) console.log(row(scenario, one));
        },
      });
    } catch (error) {
      good = false;
      if (interrupted) break;
      console.error(`  ${store}: ${(error as Error).stack}`);
    }
  }
  if (good && out !== undefined) {
    const result = { scenario: scenario.name, takenAt: new Date().toISOString(), machine, cases };
    await writeResult(out, result);
    await writeCharts(out, scenario, result);
  }
  return good;
}

function row({ columns }: Scenario, { name, store, result }: Case): string {
  const figures = columns.filter((column) => result[column] !== undefined)
    .map((column) => `${metrics[column].label} ${shown(column, result[column])}`);
  return `  ${store}, ${name}\n    ${figures.join(" · ")}`;
}

async function main(): Promise<number> {
  const plan = await planned(Deno.args);
  if (!plan) {
    console.log(help);
    return 0;
  }
  const machine = await describeMachine();
  console.log(machineLine(machine));
  console.log(`${plan.runs} runs of ${plan.seconds} s, sizes: ${plan.size}`);
  if (!hasProc) console.log("CPU time and memory are left out: only Linux tells them in /proc");
  const bad: string[] = [];
  for (const scenario of plan.chosen) {
    if (interrupted) break;
    if (scenario.needsProc && !hasProc) console.log(`\n${scenario.title}: left out, needs /proc`);
    else if (!await runScenario(scenario, plan, machine)) bad.push(scenario.name);
  }
  if (bad.length > 0 && !interrupted) {
    console.error(`\nNot as it should be: ${bad.join(", ")}; their figures are not kept`);
  }
  return bad.length > 0 ? 1 : 0;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    if (interrupted) return;
    interrupted = true;
    console.error("\nInterrupted: stopping the servers");
    stopAll().finally(() => Deno.exit(130));
  });
}

try {
  const code = await main();
  if (!interrupted) Deno.exit(code);
} catch (error) {
  if (!interrupted) {
    console.error((error as Error).message);
    await stopAll();
    Deno.exit(2);
  }
}
