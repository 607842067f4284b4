/**
 * Starts a chat server: configuration → log, certificate → the server, or several as workers, until it is told to stop.
 */

import { ConfigError, helpText, loadConfig, readDotenv } from "./lib/config.ts";
import { configureLog, getLog } from "./lib/log.ts";
import { startServer } from "./lib/server/start_server.ts";
import { workerCount, Workers } from "./lib/server/workers.ts";
import { defaultNames, ensureCertificates } from "./lib/tls/certificates.ts";

async function main(): Promise<number> {
  const loaded = loadConfig({ args: Deno.args, env: Deno.env.toObject(), dotenv: readDotenv() });
  if (loaded.kind === "help") {
    console.log(helpText());
    return 0;
  }
  const { config } = loaded;
  await using parts = new AsyncDisposableStack();
  parts.use(configureLog({ level: config.logLevel, format: config.logFormat, isTerminal: Deno.stderr.isTerminal() }));
  const log = getLog("server");

  const stop = Promise.withResolvers<number>();
  const onSignal = () => stop.resolve(0);
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, onSignal);

  const certificate = await ensureCertificates({ ...config, names: defaultNames() });
  const { cert, key, files, fingerprint, made } = certificate;
  const count = workerCount(config, navigator.hardwareConcurrency);
  const server = parts.use(
    count > 1
      ? await Workers.start({ config, certificate: { cert, key }, count })
      : await startServer({ config, certificate: { cert, key }, onFatal: () => stop.resolve(1) }),
  );
  log.info(made ? "certificate_made" : "certificate_loaded", { files, fingerprint });
  if (certificate.notAfter < new Date()) log.warn("certificate_expired", { since: certificate.notAfter });
  log.info("server_ready", { server: server.id, host: config.serverHost, port: server.port });
  return await stop.promise;
}

try {
  Deno.exitCode = await main();
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : `Cannot start: ${(error as Error).message}`);
  Deno.exitCode = 1;
}
Deno.exit();
