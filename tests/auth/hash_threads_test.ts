/** That hashing gives way to the event loop: by the niceness of the threads that do it, as Linux tells it. */

import assert from "node:assert/strict";
import { givingWay } from "../../lib/auth/hash_threads.ts";
import { permitted } from "../support/needs.ts";

const needs = await permitted("env", "read", "ffi", "run");

/** Niceness by thread of this process, those of a name only. */
async function niceness(name: string): Promise<number[]> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `cat /proc/${Deno.pid}/task/*/stat`],
    stdout: "piped",
  }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n").filter((line) => line.includes(`(${name})`));
  return lines.map((line) => Number(line.slice(line.lastIndexOf(")")).split(" ")[17]));
}

Deno.test({
  name: needs.named("givingWay() makes the threads nice that hash, and no other"),
  ignore: needs.ignored || Deno.build.os !== "linux",
  sanitizeResources: false, // the library stays loaded, as it is for the server's life
  async fn() {
    if ((await niceness("deno")).some((nice) => nice !== 0)) return; // nothing is told from nothing under `nice`
    const { default: native } = await import("bcrypt");
    const bcrypt = givingWay(native);
    const hashing = [bcrypt.hash("one", 12), bcrypt.hash("other", 12)];
    const pool = await niceness("tokio-runtime-w");
    const [one] = await Promise.all(hashing);
    assert.ok(pool.length >= 2 && pool.every((nice) => nice === 6), `${pool}`);
    assert.ok((await niceness("V8 DefaultWorke")).every((nice) => nice === 0));
    assert.ok((await niceness("deno")).every((nice) => nice === 0));
    assert.equal(await bcrypt.compare("one", one), true);
    assert.equal(await bcrypt.compare("other", one), false);
  },
});
