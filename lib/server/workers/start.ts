/**
 * A start that cannot succeed at once: whether waiting can help, and what is told of it.
 */

import { messageOf } from "../../common/errors.ts";
import { pause } from "../../common/time.ts";
import { isStoreFailure, storeFailure } from "../../store/failure.ts";
import { ServerIdTakenError } from "../../store/servers.ts";

/** Why a server does not start: one sentence, and what to do about it. */
export class StartError extends Error {
  override readonly name = "StartError";

  /** @param passing whether it may pass by itself, as a store does that is not up yet */
  constructor(message: string, readonly advice: string, readonly passing: boolean, options?: ErrorOptions) {
    super(message, options);
  }
}

/** What a failure of the store means for the start. */
export function storeStartError(cause: unknown): StartError {
  const { reason, advice, passing } = storeFailure(cause);
  return new StartError(reason, advice, passing, { cause });
}

/** What it means that an address could not be listened on. @param option the one that names the port, such as `SERVER_PORT` */
export function listenStartError(cause: unknown, option: string, host: string, port: number): unknown {
  const own = messageOf(cause);
  const error = (reason: string, advice: string, passing = false) =>
    new StartError(`${reason}: ${own}`, advice, passing, { cause });
  if (cause instanceof Deno.errors.AddrInUse) {
    const advice = `see which one (ss -ltnp), or set ${option}`;
    return error(`port ${port} is taken by another program`, advice, true);
  }
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    return error(`${host} is no address of this machine`, `set ${option.replace("PORT", "HOST")}`);
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return error(`port ${port} may not be used`, "ports below 1024 need the right to them (CAP_NET_BIND_SERVICE)");
  }
  if (cause instanceof ServerIdTakenError) {
    return new StartError(cause.message, "give each server a SERVER_ID of its own, or none", false, { cause });
  }
  return isStoreFailure(cause) ? storeStartError(cause) : cause;
}

/** Settings and ports of a patient start. */
export interface PatienceOptions {
  /** How long it is tried again, in seconds. */
  readonly seconds: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Told of the first failure, and of each that is another one. */
  readonly onWait: (error: StartError) => void;
}

/** How often a start is tried again, in milliseconds. */
const againMs = 500;

/**
 * Tries again what failed for a reason that may pass by itself.
 *
 * @throws the signal's reason, or the last failure when the time is over; at once what waiting does not mend
 */
export async function patiently<T>(start: () => Promise<T>, options: PatienceOptions): Promise<T> {
  const { seconds, signal, onWait } = options;
  const deadline = performance.now() + seconds * 1000;
  let told: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof StartError && error.passing) || performance.now() >= deadline) throw error;
      if (error.message !== told) onWait(error);
      told = error.message;
    }
    await pause(Math.min(againMs, Math.max(0, deadline - performance.now())), signal);
  }
}
