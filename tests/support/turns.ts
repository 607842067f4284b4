/** Waiting for what happens, never for a time. */

/** Resolves when the work that is due in this turn of the event loop is done, and what it made due. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Whether a promise is settled by the end of this turn. */
export async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const note = () => void (done = true);
  promise.then(note, note);
  await turn();
  return done;
}

/**
 * Asks again and again until the answer is not false, null or undefined.
 *
 * @param what what is waited for, for the error
 * @param timeoutMs when to give up
 * @returns the answer
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  { timeoutMs = 15_000, everyMs = 5 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== false && answer !== null && answer !== undefined) {
      return answer as Exclude<T, false | null | undefined>;
    }
    if (performance.now() > deadline) throw new Error(`It took more than ${timeoutMs} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
