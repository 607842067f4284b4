/**
 * `deno task chaos`: a run of chosen length and seed, or the proof that the checker finds what is broken on purpose.
 */

import { parseArgs } from "node:util";
import { type ChaosOptions, runChaos } from "./chaos.ts";
import type { Mutation } from "./mutation.ts";
import { mutations, row, storeOf, tryMutation } from "./mutations.ts";
import { details, indictment, summary } from "./report.ts";
import { type FaultName, faultsOf, type StoreName, stores } from "./stores.ts";

const names = Object.keys(stores) as StoreName[];

const policies = ["force", "share"] as const;

const help = `deno task chaos [option …]

  --seconds N     how long there are faults; 60
  --seed N        which faults and actions come; another one each time
  --store NAME    ${names.join(" or ")}; redis
  --servers N     ${names.map((name) => `${stores[name].servers.usual} with ${name}`).join(", ")}
  --clients N     30
  --publishes N   messages per second, of all together; 150
  --policy P      how a user's sessions get on: force or share, which gives users several devices; by the seed, share in
                  a third of the runs
  --faults A,B    only these, or none for no faults
${names.map((name) => `                  with ${name}: ${faultsOf(name).join(", ")}`).join("\n")}
  --durability D  what SQLite's messages survive: normal or full; normal
  --rollback      Redis is put back to an older copy of its data in mid-run
  --mutations     breaks the servers in one way after the other, and sees to it that each is found; with --store, only
                  in those that show with it
  --mutation TEXT as --mutations, only in those whose name has the text in it
  --keep          keeps the servers' logs
  --quiet         says nothing until the end
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string" },
      store: { type: "string" },
      servers: { type: "string" },
      clients: { type: "string", default: "30" },
      publishes: { type: "string", default: "150" },
      policy: { type: "string" },
      faults: { type: "string" },
      durability: { type: "string" },
      rollback: { type: "boolean", default: false },
      mutations: { type: "boolean", default: false },
      mutation: { type: "string" },
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
  const store = values.store === undefined ? "redis" : one("store", names, values.store);
  const told = values.quiet ? undefined : (line: string) => console.log(line);
  const options: ChaosOptions = {
    seconds: whole("seconds", values.seconds),
    seed,
    store,
    servers: serversOf(store, values.servers),
    clients: whole("clients", values.clients),
    publishes: whole("publishes", values.publishes),
    policy: values.policy === undefined ? seed % 3 === 0 ? "share" : "force" : one("policy", policies, values.policy),
    faults: values.faults === undefined ? faultsOf(store) : chosen(store, values.faults),
    settings: values.durability === undefined ? {} : durabilityOf(store, values.durability),
    rollback: values.rollback && rollsBack(store),
    keep: values.keep,
    signal: interruption(),
    told,
  };
  console.log(`seed ${seed}`);
  if (values.mutations || values.mutation !== undefined) {
    const named = chosenMutations(values.mutation ?? "");
    return await tryAll(values.store === undefined ? named : named.filter((each) => storeOf(each) === store), options);
  }
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

/** Tries mutations. @returns 1 where one is missed */
async function tryAll(chosen: readonly Mutation[], options: ChaosOptions): Promise<number> {
  let missed = 0;
  for (const mutation of chosen) {
    const trial = await tryMutation(mutation, options);
    if (!trial.caught) missed++;
    console.log(row(trial));
  }
  console.log(`${chosen.length - missed} of ${chosen.length} mutations found`);
  return missed > 0 ? 1 : 0;
}

/** @throws {RangeError} where none is named so */
function chosenMutations(text: string): Mutation[] {
  const found = mutations.filter(({ name }) => name.includes(text));
  if (found.length > 0) return found;
  throw new RangeError(
    `--mutation is ${JSON.stringify(text)}; allowed: a part of ${mutations.map(({ name }) => name).join("; ")}`,
  );
}

function whole(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RangeError(`--${name} is ${JSON.stringify(text)}; allowed: a whole number`);
}

function one<T extends string>(name: string, allowed: readonly T[], text: string): T {
  const found = allowed.find((each) => each === text);
  if (found !== undefined) return found;
  throw new RangeError(`--${name} is ${JSON.stringify(text)}; allowed: ${allowed.join(", ")}`);
}

function serversOf(store: StoreName, text: string | undefined): number {
  const { usual, most } = stores[store].servers;
  const servers = text === undefined ? usual : whole("servers", text);
  if (servers >= 1 && servers <= most) return servers;
  throw new RangeError(`--servers is ${servers}; allowed with ${store}: ${most === 1 ? "1" : `1 to ${most}`}`);
}

function rollsBack(store: StoreName): true {
  if (stores[store].older) return true;
  throw new RangeError(`--rollback is not for ${store}: no server lives through it, to notice`);
}

function durabilityOf(store: StoreName, text: string): { DURABILITY: string } {
  if (store !== "sqlite") throw new RangeError(`--durability is about SQLite; allowed with ${store}: none`);
  return { DURABILITY: one("durability", ["normal", "full"], text) };
}

function chosen(store: StoreName, text: string): FaultName[] {
  if (text === "none") return [];
  return text.split(",").map((name) => one("faults", faultsOf(store), name.trim()));
}

try {
  Deno.exit(await main());
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(2);
}
