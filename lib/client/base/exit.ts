/**
 * How the client ends: its exit codes as one table, and the error that leads to one of them.
 */

import { reasonOf } from "../../common/errors.ts";

/** Each way to end: the exit code, and what it means, for `--help`. */
export const exits = {
  ok: { code: 0, means: "all went well" },
  refused: { code: 1, means: "a command, or a message, was refused" },
  usage: { code: 2, means: "the command line is wrong, or a file or an output cannot be used" },
  unreachable: { code: 3, means: "no server could be reached, or none that can be trusted" },
  login: { code: 4, means: "the login was refused, or another login took over" },
} as const;

/** One of the ways to end. */
export type Exit = keyof typeof exits;

/** Why the client cannot go on: one line for a person, and the exit that it leads to. */
export class ClientError extends Error {
  override readonly name: string = "ClientError";

  /**
   * @param exit the way to end that it leads to
   * @param message one sentence, without the word "error"
   */
  constructor(readonly exit: Exit, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The same error with another sentence behind it. */
export function withHint(error: ClientError, hint: string | undefined): ClientError {
  return hint === undefined ? error : new ClientError(error.exit, `${error.message}. ${hint}`, { cause: error });
}

/** The connection ended before a request was answered. */
export class ConnectionLost extends ClientError {
  override readonly name = "ConnectionLost";

  /** @param message why, as far as it is known */
  constructor(message: string, options?: ErrorOptions) {
    super("unreachable", message, options);
  }
}

/**
 * What a failed write to the output leads to.
 *
 * @returns the same where its reader has seen enough, which is no fault; else one line for a person
 */
export function outputFault(cause: unknown): unknown {
  if (cause instanceof Deno.errors.BrokenPipe) return cause;
  return new ClientError("usage", `The output cannot be written: ${reasonOf(cause)}`, { cause });
}
