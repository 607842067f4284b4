/** Limits whose clock a test moves. */

import { LoginGuard } from "../../lib/auth/login_guard.ts";
import { loadConfig } from "../../lib/config/config.ts";
import { Limits, refusalCounters } from "../../lib/limits/limits.ts";
import { Metrics } from "../../lib/observability/metrics.ts";

/** @param env options of the configuration */
export function makeLimits(env: Readonly<Record<string, string>> = {}) {
  const loaded = loadConfig({ args: [], env });
  if (loaded.kind === "help") throw new Error("nobody asked for help");
  const { config } = loaded;
  const clock = { time: 0 };
  const refusals = refusalCounters(new Metrics());
  return { config, clock, refusals, limits: new Limits(config, refusals, () => clock.time) };
}

/** Lets everybody try as often as they like. */
export const openGuard = new LoginGuard(makeLimits({ RATE_LIMIT: "off" }).limits);
