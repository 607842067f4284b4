/**
 * One whole server: its store, its accounts and its service, started and ended together.
 *
 * It is the same alone in its process and as one of several workers.
 */

import { AccountService } from "../auth/accounts.ts";
import { accountLimits } from "../auth/limits.ts";
import { bcryptHasher, boundedHasher } from "../auth/password.ts";
import type { Config } from "../config.ts";
import { getLog } from "../log.ts";
import { openStore } from "../store/open.ts";
import type { Sharing } from "./listener.ts";
import { Service } from "./service.ts";

/** What a server is made from. */
export interface ServerOptions {
  readonly config: Config;
  /** PEM: the certificate with its chain, and its key. */
  readonly certificate: { readonly cert: string; readonly key: string };
  /** Where it is one of several on its port. */
  readonly sharing?: Sharing;
  /** Called when the server cannot go on, after the reason is logged: it is to be stopped. */
  readonly onFatal: () => void;
}

/** What accepts connections until it is disposed of, which stops it in the orderly way, within `DRAIN_SECONDS`. */
export interface Running extends AsyncDisposable {
  /** Its name among those that share a store. */
  readonly id: string;
  readonly port: number;
}

const log = getLog("server");

/**
 * Starts a server; when this resolves, it accepts connections.
 *
 * @throws {Error} where the store cannot be used or the port cannot be listened on
 */
export async function startServer({ config, certificate, sharing, onFatal }: ServerOptions): Promise<Running> {
  await using parts = new AsyncDisposableStack();
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
      sharing,
      onFatal: (reason) => {
        log.error("server_cannot_go_on", { reason });
        onFatal();
      },
    }),
  );
  const owned = parts.move();
  return { id: service.id, port: service.port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
