/**
 * What a test cannot do without, asked once when its file is loaded, so that a test that cannot run is ignored and
 * its name says why.
 *
 * Permissions are queried and never requested: a test run in a terminal must not stop at a prompt.
 */

type Permission = Deno.PermissionDescriptor["name"];

/** Whether tests that need something can run. */
export interface Need {
  /** For `Deno.test({ ignore })`. */
  readonly ignored: boolean;
  /** The test's name, with the reason after it where the test is ignored. */
  named(name: string): string;
  /** The permissions that the tests are run with, beside `net` and `ffi`; undefined for all that there are. */
  readonly permissions: readonly Permission[] | undefined;
}

/**
 * A need that is met, or, with a reason, one that is not.
 *
 * @param permissions see {@linkcode Need.permissions}; none unless told
 */
export function need(reason?: string, permissions: readonly Permission[] | "all" = []): Need {
  return {
    ignored: reason !== undefined,
    named: (name) => reason === undefined ? name : `${name} (ignored: ${reason})`,
    // A program that a test starts has permissions of its own.
    permissions: permissions === "all" || permissions.includes("run") ? undefined : permissions,
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
export async function permitted(...names: Permission[]): Promise<Need> {
  const missing = [];
  for (const name of names) {
    const { state } = await Deno.permissions.query({ name });
    if (state !== "granted") missing.push(`--allow-${name}`);
  }
  return need(missing.length > 0 ? `needs ${missing.join(" and ")}` : undefined, names);
}

/** All of several needs: the first that is not met gives the reason, and the tests have the permissions of all. */
export function every(...needs: readonly Need[]): Need {
  const all = needs.some(({ permissions }) => permissions === undefined);
  return needs.find(({ ignored }) => ignored) ??
    need(undefined, all ? "all" : needs.flatMap(({ permissions }) => permissions!));
}
