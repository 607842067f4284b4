/**
 * How late the event loop is: a timer that looks at the clock. What holds it up holds up every client of this thread.
 *
 * By hand, as the runtime's own `monitorEventLoopDelay` shows nothing of a loop that is blocked.
 */

import type { Distribution } from "../../observability/metrics.ts";

/** How often the loop is looked at, in milliseconds. */
const everyMs = 100;

/** Measures until it is disposed of. */
export function watchEventLoop(delay: Distribution, now: () => number = () => performance.now()): Disposable {
  let due = now() + everyMs;
  const timer = setInterval(() => {
    const late = now() - due;
    delay.observe(late / 1000);
    due += everyMs + Math.max(0, late); // the next one is due after this, however late this is
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
