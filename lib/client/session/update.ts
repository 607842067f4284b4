/**
 * What a session takes and tells: logins in, updates out, and how it ends.
 */

import type { Reply, ServerEvent } from "../../wire/event.ts";
import type { Request } from "../net/connection.ts";
import type { JsonObject } from "../base/shape.ts";
import type { Exit } from "../base/exit.ts";
import type { Status } from "../net/status.ts";

/** What a session tells, in order. */
export type Update =
  | { readonly kind: "event"; readonly event: ServerEvent }
  /** Of a type, or a state, that this client does not know: for programs that do. */
  | { readonly kind: "unknown"; readonly event: JsonObject }
  | { readonly kind: "reply"; readonly request: Request; readonly reply: Reply }
  | { readonly kind: "refused"; readonly request: Request; readonly error: Error }
  | { readonly kind: "status"; readonly status: Status };

/** Who logs in, and how: with a password, as a new account, or with what an earlier session left. */
export type Login =
  | {
    readonly cmd: "login" | "register";
    readonly user: string;
    readonly password: string;
    /** The device that it is, where it has a name: another login of the same takes its place. */
    readonly device?: string;
    /** A code of the account's second factor, where it has one. */
    readonly code?: string;
    /** An invitation's code, where accounts are made by invitation. */
    readonly invitation?: string;
  }
  | { readonly cmd: "resume"; readonly token: string };

/** How a session ended for good. */
export interface Ending {
  readonly reason: "left" | "forced_logout" | "gave_up";
  readonly exit: Exit;
  readonly message: string;
}

/** Codes of refusals of a login or a resume that pass by themselves. */
export const passing: ReadonlySet<string> = new Set([
  "store_unavailable",
  "server_draining",
  "rate_limited",
  "too_many_attempts",
  "internal",
]);
