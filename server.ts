/**
 * Starts a chat server: configuration → store, accounts, certificate → service, until it is told to stop.
 */

import { AccountService } from "./lib/auth/accounts.ts";
import { bcryptHasher, boundedHasher } from "./lib/auth/password.ts";
import { ConfigError, helpText, loadConfig, readDotenv } from "./lib/config.ts";
import { configureLog, getLog } from "./lib/log.ts";
import { accountLimits } from "./lib/auth/limits.ts";
import { Service } from "./lib/server/service.ts";
import { openStore } from "./lib/store/open.ts";
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
  const store = parts.use(await openStore(config));
  const accounts = new AccountService({
    accounts: store.accounts,
    hasher: boundedHasher(await bcryptHasher(config.bcryptCost), config.bcryptConcurrency),
    registration: config.registration,
    ...accountLimits(config),
  });
  if (config.demoAccounts) {
    log.warn("demo_accounts_on", { made: await accounts.makeDemoAccounts(), advice: "anybody knows their passwords" });
  }
  const service = parts.use(
    await Service.start({
      config,
      store,
      accounts,
      certificate,
      onFatal: (reason) => {
        log.error("server_cannot_go_on", { reason });
        stop.resolve(1);
      },
    }),
  );
  const { files, fingerprint, made } = certificate;
  log.info(made ? "certificate_made" : "certificate_loaded", { files, fingerprint });
  if (certificate.notAfter < new Date()) log.warn("certificate_expired", { since: certificate.notAfter });
  log.info("server_ready", { server: service.id, host: config.serverHost, port: service.port });
  return await stop.promise;
}

try {
  Deno.exitCode = await main();
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : `Cannot start: ${(error as Error).message}`);
  Deno.exitCode = 1;
}
Deno.exit();
