/**
 * How late the event loop is. What holds it up holds up every client of this thread.
 */

import type { Distribution } from "../../observability/metrics.ts";

/** How often the loop is looked at, in milliseconds. */
const everyMs = 100;

/**
 * Measures how late a timer is, until what it returns is disposed of. The runtime's own `monitorEventLoopDelay` shows nothing of a loop
 * that is blocked.
 *
 * @param delay takes seconds
 * @param now milliseconds
 */
export function watchEventLoop(delay: Distribution, now: () => number = () => performance.now()): Disposable {
  let due = now() + everyMs;
  const timer = setInterval(() => {
    const late = now() - due;
    delay.observe(late / 1000);
    due += everyMs + Math.max(0, late); // the next one is due after this one, so that one blockade counts once
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
