/** What a start loads that it may not need. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "../support/declare.ts";
import { permitted } from "../support/needs.ts";

const root = join(import.meta.dirname!, "..", "..");

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly { readonly isDynamic?: boolean; readonly code?: { readonly specifier: string } }[];
}

/** The modules that a program loads before it does anything. */
async function loadedBy(program: string): Promise<Set<string>> {
  const args = ["info", "--json", "--config", join(root, "deno.json"), join(root, program)];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "null" }).output();
  const { roots, modules } = JSON.parse(new TextDecoder().decode(stdout)) as { roots: string[]; modules: Module[] };
  const bySpecifier = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set(roots);
  for (const specifier of loaded) { // those that are added meanwhile as well
    for (const { code, isDynamic } of bySpecifier.get(specifier)?.dependencies ?? []) {
      if (code && !isDynamic) loaded.add(code.specifier);
    }
  }
  return loaded;
}

for (const program of ["server.ts", "admin.ts"]) {
  test(`${program} does not load the library for Redis before it knows that there is a Redis`, async () => {
    const loaded = [...await loadedBy(program)];
    assert.ok(loaded.some((specifier) => specifier.endsWith("/lib/store/open.ts")));
    assert.deepEqual(loaded.filter((specifier) => /\/lib\/store\/redis\/|npm:.*redis.*@/.test(specifier)), []);
  }, await permitted("read", "run"));
}
