/** What the container's files promise that nothing else would notice. */

import assert from "node:assert/strict";
import { permitted } from "../support/needs.ts";
import { test } from "../support/declare.ts";

const root = new URL("../../", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, root));
const files = await permitted("read");

type Permissions = Readonly<Record<string, true | readonly string[]>>;

/** The flags that stand for a set of permissions. */
function flagsOf(set: string): string[] {
  const { permissions } = JSON.parse(read("deno.json")) as { permissions: Record<string, Permissions> };
  return Object.entries(permissions[set]!).map(([name, value]) =>
    value === true ? `--allow-${name}` : `--allow-${name}=${value.join(",")}`
  ).sort();
}

/** The flags in a text; with `-P`, Deno writes a warning to the log that is no JSON. */
function flagsIn(text: string): string[] {
  assert.ok(!/"?-P=/.test(text), text);
  return (text.match(/--allow-[a-z]+(=[\w,]+)?/g) ?? []).sort();
}

test("the container's programs have the permissions of deno.json, said in flags", () => {
  const [entrypoint] = /^ENTRYPOINT [^]*?\]$/m.exec(read("Dockerfile"))!;
  assert.deepEqual(flagsIn(entrypoint), flagsOf("server"));
  const [setup] = /^ {4}entrypoint:[^]*?container_setup\.ts/m.exec(read("compose.yaml"))!;
  assert.deepEqual(flagsIn(setup), flagsOf("certs"));
  return Promise.resolve();
}, files);
