import { Buffer } from "node:buffer";
import type { Limits } from "../../limits/limits.ts";
import type { Draft } from "../../store/topics.ts";
import { fold } from "../../wire/names.ts";
import type { Services } from "../registry/command.ts";

/** What a message takes in the store besides what it says, in bytes: names, number, id, time and the memory of its cid. */
const overheadBytes = 256;

/**
 * Counts the bytes of a message against what its sender may have stored in a day.
 *
 * They are counted by each server for itself, in memory. A count that holds over servers and restarts would need the
 * user's own slot of the store, and so one more round trip for each message; the store's own bounds (of messages in a
 * topic, of rooms, of an inbox) hold in any case.
 *
 * @param copies how often the message is stored
 * @returns how many bytes were counted: to be given back where nothing is stored
 * @throws {ChatError} `rate_limited` with `retry_after_ms`
 */
export function countBytes(draft: Draft, copies: number, { limits, config }: Services): number {
  const bytes = copies * (overheadBytes + Buffer.byteLength(draft.text) + (draft.sealed?.length ?? 0));
  // One that is longer than all of a day's takes all of a day's: else it could never be sent.
  const tokens = Math.min(bytes, config.messageBytesPerDayPerUser);
  limits.pace.message_bytes.spend(fold(draft.from), "bytes of messages in a day", "rate_limited", tokens);
  return tokens;
}

/** Gives bytes back that {@linkcode countBytes} counted. */
export function giveBytesBack({ from }: Draft, bytes: number, { pace }: Limits): void {
  pace.message_bytes.refund(fold(from), bytes);
}
