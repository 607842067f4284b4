/**
 * What SIGHUP does.
 */

import type { Config } from "../../config/config.ts";
import { messageOf } from "../../common/errors.ts";
import { getLog } from "../../observability/log.ts";
import type { CertificateWatch } from "../../tls/watch.ts";
import type { Running } from "./start_server.ts";

/** What a reload reads, and the server that takes it. */
export interface ReloadOptions {
  readonly server: Pick<Running, "reconfigure">;
  readonly certificates: Pick<CertificateWatch, "check">;
  /** Reads the configuration. @throws {Error} where a value is not allowed */
  load(): Config;
  /** Has the log be written as the configuration now says. */
  writeLog(): void;
}

const log = getLog("server");

/**
 * Reads the configuration and the certificate again, and gives the server what it can take. A fault is logged, and what
 * was in use stays in use.
 *
 * @returns one phrase for each thing that was done
 * @throws {Error} where the configuration or the certificate was refused; the other one was taken all the same
 */
export async function reload({ server, certificates, load, writeLog }: ReloadOptions): Promise<readonly string[]> {
  const done: string[] = [];
  const refused: string[] = [];
  try {
    const { taken, atRestart } = server.reconfigure(load());
    writeLog();
    log.info("config_reloaded", { taken });
    if (atRestart.length > 0) log.warn("config_needs_restart", { options: atRestart });
    done.push(taken.length === 0 ? "no option has changed" : `took ${taken.join(", ")}`);
    if (atRestart.length > 0) done.push(`wait for a restart: ${atRestart.join(", ")}`);
  } catch (error) {
    log.error("config_refused", { reason: messageOf(error) });
    refused.push(messageOf(error));
  }
  try {
    done.push(await certificates.check() ? "took the new certificate" : "the certificate is the same");
  } catch (error) {
    refused.push(messageOf(error));
  }
  if (refused.length > 0) throw new Error(refused.join("; "));
  return done;
}
