import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { compileArguments, release, releaseBuilds, targets } from "../../scripts/build.ts";
import { every, permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";
import { test } from "../support/server.ts";

const files = every(await permitted("read", "write"));

/** Writes what the compiler would, as far as anybody looks at it. */
async function fakeCompiler(args: readonly string[]): Promise<void> {
  const output = args[args.indexOf("--output") + 1];
  await Deno.writeTextFile(output, `compiled with ${args.join(" ")}`);
}

test("compileArguments() names the entry last, for what follows it is baked in as its arguments", () => {
  const args = compileArguments({ output: "chat", target: "aarch64-apple-darwin", include: ["certs/ca.pem"] });
  assert.equal(args.at(-1), "client.ts");
  assert.deepEqual(args.slice(args.indexOf("--target"), args.indexOf("--target") + 2), [
    "--target",
    "aarch64-apple-darwin",
  ]);
  assert.equal(args[args.indexOf("--include") + 1], "certs/ca.pem");
  return Promise.resolve();
});

test("releaseBuilds() has a program for each system, and only Windows' is an .exe", () => {
  const outputs = releaseBuilds("dist").map(({ output }) => output);
  assert.deepEqual(
    outputs,
    [
      "chat-linux-x64",
      "chat-linux-arm64",
      "chat-macos-x64",
      "chat-macos-arm64",
      "chat-windows-x64.exe",
    ].map((name) => join("dist", name)),
  );
  return Promise.resolve();
});

test("release() writes the programs and checksums that sha256sum --check accepts", async () => {
  await using folder = await temporaryFolder();
  const dist = join(folder.path, "dist");
  const written = await release(dist, ["certs/ca.pem"], fakeCompiler);
  assert.equal(written.length, Object.keys(targets).length + 1);
  const lines = (await Deno.readTextFile(join(dist, "SHA256SUMS"))).trimEnd().split("\n");
  assert.equal(lines.length, Object.keys(targets).length);
  for (const line of lines) {
    const [hash, name] = line.split("  ");
    assert.equal(createHash("sha256").update(await Deno.readFile(join(dist, name))).digest("hex"), hash);
  }
}, files);

test("release() leaves no checksums where a program could not be made", async () => {
  await using folder = await temporaryFolder();
  await release(folder.path, [], fakeCompiler);
  const failing = release(folder.path, [], () => Promise.reject(new Error("no base")));
  await assert.rejects(failing, /no base/);
  await assert.rejects(Deno.stat(join(folder.path, "SHA256SUMS")), Deno.errors.NotFound);
}, files);
