/**
 * Ends a user's connections: here, and after a new password on every server.
 */

import { ChatError } from "../../common/errors.ts";
import { allowLate, within } from "../../common/time.ts";
import type { Store } from "../../store/store.ts";
import type { SystemEvent } from "../../wire/event.ts";
import { fold } from "../../wire/names.ts";
import { type Expelled, type LocalSessions, passwordChanged, tokenOver } from "./local_sessions.ts";
import type { SessionEnds } from "./session_ends.ts";
import type { UserSession } from "./user_session.ts";

/** Settings and ports of expulsions. */
export interface ExpulsionOptions {
  readonly store: Store;
  readonly local: LocalSessions;
  readonly ends: SessionEnds;
  /** Told what could not be done. */
  readonly onFault: (what: string, error: unknown) => void;
}

/** How long other servers may take to report, and ended connections to finish what they had begun, in milliseconds. */
const patienceMs = 5_000;

/**
 * Ends connections of users who may not go on with them.
 *
 * 1. A connection that is told its last line takes no further line. What it had begun has come to its end, too, when an
 *    expulsion is done: nothing of it takes effect later. A command that hangs for longer than five seconds is the exception.
 * 2. After a new password, every server ends what began with an earlier one. Where the store is away, the order is sent
 *    again until it is back; a server that could not hear it compares its connections' passwords when it can.
 */
export class Expulsions {
  readonly #options: ExpulsionOptions;
  /** New passwords that other servers were not told of: user → how often it had been changed by then. */
  readonly #queue = new Map<string, number>();

  constructor(options: ExpulsionOptions) {
    this.#options = options;
  }

  /**
   * Ends a user's connections on this server, with their resume tokens.
   *
   * @param last the clients' last line
   * @param which those that are closed; all without it
   * @returns how many connections were closed
   */
  async here(user: string, last: SystemEvent, which?: Expelled): Promise<number> {
    const { closed, sessions } = this.#options.local.expel(user, last, which);
    await Promise.all(sessions.map((session) => this.#finish(session)));
    return closed;
  }

  /** Ends what a user began with an earlier password, on every server; where the store is away, when it is back. */
  async afterPassword(user: string, passwords: number): Promise<void> {
    this.#queue.set(fold(user), Math.max(passwords, this.#queue.get(fold(user)) ?? 0));
    await this.here(user, passwordChanged, { before: passwords });
    await this.drain().catch((error) => this.#options.onFault("expel", error));
  }

  /**
   * Ends what a user began with an access token that is revoked, on every server.
   *
   * @throws {ChatError} `store_unavailable` where a server did not answer; it closes them when it can
   */
  async afterToken(user: string, access: string): Promise<void> {
    const order = { do: "expel", user, message: tokenOver.message, access } as const;
    const reports = await this.#options.store.admin.order(order, patienceMs);
    const unheard = reports.find(({ failed }) => failed !== undefined);
    if (!unheard) return;
    const message =
      `The token is revoked, but ${unheard.server} did not answer: connections there may go on for a while`;
    throw new ChatError("store_unavailable", message);
  }

  /** Ends what the user of a deleted account has on every server. @throws {ChatError} `store_unavailable` */
  async afterDeletion(user: string, passwords: number): Promise<void> {
    const order = {
      do: "expel",
      user,
      message: "Your account was deleted.",
      before: passwords,
      deleted: true,
    } as const;
    for (const { server, failed } of await this.#options.store.admin.order(order, patienceMs)) {
      if (failed !== undefined) this.#options.onFault("expel", new Error(`${server}: ${failed}`));
    }
  }

  /** Tells other servers of the queued passwords. @throws {ChatError} `store_unavailable`: the rest stays queued */
  async drain(): Promise<void> {
    for (const [user, passwords] of [...this.#queue]) {
      const order = { do: "expel", user, message: passwordChanged.message, before: passwords } as const;
      const reports = await this.#options.store.admin.order(order, patienceMs);
      if (this.#queue.get(user) === passwords) this.#queue.delete(user);
      for (const { server, failed } of reports) {
        if (failed !== undefined) this.#options.onFault("expel", new Error(`${server}: ${failed}`));
      }
    }
  }

  async #finish(session: UserSession): Promise<void> {
    session.stop();
    session.loggedOut = true;
    await Promise.all([
      session.record && this.#options.ends.end(session.record, session.tokenHash),
      within(patienceMs, session.answered()).catch(allowLate),
    ]);
  }
}
