/** An account's second factor. */
export interface TwoFactor {
  /** What its codes are made of: base32. */
  readonly secret: string;
  /** Whether its user has shown a code: until then, no login asks for one. */
  readonly on: boolean;
  /** The newest step of time whose code was used. */
  readonly step: number;
  /** SHA-256 of the recovery codes that are left, in hexadecimal digits. */
  readonly recovery: readonly string[];
}

/** What is exported of a second factor that is on. */
export type TwoFactorRecord = Omit<TwoFactor, "on">;

/**
 * Second factors, by user.
 *
 * A code is good once: whoever uses a step, or a recovery code, does so in one step of the store, so that of many at once,
 * on whatever servers, one succeeds.
 */
export interface TwoFactors {
  find(user: string): Promise<TwoFactor | undefined>;
  /**
   * Keeps a secret that is still to be confirmed, in place of an earlier one.
   *
   * @returns false where a second factor is on, or there is no such account
   */
  begin(user: string, secret: string): Promise<boolean>;
  /**
   * Switches on what {@linkcode begin} has begun.
   *
   * @param step of the code that the user has shown
   * @param recovery hashes of the recovery codes
   * @returns false where another secret is to be confirmed by now, or none
   */
  confirm(user: string, secret: string, step: number, recovery: readonly string[]): Promise<boolean>;
  /** Uses a step up, and all before it. @returns false where it, or a later one, is used */
  spendStep(user: string, step: number): Promise<boolean>;
  /** Uses a recovery code up. @returns false where there is none such */
  spendRecovery(user: string, hash: string): Promise<boolean>;
  /** Switches it off. @returns false where it was not on */
  remove(user: string): Promise<boolean>;
}
