/** What an operator does beside running servers: `deno task admin --help`. */

import { runAdmin } from "./lib/admin/run.ts";
import { ConfigError, readDotenv } from "./lib/config/config.ts";

try {
  const { stdin, stdout, stderr } = Deno;
  const streams = { stdin, stdout, stderr };
  Deno.exitCode = await runAdmin({ args: Deno.args, env: Deno.env.toObject(), dotenv: readDotenv(), streams });
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
Deno.exit();
