/**
 * Starts a chat server: configuration → log, certificate → the server, or several as workers, until it is told to stop.
 * SIGTERM and SIGINT stop it; SIGHUP has it read its configuration and its certificate again.
 */

import { type Config, helpText, loadConfig, logFormatOf, readDotenv } from "./lib/config/config.ts";
import { messageOf } from "./lib/common/errors.ts";
import { misspelt, unreadLines } from "./lib/config/misspelt.ts";
import { flushStreams } from "./lib/observability/line_streams.ts";
import { configureLog, getLog } from "./lib/observability/log.ts";
import { openAdminHttp } from "./lib/server/service/admin_http.ts";
import { reload } from "./lib/server/workers/reload.ts";
import { listenStartError, patiently, StartError } from "./lib/server/workers/start.ts";
import { startServer } from "./lib/server/workers/start_server.ts";
import { workerCount, Workers } from "./lib/server/workers/workers.ts";
import { defaultNames } from "./lib/tls/authority.ts";
import { ensureCertificates } from "./lib/tls/certificates.ts";
import { CertificateWatch } from "./lib/tls/watch.ts";

const sources = () => ({ args: Deno.args, env: Deno.env.toObject(), dotenv: readDotenv() });
const load = () => loadConfig(sources());
const isTerminal = Deno.stderr.isTerminal();
const log = getLog("server");

/** What stops it: the exit code. */
const stop = Promise.withResolvers<number>();
const stopping = new AbortController();

async function main(): Promise<number> {
  const loaded = load();
  if (loaded.kind === "help") {
    console.log(helpText());
    return 0;
  }
  const { config } = loaded;
  const writeLog = () => configureLog({ level: config.logLevel, format: config.logFormat, isTerminal });
  writeLog();
  const dotenv = readDotenv() ?? "";
  for (const { name, meant } of misspelt(dotenv)) log.warn("config_misspelt", { name, meant, file: ".env" });
  for (const line of unreadLines(dotenv)) log.warn("config_line_unread", { line, file: ".env", allowed: "NAME=value" });
  const onSignal = () => {
    stopping.abort();
    stop.resolve(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, onSignal);
  await using parts = new AsyncDisposableStack();
  await start(parts, config, writeLog, onSignal).catch((error) => {
    if (stopping.signal.aborted) return;
    failed("start_failed", error);
    stop.resolve(1);
  });
  return await stop.promise;
}

/** Starts what the configuration asks for; a store or a port that may come is waited for. */
async function start(
  parts: AsyncDisposableStack,
  config: Config,
  writeLog: () => void,
  onSignal: () => void,
): Promise<void> {
  const patience = { seconds: config.startPatienceSeconds, signal: stopping.signal };
  const waits = ({ message: reason, advice }: StartError) =>
    log.warn("start_waits", { reason, advice, at_most_seconds: patience.seconds });
  // At SIGHUP or an operator's order; until all is up, no server can take it.
  let readAgain = (): Promise<readonly string[]> => Promise.reject(new Error("it is still starting"));
  const admin = parts.use(await patiently(() => openAdmin(config), { ...patience, onWait: waits }));
  const certificate = await ensureCertificates({ ...config, names: defaultNames() });
  const { cert, key, files, fingerprint, made } = certificate;
  const count = workerCount(config, navigator.hardwareConcurrency);
  const startAll = () =>
    count > 1
      ? Workers.start({ config, certificate: { cert, key }, count, reload: () => void readAgain().catch(() => {}) })
      : startServer({
        config,
        certificate: { cert, key },
        reload: () => readAgain(),
        onFatal: () => stop.resolve(1),
      });
  const server = parts.use(
    await patiently(startAll, {
      ...patience,
      onWait: (error) => {
        admin?.waits(error.message);
        waits(error);
      },
    }),
  );
  admin?.watch(server);
  log.info(made ? "certificate_made" : "certificate_loaded", { files, fingerprint });
  if (certificate.notAfter < new Date()) log.warn("certificate_expired", { since: certificate.notAfter });
  const certificates = parts.use(
    new CertificateWatch({ paths: () => config, current: certificate, use: (next) => server.renew(next) }),
  );
  readAgain = () => reload({ server, certificates, writeLog, load: () => (load() as { config: Config }).config });
  if (Deno.build.os !== "windows") {
    const terminal = Deno.stdin.isTerminal();
    Deno.addSignalListener("SIGHUP", () => {
      if (terminal && !Deno.stdin.isTerminal()) return onSignal(); // its window was closed
      readAgain().catch(() => {}); // it is logged
    });
  }
  log.info("server_ready", { server: server.id, host: config.serverHost, port: server.port });
}

// deno-lint-ignore require-await
async function openAdmin(config: Config) {
  try {
    return openAdminHttp(config);
  } catch (error) {
    throw listenStartError(error, "ADMIN_PORT", config.adminHost, Number(config.adminPort));
  }
}

/** Tells why it ends: one line, in the log's format. */
function failed(event: "start_failed" | "stop_failed" | "server_crashed", error: unknown): void {
  const format = logFormatOf(sources);
  if (format === "json" || (format === "auto" && !isTerminal)) {
    configureLog({ level: "error", format: "json", isTerminal });
    const advice = error instanceof StartError ? { advice: error.advice } : {};
    return log.error(event, { reason: messageOf(error), ...advice, ...(event === "start_failed" ? {} : { error }) });
  }
  const advice = error instanceof StartError && error.advice !== "" ? `; ${error.advice}` : "";
  const what = { start_failed: "Cannot start", stop_failed: "Cannot stop in order", server_crashed: "Crashed" }[event];
  console.error(`${what}: ${messageOf(error)}${advice}`);
}

async function crash(event: Event, error: unknown): Promise<void> {
  event.preventDefault();
  failed("server_crashed", error);
  await flushStreams();
  Deno.exit(1);
}

addEventListener("error", (event) => void crash(event, event.error));
addEventListener("unhandledrejection", (event) => void crash(event, event.reason));
Deno.exitCode = await main().catch((error) => {
  failed(stopping.signal.aborted ? "stop_failed" : "start_failed", error);
  return 1;
});
await flushStreams();
Deno.exit();
