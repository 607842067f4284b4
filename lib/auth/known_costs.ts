import { getLog } from "../observability/log.ts";
import type { AdminStore } from "../store/admin_store.ts";
import type { EvenHasher } from "./password.ts";

const log = getLog("server", "accounts");

/**
 * Has a hasher look at the hashes of all accounts: where new ones are cheaper than earlier ones, a name that nobody has
 * must cost as much as the costliest.
 *
 * @returns what stops it, and waits until it has stopped
 */
export function learnCosts(store: Pick<AdminStore, "hashes">, hasher: Pick<EvenHasher, "expect">): AsyncDisposable {
  let stopped = false;
  const learning = (async () => {
    for await (const hashes of store.hashes()) {
      if (stopped) return;
      hashes.forEach(hasher.expect);
    }
  })().catch((error) => log.warn("costs_unknown", { error }));
  return {
    [Symbol.asyncDispose]() {
      stopped = true;
      return learning;
    },
  };
}
