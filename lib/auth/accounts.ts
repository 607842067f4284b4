import { accountDisabled, ChatError } from "../common/errors.ts";
import type { KeyedLimiter } from "../common/rate_limit.ts";
import type { Account, Accounts } from "../store/accounts.ts";
import { fold, isUsername, usernameRule } from "../wire/names.ts";
import { type Hasher, maxPasswordBytes, passwordBytes } from "./password.ts";

/** The shortest new password, in bytes. */
const minPasswordBytes = 8;

/** Accounts to try the service with: name → password. They are exempt from the rule for new passwords. */
export const demoAccounts: Readonly<Record<string, string>> = {
  ...Object.fromEntries([..."abcdefgh"].map((name) => [name, "1"])),
  alice: "password123",
  bob: "secret456",
  charlie: "hello789",
};

/** Settings and ports of the service. */
export interface AccountServiceOptions {
  readonly accounts: Accounts;
  readonly hasher: Hasher;
  readonly registration: "open" | "closed";
  /** Failed logins by address; undefined where nothing is limited. */
  readonly addressFailures?: KeyedLimiter;
  /** Failed logins by account. */
  readonly accountFailures?: KeyedLimiter;
  /** Registrations by address. */
  readonly registrations?: KeyedLimiter;
  readonly now?: () => number;
}

/**
 * Accounts: registering, proving who one is, and changing a password; with the limits on guessing.
 *
 * An unknown user costs the same time as a wrong password, and gets the same answer.
 */
export class AccountService {
  readonly #options: AccountServiceOptions;
  /** A hash of nobody's password, of the same cost as everybody's. */
  readonly #decoy: Promise<string>;

  constructor(options: AccountServiceOptions) {
    this.#options = options;
    this.#decoy = options.hasher.hash(crypto.randomUUID());
    this.#decoy.catch(() => {}); // an await of it throws
  }

  /**
   * Proves who somebody is.
   *
   * @param address the peer's, which failures are counted by
   * @throws {ChatError} `invalid_credentials`, `too_many_attempts`, and `banned` where the account is disabled, which only
   *   who knows the password is told
   */
  async verify(name: string, password: string, address: string): Promise<Account> {
    const { accounts, hasher, addressFailures, accountFailures } = this.#options;
    const admit = () => {
      this.#refuse(addressFailures, address, "failed logins from your address");
      this.#refuse(accountFailures, fold(name), `failed logins as ${name}`);
    };
    admit();
    const account = await accounts.find(name);
    const hash = account?.hash ?? await this.#decoy;
    // The limits are checked again when its turn comes: guesses made at the same time may have failed by then.
    const right = await hasher.verify(password, hash, admit) && passwordBytes(password) <= maxPasswordBytes;
    if (account && right) {
      if (account.disabled) throw accountDisabled(account.name);
      return account;
    }
    addressFailures?.take(address);
    accountFailures?.take(fold(name));
    throw new ChatError("invalid_credentials", "Unknown user or wrong password");
  }

  /**
   * Makes an account.
   *
   * @throws {ChatError} `registration_closed`, `invalid_username`, `invalid_password`, `username_taken`,
   *   `too_many_attempts`
   */
  async register(name: string, password: string, address: string): Promise<Account> {
    const { accounts, hasher, registration, registrations, now = Date.now } = this.#options;
    if (registration === "closed") {
      throw new ChatError("registration_closed", "This server makes no accounts on request; ask its operator");
    }
    if (!isUsername(name)) throw new ChatError("invalid_username", `A username is ${usernameRule}`);
    checkNewPassword(password);
    if (await accounts.find(name)) throw taken(name);
    if (registrations && !registrations.take(address)) {
      throw tooMany("registrations from your address", registrations.retryAfterMs(address));
    }
    const account = { name, hash: await hasher.hash(password), role: "user" as const, created: now() };
    if (!await accounts.create(account)) throw taken(name);
    return account;
  }

  /**
   * Changes a password; the user's resume tokens end with the old one.
   *
   * @throws {ChatError} `invalid_credentials`, `invalid_password`, `too_many_attempts`
   */
  async changePassword(name: string, old: string, password: string, address: string): Promise<void> {
    checkNewPassword(password);
    await this.verify(name, old, address);
    await this.#options.accounts.setHash(name, await this.#options.hasher.hash(password));
  }

  /**
   * Makes the demo accounts that are not there yet; those that are, are left alone.
   *
   * @returns the names of the accounts that were made
   */
  async makeDemoAccounts(): Promise<string[]> {
    const { accounts, hasher, now = Date.now } = this.#options;
    const made = await Promise.all(
      Object.entries(demoAccounts).map(async ([name, password]) => {
        if (await accounts.find(name)) return [];
        const account = { name, hash: await hasher.hash(password), role: "user" as const, created: now() };
        return await accounts.create(account) ? [name] : [];
      }),
    );
    return made.flat();
  }

  #refuse(limiter: KeyedLimiter | undefined, key: string, what: string): void {
    if (limiter && !limiter.peek(key)) throw tooMany(what, limiter.retryAfterMs(key));
  }
}

/**
 * Refuses a new password that is shorter than 8 bytes, longer than 72 or holds a zero byte.
 *
 * @throws {ChatError} `invalid_password`
 */
export function checkNewPassword(password: string): void {
  const bytes = passwordBytes(password);
  if (password.includes("\0")) throw new ChatError("invalid_password", "A password must not contain a zero byte");
  if (bytes < minPasswordBytes || bytes > maxPasswordBytes) {
    throw new ChatError(
      "invalid_password",
      `The password is ${bytes} bytes; ${minPasswordBytes} to ${maxPasswordBytes} are allowed`,
    );
  }
}

function taken(name: string): ChatError {
  return new ChatError("username_taken", `The name ${name} is taken`);
}

function tooMany(what: string, retryAfterMs: number): ChatError {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return new ChatError("too_many_attempts", `Too many ${what}; try again in ${seconds} s`, {
    retry_after_ms: Math.ceil(retryAfterMs),
  });
}
