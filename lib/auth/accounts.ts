import { accountDisabled, ChatError } from "../common/errors.ts";
import type { Peer } from "../limits/peer.ts";
import { getLog } from "../observability/log.ts";
import type { Account, Accounts } from "../store/accounts.ts";
import type { AccessToken, AccessTokens } from "../store/accounts/access_tokens.ts";
import { fold, isUsername, usernameRule } from "../wire/names.ts";
import { hashAccessToken, isAccessToken } from "./access_token.ts";
import type { Invitations } from "../store/accounts/invitations.ts";
import { hashInvitation } from "./invitation_code.ts";
import type { HashQueue, Turn } from "./hash_queue.ts";
import type { LoginGuard } from "./login_guard.ts";
import { checkNewPassword } from "./new_password.ts";
import { maxPasswordBytes, passwordBytes } from "../wire/passwords.ts";
import { isReservedName } from "./reserved_names.ts";
import type { TwoFactorService } from "./two_factor.ts";

/** Accounts to try the service with: name → password. They are exempt from the rule for new passwords. */
export const demoAccounts: Readonly<Record<string, string>> = {
  ...Object.fromEntries([..."abcdefgh"].map((name) => [name, "1"])),
  alice: "password123",
  bob: "secret456",
  charlie: "hello789",
};

const log = getLog("server", "accounts");

/** Settings and ports of the service. */
export interface AccountServiceOptions {
  readonly accounts: Accounts;
  readonly accessTokens: Pick<AccessTokens, "use">;
  readonly hashes: HashQueue;
  readonly guard: LoginGuard;
  readonly invitations: Pick<Invitations, "isGood" | "accept">;
  readonly twoFactor: TwoFactorService;
  readonly registration: "open" | "invite" | "closed";
  readonly now?: () => number;
}

/** Whose password was right, and whether a code of the account's second factor has to follow. */
export interface Proof {
  readonly account: Account;
  readonly codeMissing: boolean;
}

/**
 * Accounts: registering, proving who one is, and changing a password; with the limits on guessing.
 *
 * An unknown user costs the same time as a wrong password, and gets the same answer.
 */
export class AccountService {
  readonly #options: AccountServiceOptions;

  constructor(options: AccountServiceOptions) {
    this.#options = options;
  }

  /** The accounts' second factors. */
  get twoFactor(): TwoFactorService {
    return this.#options.twoFactor;
  }

  /**
   * Logs somebody in by password, and by a code where the account has a second factor.
   *
   * @throws {ChatError} `invalid_credentials`, `invalid_code`, `too_many_attempts`, and `banned` where the account is
   *   disabled, which only who knows the password is told
   */
  async logIn(name: string, password: string, peer: Peer, code?: string): Promise<Proof> {
    const { guard, hashes, twoFactor } = this.#options;
    const account = await this.verify(name, password, peer);
    guard.proved(account.name, peer);
    if (!hashes.isCurrent(account.hash)) await this.#renewHash(account, password, peer);
    if (await twoFactor.isOn(account.name)) {
      if (code === undefined) return { account, codeMissing: true };
      await twoFactor.check(account.name, code, peer);
    }
    guard.remember(account.name, peer);
    return { account, codeMissing: false };
  }

  /**
   * Takes the code that was missing.
   *
   * @throws {ChatError} `invalid_code`, `too_many_attempts`
   */
  async showCode({ name }: Account, code: string, peer: Peer): Promise<void> {
    const { guard, twoFactor } = this.#options;
    await twoFactor.check(name, code, peer);
    guard.remember(name, peer);
  }

  /**
   * Looks whether an invitation is good; it is not used yet.
   *
   * @throws {ChatError} `registration_closed`, `invalid_invitation`, `too_many_attempts`
   */
  async checkInvitation(code: string, peer: Peer): Promise<void> {
    const { guard, invitations, registration } = this.#options;
    if (registration === "closed") throw registrationClosed();
    const giveBack = guard.admitInvitation(peer);
    let good;
    try {
      good = await invitations.isGood(await hashInvitation(code));
    } catch (error) {
      giveBack();
      throw error;
    }
    if (!good) throw invalidInvitation();
    giveBack();
  }

  /**
   * Logs somebody in who shows an access token in the password's place. One that is not the account's is to be compared as
   * a password: it costs the same time then, and counts as a wrong one.
   *
   * @returns undefined where it is no token of the account's
   * @throws {ChatError} `too_many_attempts`, and `banned` where the account is disabled
   */
  async logInByToken(
    name: string,
    token: string,
    peer: Peer,
  ): Promise<{ account: Account; access: AccessToken } | undefined> {
    if (!isAccessToken(token)) return undefined;
    const { accounts, accessTokens, guard } = this.#options;
    guard.admit(name, peer);
    // Whether there is such an account makes no difference to the time.
    const [account, access] = await Promise.all([
      accounts.find(name),
      hashAccessToken(token).then((hash) => accessTokens.use(name, hash)),
    ]);
    if (!account || !access) return undefined;
    if (account.disabled) throw accountDisabled(account.name);
    guard.succeeded(account.name, peer);
    return { account, access };
  }

  /** Makes a hash of another cost anew; where that fails, the earlier one is as good, and the next login tries again. */
  async #renewHash({ name, hash: earlier }: Account, password: string, peer: Peer): Promise<void> {
    const { accounts, hashes } = this.#options;
    try {
      await accounts.replaceHash(name, earlier, await hashes.hash(password, this.#turn(name, peer)));
    } catch (error) {
      log.warn("hash_not_renewed", { user: name, error });
    }
  }

  /**
   * Proves who somebody is.
   *
   * @throws {ChatError} as {@linkcode logIn} does
   */
  async verify(name: string, password: string, peer: Peer): Promise<Account> {
    const { accounts, hashes, guard } = this.#options;
    guard.admit(name, peer);
    const account = await accounts.find(name);
    // The limits are checked again when its turn comes: guesses made at the same time may have failed by then.
    const right = await hashes.verify(password, account?.hash, this.#turn(name, peer), () => guard.admit(name, peer)) &&
      passwordBytes(password) <= maxPasswordBytes && password.isWellFormed();
    if (account && right) {
      if (account.disabled) throw accountDisabled(account.name);
      return account;
    }
    guard.failed(name, peer);
    throw new ChatError("invalid_credentials", "Unknown user or wrong password");
  }

  /**
   * Makes an account. A try counts before its name is looked up, so that nobody learns who is registered by trying names.
   *
   * @param invitation the code of one; used up where registration is by invitation
   * @throws {ChatError} `registration_closed`, `invitation_required`, `invalid_invitation`, `invalid_username`,
   *   `invalid_password`, `username_taken`, `too_many_attempts`
   */
  async register(name: string, password: string, peer: Peer, invitation?: string): Promise<Account> {
    const { accounts, hashes, guard, registration, now = Date.now } = this.#options;
    if (registration === "closed") throw registrationClosed();
    if (registration === "invite") {
      if (invitation === undefined) {
        const message =
          "This server makes accounts by invitation: send INVITATION <code> first, which its operator gives";
        throw new ChatError("invitation_required", message);
      }
      await this.checkInvitation(invitation, peer);
    }
    if (!isUsername(name)) throw new ChatError("invalid_username", `A username is ${usernameRule}`);
    if (isReservedName(name)) {
      throw new ChatError("invalid_username", `The name ${name} is reserved; choose another one`);
    }
    await checkNewPassword(name, password);
    guard.admitRegistration(peer);
    if (await accounts.find(name)) throw taken(name);
    const hash = await hashes.hash(password, this.#turn(name, peer));
    const account = { name, hash, role: "user" as const, created: now() };
    await this.#create(account, registration === "invite" ? invitation : undefined);
    guard.remember(name, peer);
    return account;
  }

  async #create(account: Account, invitation: string | undefined): Promise<void> {
    const { accounts, invitations } = this.#options;
    const accepted = invitation === undefined
      ? await accounts.create(account) ? "created" : "taken"
      : await invitations.accept(await hashInvitation(invitation), account);
    if (accepted === "taken") throw taken(account.name);
    if (accepted === "invalid") throw invalidInvitation();
  }

  /**
   * Changes a password; the user's resume tokens end with the old one.
   *
   * @returns how often it was changed by now
   * @throws {ChatError} `invalid_credentials`, `invalid_password`, `too_many_attempts`
   */
  async changePassword(name: string, old: string, password: string, peer: Peer): Promise<number> {
    const { accounts, hashes } = this.#options;
    await checkNewPassword(name, password);
    const { passwords: before = 0 } = await this.verify(name, old, peer);
    const hash = await hashes.hash(password, this.#turn(name, peer));
    const passwords = await accounts.setHash(name, hash, before);
    if (passwords === undefined) throw new ChatError("invalid_credentials", "The password was changed meanwhile");
    return passwords;
  }

  /**
   * Deletes an account.
   *
   * @returns how often its password counts as changed by now
   * @throws {ChatError} `invalid_credentials`, `too_many_attempts`
   */
  async delete(name: string, password: string, peer: Peer): Promise<number> {
    const { passwords: before = 0 } = await this.verify(name, password, peer);
    const passwords = await this.#options.accounts.delete(name, deletedAlias(), before);
    if (passwords === undefined) throw new ChatError("invalid_credentials", "The password was changed meanwhile");
    return passwords;
  }

  /**
   * Makes the demo accounts that are not there yet; those that are, are left alone.
   *
   * @returns the names of the accounts that were made
   */
  async makeDemoAccounts(): Promise<string[]> {
    const { accounts, hashes, now = Date.now } = this.#options;
    const made = await Promise.all(
      Object.entries(demoAccounts).map(async ([name, password]) => {
        if (await accounts.find(name)) return [];
        const account = { name, hash: await hashes.hash(password, ownTurn), role: "user" as const, created: now() };
        return await accounts.create(account) ? [name] : [];
      }),
    );
    return made.flat();
  }

  #turn(name: string, peer: Peer): Turn {
    return { network: peer.network, known: this.#options.guard.isKnown(name, peer), account: fold(name) };
  }
}

/** The server's own turn among those whose passwords are hashed. */
const ownTurn: Turn = { network: "", known: true, account: "" };

function registrationClosed(): ChatError {
  return new ChatError("registration_closed", "This server makes no accounts on request; ask its operator");
}

function invalidInvitation(): ChatError {
  return new ChatError("invalid_invitation", "The invitation is unknown, used, revoked or over; ask for another one");
}

/** What the user of a deleted account is called. */
export function deletedAlias(): string {
  return `deleted-${crypto.getRandomValues(new Uint8Array(5)).toHex()}`;
}

function taken(name: string): ChatError {
  return new ChatError("username_taken", `The name ${name} is taken`);
}
