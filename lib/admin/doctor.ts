/**
 * Looks whether everything that a server needs is as it should be, and says what is wrong and what to do about it.
 *
 * Nothing is changed but a key that is written to Redis and taken away again.
 */

import { type Config, ConfigError, loadConfig, type Sources, usesRedis } from "../config/config.ts";
import { examineCertificate } from "./doctor_certificate.ts";
import { examineFile } from "./doctor_file.ts";
import { examinePort } from "./doctor_port.ts";
import type { Finding } from "./finding.ts";

/** Descriptors that a server has open beside its clients' connections. */
const ownDescriptors = 100;

/** Examines everything, one thing after the other; a configuration that cannot be read ends it. */
export async function* examine(sources: Sources): AsyncIterable<Finding> {
  let config: Config;
  try {
    const loaded = loadConfig(sources);
    if (loaded.kind === "help") return;
    config = loaded.config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    yield {
      subject: "configuration",
      state: "fail",
      text: error.message,
      advice: "correct it; --help lists the options",
    };
    return;
  }
  yield* examineConfig(config);
  const examined = await examineCertificate(config);
  yield* examined.findings;
  yield* usesRedis(config) ? await examineRedis(config) : examineFile(config);
  yield* examinePort(config, examined.certificate);
  yield* examineDescriptors(config);
}

/** Loads Redis' library only where it is used: it takes longer than all else here. */
async function examineRedis(config: Config): Promise<AsyncIterable<Finding>> {
  const redis = await import("./doctor_redis.ts");
  return redis.examineRedis(config);
}

function* examineConfig(config: Config): Iterable<Finding> {
  const subject = "configuration";
  const open = !["localhost", "127.0.0.1", "::1"].includes(config.serverHost);
  let fine = true;
  const warn = (text: string, advice: string): Finding => {
    fine = false;
    return { subject, state: "warn", text, advice };
  };
  if (config.demoAccounts && open) {
    yield warn("DEMO_ACCOUNTS is on and the port is open to others", "turn it off, and disable the accounts it made");
  }
  if (!config.rateLimit) yield warn("RATE_LIMIT is off: passwords can be guessed at any pace", "turn it on");
  if (config.bcryptCost < 10) yield warn(`BCRYPT_COST is ${config.bcryptCost}: hashes are cheap to guess`, "set 12");
  if (fine) yield { subject, state: "ok", text: "it can be read, and nothing in it stands out" };
}

function* examineDescriptors({ maxConnections }: Config): Iterable<Finding> {
  const subject = "descriptors";
  const limit = descriptorLimit();
  if (limit === undefined) return yield { subject, state: "skip", text: "their limit can only be asked for on Linux" };
  const needed = maxConnections + ownDescriptors;
  const text = `${limit} are allowed here; MAX_CONNECTIONS needs ${needed}`;
  if (limit >= needed) return yield { subject, state: "ok", text };
  yield {
    subject,
    state: "warn",
    text,
    advice: "raise it where the server is started (ulimit -n, LimitNOFILE=, ulimits:)",
  };
}

/** How many descriptors this process may have; the server's is the same where it is started in the same way. */
function descriptorLimit(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    const libc = Deno.dlopen("libc.so.6", { getrlimit: { parameters: ["i32", "buffer"], result: "i32" } });
    const limits = new BigUint64Array(2);
    const nofile = 7;
    const failed = libc.symbols.getrlimit(nofile, new Uint8Array(limits.buffer)) !== 0;
    libc.close();
    return failed ? undefined : Number(limits[0]);
  } catch {
    return undefined; // another libc
  }
}
