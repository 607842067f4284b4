/**
 * What a test cannot do without, asked once when its file is loaded, so that a test that cannot run is ignored and
 * its name says why.
 *
 * Permissions are queried and never requested: a test run in a terminal must not stop at a prompt.
 */

/** Whether tests that need something can run. */
export interface Need {
  /** For `Deno.test({ ignore })`. */
  readonly ignored: boolean;
  /** The test's name, with the reason after it where the test is ignored. */
  named(name: string): string;
}

/** A need that is met, or, with a reason, one that is not. */
export function need(reason?: string): Need {
  return {
    ignored: reason !== undefined,
    named: (name) => reason === undefined ? name : `${name} (ignored: ${reason})`,
  };
}

/**
 * The need for permissions.
 *
 * @example
 * ```ts
 * import { permitted } from "./needs.ts";
 *
 * const files = await permitted("read", "write");
 * Deno.test({ name: files.named("open() makes the folder"), ignore: files.ignored, fn: () => {} });
 * ```
 */
export async function permitted(...names: Deno.PermissionDescriptor["name"][]): Promise<Need> {
  const missing = [];
  for (const name of names) {
    const { state } = await Deno.permissions.query({ name });
    if (state !== "granted") missing.push(`--allow-${name}`);
  }
  return need(missing.length > 0 ? `needs ${missing.join(" and ")}` : undefined);
}

/** All of several needs: the first that is not met gives the reason. */
export function every(...needs: readonly Need[]): Need {
  return needs.find(({ ignored }) => ignored) ?? need();
}
