/** `deno task attack`: attacks one server beside honest users, and tells what these notice of it. */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { options } from "../../lib/config/config.ts";
import { findRedis } from "../../scripts/redis_binary.ts";
import { hasProc } from "../proc.ts";
import type { StoreName } from "../world.ts";
import { attacks, attacksHelp } from "./attacks/all.ts";
import { report, violations } from "./report.ts";
import { besiege, type SiegePlan } from "./siege.ts";

/** What has to be stopped at the end. */
const running = new AsyncDisposableStack();

const help = `Usage: deno task attack [--store sqlite] [--only 1,flood] [--seconds 60] [--json]

Starts a server with default settings on one core, and on another 50 honest users, who say 20 messages a second
in all, one login every 2 seconds, and the attacks. Ends with 1 where the honest are harmed.

  --store <name>       sqlite or redis; sqlite
  --only <attacks>     numbers or names, with commas between them; all
  --seconds <n>        how long the attack lasts; 60
  --quiet <n>          how long nobody attacks before it; 20
  --addresses <which>  own: each attack comes from an address of its own; shared: all from the honest users'; own
  --project <folder>   the project whose server is attacked; this one
  --set <name>=<value> an option of the server that is not as everybody has it; may be given several times
  --urgent             goes before the machine's other work; needs to be root
  --json               prints all figures as JSON, and the text to the standard error

Attacks:
${attacksHelp}
`;

interface Wanted {
  readonly plan: SiegePlan;
  readonly json: boolean;
}

/** @returns what is to be done, or undefined where help was asked for */
async function wanted(args: readonly string[]): Promise<Wanted | undefined> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      store: { type: "string", default: "sqlite" },
      only: { type: "string" },
      seconds: { type: "string", default: "60" },
      quiet: { type: "string", default: "20" },
      addresses: { type: "string", default: "own" },
      project: { type: "string", default: join(import.meta.dirname!, "..", "..") },
      set: { type: "string", multiple: true, default: [] },
      urgent: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false, short: "h" },
    },
  });
  if (values.help) return undefined;
  if (!hasProc) throw new RangeError("Only Linux has an address for each attack, and tells memory and CPU time");
  const store = oneOf("store", values.store, ["sqlite", "redis"] as const) satisfies StoreName;
  if (store === "redis") {
    const search = await findRedis();
    if (!search.found) throw new RangeError(`No Redis (${search.reason}); --store sqlite does without`);
  }
  const plan = {
    store,
    attacks: chosen(values.only),
    seconds: whole("seconds", values.seconds),
    quiet: whole("quiet", values.quiet),
    addresses: oneOf("addresses", values.addresses, ["own", "shared"] as const),
    project: await Deno.realPath(values.project),
    apart: true,
    urgent: values.urgent,
    settings: Object.fromEntries(values.set.map(setting)),
    rooms: 5,
  };
  return { plan, json: values.json };
}

function oneOf<T extends string>(name: string, value: string, all: readonly T[]): T {
  const found = all.find((each) => each === value);
  if (found === undefined) throw new RangeError(`--${name} is ${JSON.stringify(value)}; allowed: ${all.join(", ")}`);
  return found;
}

function whole(name: string, text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new RangeError(`--${name} is ${JSON.stringify(text)}; allowed: a whole number from 1 to 999`);
}

/** An option and its value. */
function setting(text: string): [string, string] {
  const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined || !Object.hasOwn(options, name)) {
    throw new RangeError(`--set ${JSON.stringify(text)} sets no option of the server; allowed: NAME=value`);
  }
  return [name, value];
}

/** The names of the attacks that are asked for, by number or name. */
function chosen(only: string | undefined): string[] {
  if (only === undefined) return attacks.map(({ name }) => name);
  return only.split(",").flatMap((word) => {
    const found = attacks.filter(({ point, name }) => name === word || `${point}` === word);
    if (found.length === 0) throw new RangeError(`There is no attack ${JSON.stringify(word)}; see --help`);
    return found.map(({ name }) => name);
  });
}

async function main(): Promise<number> {
  const todo = await wanted(Deno.args);
  if (!todo) {
    console.log(help);
    return 0;
  }
  const result = await besiege(todo.plan, running, (step) => console.error(`… ${step}`));
  const bad = violations(result);
  if (todo.json) {
    console.log(JSON.stringify({ ...result, violations: bad }, null, 2));
    console.error(report(result));
  } else console.log(report(result));
  return bad.length === 0 ? 0 : 1;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => running.disposeAsync().finally(() => Deno.exit(130)));
}

try {
  const code = await main();
  await running.disposeAsync();
  Deno.exit(code);
} catch (error) {
  await running.disposeAsync();
  const expected = error instanceof RangeError || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
  console.error(expected ? (error as Error).message : (error as Error).stack);
  Deno.exit(2);
}
