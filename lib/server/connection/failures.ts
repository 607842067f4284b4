/** What a client is told of an error: an expected refusal in its own words, a fault of ours by a reference. */

import { ChatError, type ErrorCode } from "../../common/errors.ts";
import { randomWord } from "../../store/log_position.ts";
import type { ErrorEvent } from "../../wire/event.ts";

/** The error as a client is told it. @param onFault given the reference of a fault of our own, for the log */
export function errorEvent(error: unknown, onFault: (reference: string) => void): ErrorEvent {
  if (error instanceof ChatError) {
    const { id: _, ...extra } = error.extra;
    return { type: "error", code: error.code, message: error.message, ...extra };
  }
  const reference = randomWord(8);
  onFault(reference);
  return { type: "error", code: "internal", message: `Something went wrong; its reference is ${reference}` };
}

/** The code that metrics and logs have for an error. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof ChatError ? error.code : "internal";
}

/** Whether the store was away. */
export function isAway(error: unknown): boolean {
  return codeOf(error) === "store_unavailable";
}
