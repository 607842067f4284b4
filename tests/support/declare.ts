/** How the tests of a file are declared, and what they share. */

import { every, type Need } from "./needs.ts";

/**
 * A test whose operations and resources must all have ended with it; without what it needs, it is ignored.
 *
 * It runs with the permissions that it needs, whatever there are besides: a test that passes here passes, or is ignored,
 * with `deno test --allow-net` as well. Those for FFI stay, as servers with them are quicker.
 */
export function test(
  name: string,
  fn: (t: Deno.TestContext) => void | Promise<void>,
  ...needs: readonly Need[]
): void {
  const { named, ignored, permissions } = every(...needs);
  const own = permissions && { ...nothing, ...Object.fromEntries(permissions.map((each) => [each, "inherit"])) };
  Deno.test({
    name: named(name),
    ignore: ignored,
    fn,
    sanitizeOps: true,
    sanitizeResources: true,
    ...(own && { permissions: own }),
  });
}

const nothing = {
  net: "inherit",
  ffi: "inherit",
  env: false,
  read: false,
  run: false,
  sys: false,
  write: false,
} as const;

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
