import assert from "node:assert/strict";
import { join } from "node:path";
import { findRedis, redisVersion } from "../../scripts/redis_binary.ts";
import { permitted } from "../support/needs.ts";

const programs = await permitted("run", "read", "write", "env");

/** A folder with stand-ins for `redis-server`, each of which only says its version. */
async function standIns(...versions: readonly string[]) {
  const dir = await Deno.makeTempDir({ prefix: "chat-test-" });
  const paths = versions.map((version) => join(dir, version));
  for (const [index, path] of paths.entries()) {
    // A shell writes the file: one that this process had open while another test starts a program could not be run.
    const text = `#!/bin/sh\necho "Redis server v=${versions[index]} sha=00000000:0 malloc=libc"\n`;
    const write = 'printf %s "$1" >"$2" && chmod 755 "$2"';
    assert.ok((await new Deno.Command("sh", { args: ["-c", write, "sh", text, path] }).output()).success);
  }
  return { paths, [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: programs.named(name),
    ignore: programs.ignored || Deno.build.os === "windows",
    fn,
    sanitizeOps: true,
    sanitizeResources: true,
  });
}

test("redisVersion() reads the version, and takes what does not run as absent", async () => {
  await using redis = await standIns("7.0.15");
  assert.equal(await redisVersion(redis.paths[0]), "7.0.15");
  assert.equal(await redisVersion("/nowhere/redis-server"), undefined);
  await Deno.chmod(redis.paths[0], 0o644);
  assert.equal(await redisVersion(redis.paths[0]), undefined);
});

test("findRedis() passes over a Redis that is too old, and says so where there is no other", async () => {
  await using redis = await standIns("6.0.16", "8.2.0");
  const [old, recent] = redis.paths;
  assert.deepEqual(await findRedis({ named: "", usual: [old, recent] }), { found: { path: recent, version: "8.2.0" } });
  assert.deepEqual(await findRedis({ named: "", usual: [old] }), {
    reason: `${old} is Redis 6.0.16, 7 or later is needed`,
  });
  assert.deepEqual(await findRedis({ named: "", usual: [] }), { reason: "no redis-server on the PATH" });
});

test("findRedis() looks nowhere else when a server is named", async () => {
  await using redis = await standIns("7.4.1");
  const search = await findRedis({ named: "/nowhere/redis-server", usual: redis.paths });
  assert.deepEqual(search, { reason: "REDIS_SERVER is /nowhere/redis-server, which does not run" });
});
