/**
 * How often somebody may guess a password or make an account, from the configuration.
 */

import type { Config } from "../config/config.ts";
import { KeyedLimiter } from "../common/rate_limit.ts";
import type { AccountServiceOptions } from "./accounts.ts";

/** The limiters of {@linkcode AccountServiceOptions}; none where limits are off. */
export function accountLimits(
  config: Config,
): Pick<AccountServiceOptions, "addressFailures" | "accountFailures" | "registrations"> {
  if (!config.rateLimit) return {};
  const limiter = (perPeriod: number, seconds: number) =>
    new KeyedLimiter({ rate: perPeriod / seconds, burst: perPeriod });
  return {
    addressFailures: limiter(config.loginFailuresPerMinutePerAddress, 60),
    accountFailures: limiter(config.loginFailuresPerMinutePerAccount, 60),
    registrations: limiter(config.registrationsPerHourPerAddress, 3600),
  };
}
