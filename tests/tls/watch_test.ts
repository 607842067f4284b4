import assert from "node:assert/strict";
import { configure, reset } from "@logtape/logtape";
import { join } from "node:path";
import { makeCertificates } from "../../lib/tls/authority.ts";
import { type Certificates, loadCertificates } from "../../lib/tls/certificates.ts";
import { CertificateWatch } from "../../lib/tls/watch.ts";
import { eventually } from "../support/client.ts";
import { every, permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";
import { test } from "../support/server.ts";

const files = every(await permitted("read", "write"));
const names = ["localhost"];

/** A pair in a folder, and a watch over it. */
async function scene(folder: string, use: (next: Certificates) => Promise<void>) {
  const paths = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  const put = async ({ cert, key }: { cert?: string; key?: string }) => {
    if (key !== undefined) await Deno.writeTextFile(paths.keyFile, key);
    if (cert !== undefined) await Deno.writeTextFile(paths.certFile, cert);
  };
  const first = await makeCertificates({ names });
  await put(first);
  const watch = new CertificateWatch({ paths: () => paths, current: loadCertificates(paths), use, everyMs: 5 });
  return { paths, put, first, watch };
}

test("CertificateWatch hands over files that were written anew, and a link that points elsewhere", async () => {
  await using folder = await temporaryFolder();
  const used: string[] = [];
  // deno-lint-ignore require-await -- a port that may take its time
  const { put, paths, watch } = await scene(folder.path, async ({ cert }) => void used.push(cert));
  await using _ = watch;
  const second = await makeCertificates({ names });
  await put(second);
  await eventually(() => used.length === 1, "the second is used");
  assert.equal(watch.current.cert, second.cert);

  const third = await makeCertificates({ names });
  for (const [file, text] of [[paths.keyFile, third.key], [paths.certFile, third.cert]] as const) {
    await Deno.writeTextFile(`${file}.3`, text);
    await Deno.symlink(`${file}.3`, `${file}.link`);
    await Deno.rename(`${file}.link`, file);
  }
  await eventually(() => used.length === 2, "the third is used");
  assert.deepEqual(used, [second.cert, third.cert]);
}, files);

test("CertificateWatch tells of a pair that is wrong once, however often it looks at it", async () => {
  await using folder = await temporaryFolder();
  const { put, paths, watch: idle } = await scene(folder.path, () => Promise.resolve());
  await idle[Symbol.asyncDispose]();
  let [refused, looks] = [0, 0];
  const loggers = [{ category: ["chat"], sinks: ["count"], lowestLevel: "error" as const }];
  await configure({ reset: true, sinks: { count: () => void refused++ }, loggers });
  await using _ = { [Symbol.asyncDispose]: reset };
  const lookedAt = () => (looks++, paths);
  const current = loadCertificates(paths);
  await using _watch = new CertificateWatch({ paths: lookedAt, current, use: () => Promise.resolve(), everyMs: 1 });
  await put({ cert: (await makeCertificates({ names })).cert });
  await eventually(() => refused > 0, "the pair is refused");
  const before = looks;
  await eventually(() => looks > before + 20, "it is looked at again");
  assert.equal(refused, 1);
}, files);

test("CertificateWatch.check() refuses what cannot be served and keeps what is in use", async () => {
  await using folder = await temporaryFolder();
  let refuse = false;
  // deno-lint-ignore require-await -- a port that may take its time
  const { put, first, paths, watch } = await scene(folder.path, async () => {
    if (refuse) throw new Error("the library does not like it");
  });
  await using _ = watch;
  const kept = watch.current;
  const second = await makeCertificates({ names });
  await put({ cert: second.cert });
  await assert.rejects(watch.check(), /key\.pem is not the private key of .*cert\.pem/);
  await put({ cert: "nonsense" });
  await assert.rejects(watch.check(), /holds no certificate/);
  const past = await makeCertificates({ names, days: 1, now: new Date(Date.now() - 9 * 86_400_000) });
  await put(past);
  await assert.rejects(watch.check(), /expired on/);
  await Deno.remove(paths.certFile);
  await Deno.remove(paths.keyFile);
  await assert.rejects(watch.check(), /are not there/);
  refuse = true;
  await put(second);
  await assert.rejects(watch.check(), /does not like it/);
  assert.equal(watch.current, kept);

  await put(first);
  assert.equal(await watch.check(), false);
  refuse = false;
  await put(second);
  await eventually(() => watch.current.cert === second.cert, "the good one is used");
}, files);
