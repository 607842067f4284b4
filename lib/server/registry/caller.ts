/**
 * Who a command comes from, and what the service lends to its handler: the ports that commands are written against.
 */

import type { AccountService } from "../../auth/accounts.ts";
import type { Config } from "../../config/config.ts";
import type { Store } from "../../store/store.ts";
import type { Format, Reply } from "../../wire/event.ts";
import type { CommandSpec } from "./registry.ts";
import type { ClientChannel, UserSession } from "../sessions/user_session.ts";
import type { SessionManager } from "../sessions/session_manager.ts";

/** The connection that a command came in on. */
export interface Caller extends ClientChannel {
  /** How the connection is spoken to; `hello` sets it. */
  format: Format;
  /** Who is logged in, if anybody is; `login`, `register`, `resume` and `logout` set it. */
  session: UserSession | undefined;
}

/** What handlers share. */
export interface Services {
  readonly serverId: string;
  readonly config: Config;
  readonly store: Store;
  readonly accounts: AccountService;
  readonly sessions: SessionManager;
  /** Every command, for `help`. */
  readonly commands: readonly CommandSpec[];
}

/** A reply, and what is to happen once it is queued: nothing that `after` has pushed can overtake the reply. */
export interface Outcome {
  readonly reply: Reply;
  after?(): void;
  /** Whether the connection ends when the reply is written. */
  readonly close?: true;
}
