import type { AccountService } from "../../auth/accounts.ts";
import type { LoginGuard } from "../../auth/login_guard.ts";
import type { Limits } from "../../limits/limits.ts";
import type { Account } from "../../store/accounts.ts";
import type { ChatError } from "../../common/errors.ts";
import type { Config } from "../../config/config.ts";
import type { Store } from "../../store/store.ts";
import type { Argument, Arguments } from "../../wire/command.ts";
import type { Format, Reply } from "../../wire/event.ts";
import type { About, TokenUse } from "./access.ts";
import type { RoomChanges } from "../rooms/changes.ts";
import type { RoomAccess } from "../rooms/room_access.ts";
import type { Right } from "../rooms/rights.ts";
import type { SessionManager } from "../sessions/session_manager.ts";
import type { ClientChannel } from "../sessions/client_channel.ts";
import type { UserSession } from "../sessions/user_session.ts";

/** The connection that a command came in on. A handler changes nothing of it: that is its {@linkcode Outcome}'s. */
export interface Caller extends ClientChannel {
  /** Who is logged in, if anybody is. */
  readonly session: UserSession | undefined;
  /** What the client has shown towards getting in. */
  readonly pending: Pending;
}

/** What a client that is not logged in has shown so far. */
export interface Pending {
  /** The code of an invitation that was good when it was shown. */
  readonly invitation?: string;
  /** A login whose password was right, and whose code is still to come. */
  readonly login?: PendingLogin;
}

/** A login that waits for a code. */
export interface PendingLogin {
  /** As it was when the password was compared. */
  readonly account: Account;
  readonly side: boolean;
  readonly device: string | undefined;
  /** When that was, in milliseconds since 1970. */
  readonly since: number;
}

/** What handlers share. */
export interface Services {
  readonly serverId: string;
  readonly config: Config;
  readonly store: Store;
  readonly accounts: AccountService;
  readonly guard: LoginGuard;
  readonly limits: Limits;
  readonly sessions: SessionManager;
  /** What a change of a room's record does to those who are there. */
  readonly rooms: RoomChanges;
  /** Who may enter and read which room. */
  readonly access: RoomAccess;
  /** Every command, for `help`. */
  readonly commands: readonly CommandSpec[];
}

/** What a command answers, and what it changes of its connection. */
export interface Outcome {
  /** The answer; an error where the command is refused and the connection changes all the same. */
  readonly reply: Reply | ChatError;
  /** How the client is spoken to from this answer on. */
  readonly format?: Format;
  /** Whether what logs in on the connection is in many rooms, from this answer on. */
  readonly manyRooms?: boolean;
  /** What the client calls itself, from this answer on; empty where it does not say. */
  readonly client?: string;
  /** What the client has shown towards getting in, from this answer on. */
  readonly pending?: Pending;
  /** Who is logged in from this answer on; null where nobody is any more. */
  readonly session?: UserSession | null;
  /** Called once the answer is queued: nothing that it pushes can overtake the answer. */
  after?(): void;
  /** Whether the connection ends when the answer is written. */
  readonly close?: true;
}

/**
 * Who may give a command: `guest` is not logged in, `user` is logged in, a side connection included, `member` has a
 * session, and `anyone` is anyone.
 */
export type Audience = "anyone" | "guest" | "user" | "member";

/** One command, whole: help, arguments, permission and handler in one record. */
export interface CommandSpec {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly arguments: readonly Argument[];
  readonly who: Audience;
  /** What it asks in the room that it is about; undefined where it is about none, or where that is as its arguments say. */
  readonly right: Right | undefined;
  /** One sentence for people. */
  readonly help: string;
  /** Whether the next line is read before this one is answered; replies keep their order all the same. */
  readonly pipelined: boolean;
  /** Whether one with these arguments is not pipelined all the same, since it looks something up before it publishes. */
  alone(values: Record<string, unknown>): boolean;
  /** Whether a person may type it; the others exist in JSON only. */
  readonly typed: boolean;
  /** Whether one may give it who is logged in with an access token. */
  readonly tokens: TokenUse;
  /** Which topic it is about, for tokens that are bound to topics; by its arguments, unless given. */
  readonly about: About | undefined;
  /** Whether it is written to the audit log, and under its name to the log, with its outcome. */
  readonly audited: boolean;
  /** The longest line in JSON, in bytes, where it may be longer than others. */
  readonly lineBytes: number;
  /** Whether its line or its answer has a part of a file: these bytes are bounded otherwise, and pace counts the line alone. */
  readonly carriesFile: boolean;
  /** The most that its answer may take, in bytes, where that is a lot. */
  readonly answerBytes: number;
  run(caller: Caller, values: Record<string, unknown>, services: Services): Promise<Outcome>;
}

/** A caller that the gate let through, as its command's audience sees it. */
export type Admitted<W extends Audience> = W extends "user" | "member" ? Caller & { readonly session: UserSession }
  : Caller;

/** What {@linkcode defineCommand} takes: a spec whose handler gets its arguments typed. */
export interface CommandDefinition<A extends readonly Argument[], W extends Audience> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly arguments?: A;
  readonly who: W;
  readonly right?: Right;
  readonly help: string;
  readonly pipelined?: true;
  alone?(values: Arguments<A>): boolean;
  readonly typed?: false;
  readonly tokens?: "always" | "never";
  readonly about?: About;
  readonly audited?: true;
  readonly lineBytes?: number;
  readonly carriesFile?: true;
  readonly answerBytes?: number;
  run(caller: Admitted<W>, values: Arguments<A>, services: Services): Outcome | Promise<Outcome>;
}

/** Makes a command's record: the handler gets its arguments typed, and what it throws rejects its promise. */
export function defineCommand<const A extends readonly Argument[] = [], W extends Audience = Audience>(
  definition: CommandDefinition<A, W>,
): CommandSpec {
  return {
    name: definition.name,
    aliases: definition.aliases ?? [],
    arguments: definition.arguments ?? [],
    who: definition.who,
    right: definition.right,
    help: definition.help,
    pipelined: definition.pipelined ?? false,
    alone: (values) => definition.alone?.(values as Arguments<A>) ?? false,
    typed: definition.typed ?? true,
    tokens: definition.tokens ?? "scoped",
    about: definition.about,
    audited: definition.audited ?? false,
    lineBytes: definition.lineBytes ?? 0,
    carriesFile: definition.carriesFile ?? false,
    answerBytes: definition.answerBytes ?? 0,
    run(caller, values, services) {
      try {
        const outcome = definition.run(caller as Admitted<W>, values as Arguments<A>, services);
        return outcome instanceof Promise ? outcome : Promise.resolve(outcome);
      } catch (error) {
        return Promise.reject(error);
      }
    },
  };
}
