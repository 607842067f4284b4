/** `deno task release [--output folder] [--include certs/ca.pem] [--dry-run]`: the programs for all systems. */

import { parseArgs } from "node:util";
import { compileArguments, denoCompiler, release, releaseBuilds } from "./build.ts";

const { values } = parseArgs({
  options: {
    output: { type: "string", short: "o", default: "dist" },
    include: { type: "string", multiple: true, default: [] },
    "dry-run": { type: "boolean" },
  },
});
if (values["dry-run"]) {
  for (const build of releaseBuilds(values.output, values.include)) {
    console.log(`deno ${compileArguments(build).join(" ")}`);
  }
} else {
  for (const file of await release(values.output, values.include, denoCompiler)) console.log(file);
}
