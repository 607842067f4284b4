/** The terminal client: `deno task client`, or compiled into one binary, `chat`. */

import { runProgram } from "./lib/client/cli/program.ts";

Deno.exit(await runProgram(Deno.args));
