import assert from "node:assert/strict";
import { join } from "node:path";
import { namesLike } from "../../scripts/container.ts";
import { givePassword } from "../../scripts/container_setup.ts";
import { permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";

const files = await permitted("read", "write");

Deno.test("namesLike() knows the names that both versions of compose give, and no others", () => {
  assert.equal(namesLike("chat-redis-1.chat_default", "redis")?.(2), "chat-server-2");
  assert.equal(namesLike("my_chat_redis_1.my_chat_default.", "redis")?.(12), "my_chat_server_12");
  assert.equal(namesLike("redis.example.org", "redis"), undefined);
  assert.equal(namesLike("0e39045feb46", "redis"), undefined);
});

Deno.test({
  name: files.named("compose.yaml gives Redis less memory than its container, and lets it throw nothing out"),
  ignore: files.ignored,
  fn: async () => {
    const compose = await Deno.readTextFile(new URL("../../compose.yaml", import.meta.url));
    const redis = compose.slice(compose.indexOf("  redis:"), compose.indexOf("  server:"));
    const mb = (pattern: RegExp) => {
      const [, number, unit] = pattern.exec(redis)!;
      return Number(number) * (unit === "g" ? 1024 : 1);
    };
    const share = mb(/--maxmemory \$\{REDIS_MAXMEMORY:-(\d+)(mb)\}/) /
      mb(/mem_limit: "\$\{REDIS_MEMORY:-(\d+)([gm])\}"/);
    assert.ok(share > 0.5 && share < 0.75, `${share}`);
    assert.match(redis, /--maxmemory-policy noeviction"/);
  },
});

Deno.test({
  name: files.named("givePassword() makes a password once, keeps it, and takes another where one is wanted"),
  ignore: files.ignored || Deno.build.os === "windows",
  fn: async () => {
    await using folder = await temporaryFolder();
    const password = async () => (await Deno.readTextFile(join(folder.path, "redis-password"))).trim();
    const config = () => Deno.readTextFile(join(folder.path, "redis.conf"));
    await givePassword(folder.path, undefined);
    const first = await password();
    assert.match(first, /^[0-9a-f]{48}$/);
    assert.ok((await config()).includes(`\nrequirepass "${first}"\n`));
    assert.equal((await Deno.stat(join(folder.path, "redis-password"))).mode! & 0o777, 0o400);
    await givePassword(folder.path, undefined);
    assert.equal(await password(), first);
    await givePassword(folder.path, 'say "hi"\\');
    assert.equal(await password(), 'say "hi"\\');
    assert.ok((await config()).includes('\nrequirepass "say \\"hi\\"\\\\"\n'));
    await assert.rejects(givePassword(folder.path, "two\nlines"), /control characters/);
  },
  sanitizeOps: true,
  sanitizeResources: true,
});
