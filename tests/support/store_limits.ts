/** Apart from the stores: who needs no Redis does not load what starts one. */

import type { StoreLimits } from "../../lib/store/store.ts";

/** Limits that no test comes near, unless it sets others. */
export const wideLimits: StoreLimits = {
  historyMaxMessages: 100_000,
  historyMaxAge: 1e12,
  maxInbox: 100_000,
  maxInboxPerSender: 100_000,
  roomIdleMs: 1e9,
  maxFilesBytes: 1e9,
  maxUserFilesBytes: 1e9,
  maxUserFilesPercent: 100,
  fileTtl: 1e9,
  leaseMs: 60_000,
  timeoutMs: 10_000,
};
