import { keyOf, type Limits } from "../limits/limits.ts";
import type { Peer } from "../limits/peer.ts";
import { fold } from "../wire/names.ts";

/** Of how many accounts and addresses it is remembered that a login succeeded: the oldest is forgotten first. */
const maxKnown = 20_000;

/**
 * Decides who may try to log in: guessing is slow, and yet nobody is kept out by somebody else's guesses.
 *
 * 1. Failures count by account and network, so that a guesser keeps out nobody but itself.
 * 2. An address from which a login to the account succeeded has an allowance of its own. What others fail, in the same
 *    network or all over the world, does not touch it.
 * 3. Strangers of all networks together have an allowance for each account: many networks guess no faster.
 * 4. A network has an allowance for all accounts together; what was refused costs it as much as what has failed.
 * 5. Successes are limited as well: logins by account and by network, since each costs as much as a guess; resumes by
 *    account, since a network's users come back together after a restart.
 * 6. Codes of a second factor are few: an account's strangers together have an allowance of some an hour, and each of its
 *    known addresses has one of its own. A try is counted before it is looked at, so that many at once gain nothing.
 */
export class LoginGuard {
  readonly #limits: Limits;
  readonly #known = new Set<string>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Whether a login to the account has succeeded from the address, as far as this server remembers. */
  isKnown(name: string, { address }: Peer): boolean {
    return this.#known.has(keyOf(fold(name), address));
  }

  /**
   * Lets a try through, or not; to be asked again when its turn to be hashed has come, as others may have failed by then.
   *
   * @throws {ChatError} `too_many_attempts`
   */
  admit(name: string, peer: Peer): void {
    const { pace } = this.#limits;
    const account = fold(name);
    try {
      pace.logins_account.check(account, `logins as ${name}`);
      if (this.isKnown(name, peer)) {
        return pace.login_failures_known.check(keyOf(account, peer.address), `failed logins as ${name}`);
      }
      pace.login_failures_network.check(peer.network, "failed logins from your address");
      pace.logins_network.check(peer.network, "logins from your address");
      pace.login_failures_account.check(keyOf(account, peer.network), `failed logins as ${name}`);
      pace.login_failures_strangers.check(account, `failed logins as ${name}`);
    } catch (error) {
      pace.login_failures_network.charge(peer.network);
      throw error;
    }
  }

  /** Counts a wrong password. */
  failed(name: string, peer: Peer): void {
    const { pace } = this.#limits;
    const account = fold(name);
    if (this.isKnown(name, peer)) return pace.login_failures_known.charge(keyOf(account, peer.address));
    pace.login_failures_network.charge(peer.network);
    pace.login_failures_account.charge(keyOf(account, peer.network));
    pace.login_failures_strangers.charge(account);
  }

  /** Counts a right password. */
  proved(name: string, { network }: Peer): void {
    const { pace } = this.#limits;
    pace.logins_account.charge(fold(name));
    pace.logins_network.charge(network);
  }

  /** Counts a login, and remembers from where it came. */
  succeeded(name: string, peer: Peer): void {
    this.proved(name, peer);
    this.remember(name, peer);
  }

  /**
   * Lets a code of a second factor be tried, or not, and counts it.
   *
   * @returns gives the try back: it was no wrong guess
   * @throws {ChatError} `too_many_attempts`
   */
  admitCode(name: string, peer: Peer): () => void {
    const { pace } = this.#limits;
    const account = fold(name);
    const isKnown = this.isKnown(name, peer);
    const limit = isKnown ? pace.code_failures_known : pace.code_failures_account;
    const key = isKnown ? keyOf(account, peer.address) : account;
    if (!isKnown) pace.login_failures_network.check(peer.network, "failed logins from your address");
    limit.spend(key, `wrong codes as ${name}`);
    if (!isKnown) pace.login_failures_network.charge(peer.network);
    return () => {
      limit.refund(key);
      if (!isKnown) pace.login_failures_network.refund(peer.network);
    };
  }

  /**
   * Lets an invitation be shown, or not, and counts it.
   *
   * @returns gives the try back: the invitation was good
   * @throws {ChatError} `too_many_attempts`
   */
  admitInvitation({ network }: Peer): () => void {
    const { invitation_failures: limit } = this.#limits.pace;
    limit.spend(network, "wrong invitations from your address");
    return () => limit.refund(network);
  }

  /** Remembers that the account's owner is at this address. */
  remember(name: string, { address }: Peer): void {
    const key = keyOf(fold(name), address);
    this.#known.delete(key);
    this.#known.add(key);
    if (this.#known.size <= maxKnown) return;
    for (const oldest of this.#known) return void this.#known.delete(oldest);
  }

  /**
   * Lets somebody show a resume token, or not.
   *
   * @param name the user that the token names, if it names one
   * @throws {ChatError} `too_many_attempts`
   */
  admitResume(name: string | undefined, { network }: Peer): void {
    const { pace } = this.#limits;
    pace.resume_failures.check(network, "refused resumes from your address");
    if (name !== undefined) pace.logins_account.check(fold(name), `logins as ${name}`);
  }

  /** Counts a resume as a login of the account, and remembers from where it came. */
  resumed(name: string, peer: Peer): void {
    this.#limits.pace.logins_account.charge(fold(name));
    this.remember(name, peer);
  }

  /** Counts a resume token that was worth nothing. */
  resumeFailed({ network }: Peer): void {
    this.#limits.pace.resume_failures.charge(network);
  }

  /**
   * Lets somebody try a new account's name, or not.
   *
   * @throws {ChatError} `too_many_attempts`
   */
  admitRegistration({ network }: Peer): void {
    this.#limits.pace.registrations.spend(network, "registrations from your address");
  }
}
