/** How the tests of a file are declared, and what they share. */

import { every, type Need } from "./needs.ts";

/** A test whose operations and resources must all have ended with it; without what it needs, it is ignored. */
export function test(name: string, fn: () => void | Promise<void>, ...needs: readonly Need[]): void {
  const needed = every(...needs);
  Deno.test({ name: needed.named(name), ignore: needed.ignored, fn, sanitizeOps: true, sanitizeResources: true });
}

/**
 * What all tests of a file share: started before the first and stopped after the last, outside of what their sanitizers
 * watch.
 *
 * @param need without it nothing is started
 * @returns what gives it to a test
 */
export function shared<T extends AsyncDisposable>({ ignored }: Need, start: () => Promise<T>): () => T {
  let running: T | undefined;
  if (!ignored) {
    Deno.test.beforeAll(async () => {
      running = await start();
    });
    Deno.test.afterAll(async () => {
      await running?.[Symbol.asyncDispose]();
    });
  }
  return () => {
    if (running === undefined) throw new Error("What tests share is there inside a test only");
    return running;
  };
}
