/** What a server does to know that its store fails, and what it says of what fails with it. */

import type { Log, Properties } from "../../observability/log.ts";
import { isStoreFailure } from "../../store/failure.ts";
import type { Store } from "../../store/store.ts";

/** How often it is tried whether the store takes what is written, in milliseconds; while it fails, at each call. */
const writingMs = 5_000;

/** Tries whether the store takes what is written, when it is time for it. To be called every second or so. */
export function writingProbe(store: Store, now: () => number = () => performance.now()): () => Promise<void> {
  let probed = -Infinity;
  return async () => {
    if (!store.failure && now() - probed < writingMs) return;
    probed = now();
    await store.servers.probeWriting();
  };
}

/** Logs what failed, unless it is that the store cannot be used: that is told once for all that fails with it. */
export function logFault(log: Log, error: unknown, event: string, properties: Properties = {}): void {
  if (isStoreFailure(error)) log.debug(event, { ...properties, error });
  else log.warn(event, { ...properties, error });
}
