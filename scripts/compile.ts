/** `deno task compile [--target system] [--output file] [--include certs/ca.pem] [--dry-run]`: makes the program. */

import { parseArgs } from "node:util";
import { compileArguments, denoCompiler, type Target, targets } from "./build.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    output: { type: "string", short: "o" },
    include: { type: "string", multiple: true },
    "dry-run": { type: "boolean" },
  },
});
const { target, include } = values;
if (target !== undefined && !Object.hasOwn(targets, target)) {
  console.error(`There is no target "${target}"; allowed: ${Object.keys(targets).join(", ")}`);
  Deno.exit(2);
}
const windows = target === undefined ? Deno.build.os === "windows" : target.includes("windows");
const output = values.output ?? (windows ? "chat.exe" : "chat");
const args = compileArguments({
  output,
  ...(target ? { target: target as Target } : {}),
  ...(include ? { include } : {}),
});
if (values["dry-run"]) console.log(`deno ${args.join(" ")}`);
else await denoCompiler(args);
