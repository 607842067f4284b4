/**
 * Writes the option table into the README, from the configuration's own table; with `--check` it only compares.
 */

import { withMarkdownTable } from "../lib/config/config.ts";

const path = "README.md";
const before = Deno.readTextFileSync(path);
const after = withMarkdownTable(before);
if (before === after) Deno.exit(0);
if (Deno.args.includes("--check")) {
  console.error(`${path} is behind lib/config/config.ts; \`deno task readme\` brings it up to date`);
  Deno.exit(1);
}
Deno.writeTextFileSync(path, after);
