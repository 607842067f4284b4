import assert from "node:assert/strict";
import { join } from "node:path";
import { giveCertificates } from "../../scripts/container_certs.ts";
import { permitted } from "../support/needs.ts";

const files = await permitted("read", "write", "env");

function test(name: string, fn: (folders: { clone: string; servers: string }) => Promise<void>): void {
  Deno.test({
    name: files.named(name),
    ignore: files.ignored || Deno.build.os === "windows",
    fn: async () => {
      const dir = await Deno.makeTempDir({ prefix: "chat-test-" });
      try {
        const folders = { clone: join(dir, "clone"), servers: join(dir, "servers") };
        await Deno.mkdir(folders.clone);
        await Deno.mkdir(folders.servers);
        await fn(folders);
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    },
    sanitizeOps: true,
    sanitizeResources: true,
  });
}

const names = ["localhost", "server"];
const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

test("giveCertificates() makes them in the clone and gives the servers a copy with a closed key", async (folders) => {
  await giveCertificates({ ...folders, names });
  for (const name of ["ca.pem", "cert.pem", "key.pem"]) {
    const [made, copy] = [join(folders.clone, name), join(folders.servers, name)];
    assert.equal(await Deno.readTextFile(copy), await Deno.readTextFile(made), name);
  }
  assert.equal(await modeOf(join(folders.clone, "key.pem")), 0o600);
  assert.equal(await modeOf(join(folders.servers, "key.pem")), 0o400);
  assert.equal(await modeOf(join(folders.servers, "ca.pem")), 0o444);
  assert.deepEqual([...Deno.readDirSync(folders.servers)].map(({ name }) => name).sort(), [
    "ca.pem",
    "cert.pem",
    "key.pem",
  ]);
});

test("giveCertificates() leaves what the clone has, and gives it again", async (folders) => {
  await giveCertificates({ ...folders, names });
  const before = await Deno.readTextFile(join(folders.clone, "cert.pem"));
  await Deno.remove(join(folders.servers, "key.pem"));
  await giveCertificates({ ...folders, names: ["elsewhere.example.org"] });
  assert.equal(await Deno.readTextFile(join(folders.clone, "cert.pem")), before);
  assert.equal(await Deno.readTextFile(join(folders.servers, "cert.pem")), before);
  assert.ok((await Deno.stat(join(folders.servers, "key.pem"))).isFile);
});

test("giveCertificates() of many at once makes one certificate", async (folders) => {
  await Promise.all(Array.from({ length: 5 }, () => giveCertificates({ ...folders, names })));
  const [made, copy] = [join(folders.clone, "cert.pem"), join(folders.servers, "cert.pem")];
  assert.equal(await Deno.readTextFile(copy), await Deno.readTextFile(made));
});
