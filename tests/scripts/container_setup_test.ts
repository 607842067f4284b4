import assert from "node:assert/strict";
import { join } from "node:path";
import { givePassword } from "../../scripts/container_setup.ts";
import { permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";

const files = await permitted("read", "write");

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
