/** What a command of Redis fails with. */

import { ErrorReply } from "redis";
import { ChatError } from "../../../common/errors.ts";

/** Error replies that mean that Redis cannot be used, rather than that the command was wrong. */
export const awayReplies = new RegExp(
  "^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOREPLICAS|MISCONF|OOM|BUSY|NOPERM|NOAUTH|WRONGPASS)\\b" +
    "|executing the script can't run",
);

/**
 * Error replies of a server that is not, or not yet, the one to ask: a replica, a node of a cluster, one that reads its
 * data. One that is made a replica keeps its connections, so that they would lead to it for ever.
 */
export const wrongServerReplies = /^(READONLY|MASTERDOWN|LOADING|MOVED|ASK|CLUSTERDOWN)\b/;

/** Says what was not permitted: Redis names the command at most. */
export function named(error: unknown, command: string, of: string): unknown {
  if (!(error instanceof ErrorReply) || !/^NOPERM|executing the script/.test(error.message)) return error;
  return new Error(`${error.message} (${command} ${of})`, { cause: error });
}

/** A failure as the store tells it: what stands in the way comes as the cause. */
export function unavailable(cause: unknown): ChatError {
  if (cause instanceof ChatError) return cause;
  if (cause instanceof ErrorReply && cause.message.startsWith("OOM")) {
    // It is known that nothing was stored. Reading, logging in and deleting go on.
    return new ChatError("store_unavailable", "The store is full: nothing new can be kept until there is room", {}, {
      cause,
    });
  }
  return new ChatError("store_unavailable", "The store cannot be reached at the moment; try again", {}, { cause });
}
