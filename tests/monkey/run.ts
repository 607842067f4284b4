/** `deno task monkey`: a monkey at the client, for a chosen time and with a chosen seed. */

import { parseArgs } from "node:util";
import { runMonkey } from "./monkey.ts";

const help = `deno task monkey [option …]

  --seconds N  how long it plays; 60
  --seed N     which keys it presses; another one each time
  --verbose    tells each thing that it does
`;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    verbose: { type: "boolean", default: false },
    help: { type: "boolean", default: false, short: "h" },
  },
});
if (values.help) {
  console.log(help);
  Deno.exit(0);
}
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
const seconds = Number(values.seconds);
if (!Number.isSafeInteger(seed) || !(seconds > 0)) {
  console.error("--seed is a whole number, and --seconds a number above 0");
  Deno.exit(2);
}
console.log(`seed ${seed}`);
const verdict = await runMonkey({ seconds, seed, told: values.verbose ? console.log : undefined });
for (const violation of verdict.violations) console.error(violation);
const counts = [...verdict.counts].map(([what, times]) => `${what} ${times}`);
console.log(`${seconds} s · seed ${seed} · ${counts.join(" · ")} · ${verdict.violations.length} violations`);
Deno.exit(verdict.violations.length > 0 ? 1 : 0);
