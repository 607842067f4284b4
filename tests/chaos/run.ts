/**
 * `deno task chaos`: a run of chosen length and seed, or the proof that the checker finds what is broken on purpose.
 */

import { parseArgs } from "node:util";
import { allFaults, type ChaosOptions, runChaos } from "./chaos.ts";
import type { KindName } from "./faults.ts";
import { mutations, row, tryMutation } from "./mutations.ts";
import { details, indictment, summary } from "./report.ts";

const help = `deno task chaos [option …]

  --seconds N     how long there are faults; 60
  --seed N        which faults and actions come; another one each time
  --servers N     2
  --clients N     30
  --publishes N   messages per second, of all together; 150
  --faults A,B    only these: ${allFaults.join(", ")}; none for no faults
  --rollback      Redis is put back to an older copy of its data in mid-run
  --mutations     breaks the servers in one way after the other, and sees to it that each is found
  --keep          keeps the servers' logs
  --quiet         says nothing until the end
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string" },
      servers: { type: "string", default: "2" },
      clients: { type: "string", default: "30" },
      publishes: { type: "string", default: "150" },
      faults: { type: "string" },
      rollback: { type: "boolean", default: false },
      mutations: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      quiet: { type: "boolean", default: false },
      help: { type: "boolean", default: false, short: "h" },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : whole("seed", values.seed);
  const told = values.quiet ? undefined : (line: string) => console.log(line);
  const options: ChaosOptions = {
    seconds: whole("seconds", values.seconds),
    seed,
    servers: whole("servers", values.servers),
    clients: whole("clients", values.clients),
    publishes: whole("publishes", values.publishes),
    faults: values.faults === undefined ? allFaults : chosen(values.faults),
    rollback: values.rollback,
    keep: values.keep,
    signal: interruption(),
    told,
  };
  console.log(`seed ${seed}`);
  if (values.mutations) return await tryAll(options);
  const verdict = await runChaos(options);
  if (verdict.violations.length > 0) console.log(indictment(verdict));
  if (values.keep) console.log(`The servers' logs are in ${verdict.folder}`);
  console.log(details(verdict));
  console.log(summary(verdict));
  return verdict.violations.length === 0 ? 0 : 1;
}

/** Aborted when the program is told to end: what a run has started ends with it. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => controller.abort());
  }
  return controller.signal;
}

/** Tries every mutation. @returns 1 where one is missed */
async function tryAll(options: ChaosOptions): Promise<number> {
  let missed = 0;
  for (const mutation of mutations) {
    const trial = await tryMutation(mutation, options);
    if (!trial.caught) missed++;
    console.log(row(trial));
  }
  console.log(`${mutations.length - missed} of ${mutations.length} mutations found`);
  return missed > 0 ? 1 : 0;
}

function whole(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RangeError(`--${name} is ${JSON.stringify(text)}; allowed: a whole number`);
}

function chosen(text: string): KindName[] {
  if (text === "none") return [];
  return text.split(",").map((name) => {
    const kind = allFaults.find((each) => each === name.trim());
    if (kind === undefined) throw new RangeError(`There is no fault ${JSON.stringify(name)}; see --help`);
    return kind;
  });
}

try {
  Deno.exit(await main());
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(2);
}
