import { Secret, TOTP } from "otpauth";
import { ChatError } from "../common/errors.ts";
import type { Peer } from "../limits/peer.ts";
import type { TwoFactor, TwoFactors } from "../store/accounts/two_factor.ts";
import { fold } from "../wire/names.ts";
import { hashCode, makeCode } from "./codes.ts";
import type { LoginGuard } from "./login_guard.ts";

/** Who issues the codes, as authenticators show it. */
const issuer = "chat";

/** RFC 6238: a code is that of so many seconds; one step before and after is taken as well, since clocks differ. */
const [stepSeconds, digits, window] = [30, 6, 1];

/** RFC 4226, section 4: a secret has 160 bits. */
const secretBytes = 20;

/** How many recovery codes there are. */
const recoveryCodes = 10;

/** Settings and ports of the service. */
export interface TwoFactorOptions {
  readonly twoFactor: TwoFactors;
  readonly guard: Pick<LoginGuard, "admitCode">;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * Second factors by time (TOTP, RFC 6238), with recovery codes for who has lost the authenticator.
 *
 * 1. A code is good once, on all servers together; so is each recovery code.
 * 2. What shows a code is counted before it is looked at: see {@linkcode LoginGuard.admitCode}.
 * 3. Nothing asks for a code before its user has shown one, so that nobody is locked out by a code that was never read.
 */
export class TwoFactorService {
  readonly #options: TwoFactorOptions;

  constructor(options: TwoFactorOptions) {
    this.#options = options;
  }

  /** Whether a login of the account has to show a code. @throws {ChatError} `store_unavailable` */
  async isOn(name: string): Promise<boolean> {
    return (await this.#options.twoFactor.find(name))?.on === true;
  }

  /**
   * Makes a secret, which {@linkcode confirm} switches on.
   *
   * @returns what authenticators read: `otpauth://totp/…`
   * @throws {ChatError} `usage` where it is on already
   */
  async begin(name: string): Promise<string> {
    const totp = codesOf(name, new Secret({ size: secretBytes }));
    if (await this.#options.twoFactor.begin(name, totp.secret.base32)) return totp.toString();
    throw new ChatError("usage", "Two-factor login is on already; /totp off <code> switches it off");
  }

  /**
   * Switches it on.
   *
   * @returns recovery codes, each good once
   * @throws {ChatError} `usage` where nothing is to be confirmed, `invalid_code`, `too_many_attempts`
   */
  async confirm(name: string, code: string, peer: Peer): Promise<readonly string[]> {
    const { twoFactor } = this.#options;
    const found = await twoFactor.find(name);
    if (!found) throw new ChatError("usage", "There is nothing to confirm; begin with /totp on");
    if (found.on) throw new ChatError("usage", "Two-factor login is on already");
    const codes = Array.from({ length: recoveryCodes }, () => `${makeCode(6)}-${makeCode(6)}`);
    const hashes = await Promise.all(codes.map(hashRecovery));
    await this.#guarded(name, peer, async () => {
      const step = this.#stepOf(name, found, code);
      return step !== undefined && await twoFactor.confirm(name, found.secret, step, hashes);
    });
    return codes;
  }

  /**
   * Uses a code or a recovery code.
   *
   * @throws {ChatError} `invalid_code` where it is wrong or used, `too_many_attempts`
   */
  async check(name: string, code: string, peer: Peer): Promise<void> {
    await this.#guarded(name, peer, async () => {
      const { twoFactor } = this.#options;
      const found = await twoFactor.find(name);
      if (!found?.on) return false;
      const step = this.#stepOf(name, found, code);
      if (step !== undefined) return await twoFactor.spendStep(name, step);
      return await twoFactor.spendRecovery(name, await hashRecovery(code));
    });
  }

  /**
   * Switches it off.
   *
   * @throws {ChatError} `usage` where it is not on, `invalid_code`, `too_many_attempts`
   */
  async off(name: string, code: string, peer: Peer): Promise<void> {
    if (!await this.isOn(name)) throw new ChatError("usage", "Two-factor login is off");
    await this.check(name, code, peer);
    await this.#options.twoFactor.remove(name);
  }

  async #guarded(name: string, peer: Peer, isGood: () => Promise<boolean>): Promise<void> {
    const giveBack = this.#options.guard.admitCode(name, peer);
    let good: boolean;
    try {
      good = await isGood();
    } catch (error) {
      giveBack();
      throw error;
    }
    if (!good) throw new ChatError("invalid_code", "The code is wrong or used; codes change every 30 seconds");
    giveBack();
  }

  /** The step of time that a code is of; undefined where it is none of now. */
  #stepOf(name: string, { secret }: TwoFactor, code: string): number | undefined {
    const token = code.replaceAll(/\s/g, "");
    if (!/^[0-9]+$/.test(token) || token.length !== digits) return undefined;
    const totp = codesOf(name, Secret.fromBase32(secret));
    const timestamp = (this.#options.now ?? Date.now)();
    const delta = totp.validate({ token, timestamp, window });
    return delta === null ? undefined : totp.counter({ timestamp }) + delta;
  }
}

function codesOf(name: string, secret: Secret): TOTP {
  return new TOTP({ issuer, label: name, secret, digits, period: stepSeconds });
}

/** The hash of a recovery code; case, blanks and hyphens do not matter. */
async function hashRecovery(code: string): Promise<string> {
  return await hashCode(fold(code.replaceAll(/[\s-]/g, "")));
}
