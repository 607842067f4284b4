/**
 * What becomes of a session's connection, as data, and the one line that a person is told.
 */

import { formatServer, type ServerAddress } from "../base/address.ts";

/** A change of the session's connection. */
export type Status =
  /** `planned` where the server had said so, and when to come back. */
  | { readonly state: "lost"; readonly reason: string; readonly planned: boolean }
  | { readonly state: "waiting"; readonly ms: number }
  | { readonly state: "connecting"; readonly server: ServerAddress }
  | { readonly state: "unreachable"; readonly server: ServerAddress; readonly message: string }
  | {
    readonly state: "resumed";
    readonly server: ServerAddress;
    /** How many messages were said while the session was away; null where that is not known. */
    readonly missed: number | null;
  }
  /** The server cannot store messages; they are sent again until it can. */
  | { readonly state: "store_away" }
  /** Something that a person should know, and that is no change of the connection. */
  | { readonly state: "notice"; readonly message: string }
  | { readonly state: "login_needed"; readonly message: string }
  | { readonly state: "logged_out" }
  | { readonly state: "gave_up"; readonly seconds: number };

/** The line for a person; undefined for what only a status bar shows. */
export function statusText(status: Status): string | undefined {
  switch (status.state) {
    case "lost":
      return status.planned ? undefined : "Connection lost; reconnecting…";
    case "unreachable":
      return `${status.message}; trying again…`;
    case "resumed": {
      const { missed } = status;
      if (missed === null) return `Back on ${formatServer(status.server)}; it is not known what was missed`;
      const count = missed === 0 ? "nothing was" : missed === 1 ? "1 message was" : `${missed} messages were`;
      return `Back on ${formatServer(status.server)}; ${count} missed`;
    }
    case "store_away":
      return "The server cannot store messages at the moment; yours is sent again until it can";
    case "notice":
      return status.message;
    case "login_needed":
      return `The session cannot be resumed: ${status.message}`;
    case "gave_up":
      return `No server could be reached for ${status.seconds} s`;
    case "waiting":
    case "connecting":
    case "logged_out":
      return undefined;
  }
}
