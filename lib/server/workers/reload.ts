/**
 * What SIGHUP does: reads the configuration and the certificate again, and gives the server what it can take.
 */

import type { Config } from "../../config/config.ts";
import { messageOf } from "../../common/errors.ts";
import { getLog } from "../../observability/log.ts";
import type { CertificateWatch } from "../../tls/watch.ts";
import type { Running } from "./start_server.ts";

/** What is read again, and for whom. */
export interface ReloadOptions {
  readonly server: Pick<Running, "reconfigure">;
  readonly certificates: Pick<CertificateWatch, "check">;
  /** Reads the configuration. @throws {Error} where it is not allowed */
  load(): Config;
  /** Has the log be written as the configuration now says. */
  writeLog(): void;
}

const log = getLog("server");

/**
 * Reads everything again. What is wrong is logged, and what was in use stays in use.
 *
 * @returns what was done, in words
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
