/**
 * Starts a chat server: configuration → log, certificate → the server, or several as workers, until it is told to stop.
 * SIGTERM and SIGINT stop it; SIGHUP has it read its configuration and its certificate again.
 */

import { ConfigError, helpText, loadConfig, readDotenv } from "./lib/config/config.ts";
import { misspelt } from "./lib/config/misspelt.ts";
import { flushStreams } from "./lib/observability/line_streams.ts";
import { configureLog, getLog } from "./lib/observability/log.ts";
import { openAdminHttp } from "./lib/server/service/admin_http.ts";
import { reload } from "./lib/server/workers/reload.ts";
import { startServer } from "./lib/server/workers/start_server.ts";
import { workerCount, Workers } from "./lib/server/workers/workers.ts";
import { defaultNames } from "./lib/tls/authority.ts";
import { ensureCertificates } from "./lib/tls/certificates.ts";
import { CertificateWatch } from "./lib/tls/watch.ts";

const load = () => loadConfig({ args: Deno.args, env: Deno.env.toObject(), dotenv: readDotenv() });

async function main(): Promise<number> {
  const loaded = load();
  if (loaded.kind === "help") {
    console.log(helpText());
    return 0;
  }
  const { config } = loaded;
  await using parts = new AsyncDisposableStack();
  const writeLog = () =>
    configureLog({ level: config.logLevel, format: config.logFormat, isTerminal: Deno.stderr.isTerminal() });
  parts.use(writeLog());
  const log = getLog("server");
  for (const { name, meant } of misspelt(readDotenv() ?? "")) {
    log.warn("config_misspelt", { name, meant, file: ".env" });
  }

  const stop = Promise.withResolvers<number>();
  const onSignal = () => stop.resolve(0);
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, onSignal);

  // At SIGHUP or an operator's order; until all is up, no server can take it.
  let readAgain = (): Promise<readonly string[]> => Promise.reject(new Error("it is still starting"));
  const admin = parts.use(openAdminHttp(config));
  const certificate = await ensureCertificates({ ...config, names: defaultNames() });
  const { cert, key, files, fingerprint, made } = certificate;
  const count = workerCount(config, navigator.hardwareConcurrency);
  const server = parts.use(
    count > 1
      ? await Workers.start({
        config,
        certificate: { cert, key },
        count,
        reload: () => void readAgain().catch(() => {}),
      })
      : await startServer({
        config,
        certificate: { cert, key },
        reload: () => readAgain(),
        onFatal: () => stop.resolve(1),
      }),
  );
  admin?.watch(server);
  log.info(made ? "certificate_made" : "certificate_loaded", { files, fingerprint });
  if (certificate.notAfter < new Date()) log.warn("certificate_expired", { since: certificate.notAfter });
  const certificates = parts.use(
    new CertificateWatch({ paths: () => config, current: certificate, use: (next) => server.renew(next) }),
  );
  readAgain = () => reload({ server, certificates, writeLog, load: () => (load() as typeof loaded).config });
  if (Deno.build.os !== "windows") {
    const terminal = Deno.stdin.isTerminal();
    Deno.addSignalListener("SIGHUP", () => {
      if (terminal && !Deno.stdin.isTerminal()) return onSignal(); // its window was closed
      readAgain().catch(() => {}); // it is logged
    });
  }
  log.info("server_ready", { server: server.id, host: config.serverHost, port: server.port });
  return await stop.promise;
}

try {
  Deno.exitCode = await main();
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : `Cannot start: ${(error as Error).message}`);
  Deno.exitCode = 1;
}
await flushStreams();
Deno.exit();
