/**
 * Waiting that can be cut short.
 */

import { setTimeout } from "node:timers/promises";

/** Resolves after so many milliseconds, or as soon as the signal is aborted. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal });
  } catch {
    // It was aborted.
  }
}
