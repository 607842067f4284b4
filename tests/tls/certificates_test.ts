/**
 * What the files of certificates promise: they belong together whoever starts when and dies where, openssl verifies
 * them, and keys are private from the first byte.
 */

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CertificateError, makeCertificates } from "../../lib/tls/authority.ts";
import { createCertificates, ensureCertificates } from "../../lib/tls/certificates.ts";
import { test as declared } from "../support/declare.ts";
import { every, type Need, need, permitted } from "../support/needs.ts";

const files = await permitted("read", "write");
const processes = await permitted("read", "write", "run");
const hasOpenssl = processes.ignored || await run("openssl", "version").then(() => true, () => false);
const openssl = every(processes, need(hasOpenssl ? undefined : "needs openssl"));

function test(name: string, needed: Need, fn: () => Promise<void>): void {
  declared(name, fn, needed);
}

/** What a command prints, and with which code it ends. */
async function run(command: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const output = await new Deno.Command(command, { args, stdin: "null" }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: decode(output.stdout), stderr: decode(output.stderr) };
}

/** An empty folder and the two paths in it, removed afterwards. */
function folder(): Disposable & { path: string; certFile: string; keyFile: string; caFile: string } {
  const path = Deno.makeTempDirSync({ prefix: "chat-certificates-" });
  return {
    path,
    certFile: join(path, "cert.pem"),
    keyFile: join(path, "key.pem"),
    caFile: join(path, "ca.pem"),
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

test("ensureCertificates() makes three files, with their folder, and finds them the next time", files, async () => {
  using at = folder();
  const paths = { certFile: join(at.path, "deep", "cert.pem"), keyFile: join(at.path, "deep", "key.pem") };
  const made = await ensureCertificates(paths);
  const found = await ensureCertificates(paths);
  assert(made.made && !found.made);
  assert.deepEqual({ ...found, made: true }, made);
  assert.equal(made.caFile, join(at.path, "deep", "ca.pem"));
  assert.deepEqual(made.files, [made.caFile, paths.certFile, paths.keyFile]);
  assert.equal(Deno.readTextFileSync(paths.certFile), made.cert);
  assert.equal(Deno.readTextFileSync(paths.keyFile), made.key);
  assert.match(made.fingerprint, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert(made.notAfter.getTime() > Date.now() + 800 * 86_400_000);
  const left = [...Deno.readDirSync(join(at.path, "deep"))].map(({ name }) => name).sort();
  assert.deepEqual(left, [".cert.pem.lock", "ca.pem", "cert.pem", "key.pem"]);
  if (Deno.build.os !== "windows") assert.equal(Deno.statSync(paths.keyFile).mode! & 0o777, 0o600);
});

test("ensureCertificates() loads what others made and leaves the folder alone", files, async () => {
  using at = folder();
  const [own, other] = await Promise.all([makeCertificates({ names: ["a"] }), makeCertificates({ names: ["b"] })]);
  Deno.writeTextFileSync(at.certFile, `a comment\n${own.cert}${other.cert}`);
  Deno.writeTextFileSync(
    at.keyFile,
    `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${own.key}`,
  );
  Deno.writeTextFileSync(at.caFile, other.ca);
  const loaded = await ensureCertificates(at);
  assert.equal(loaded.fingerprint, new X509Certificate(own.cert).fingerprint256);
  assert.deepEqual([loaded.made, loaded.caFile, loaded.files], [false, undefined, [at.certFile, at.keyFile]]);
  assert.equal([...Deno.readDirSync(at.path)].length, 3);
});

test("ensureCertificates() says when a certificate expired and serves it all the same", files, async () => {
  using at = folder();
  const made = await ensureCertificates({ ...at, names: ["a"], days: 1, now: new Date("2020-01-02T00:00:00Z") });
  assert.equal(made.notAfter.toISOString(), "2020-01-02T23:00:00.000Z");
  assert.equal((await ensureCertificates(at)).made, false);
});

test("ensureCertificates() refuses in one line what is not whole or not a pair", files, async () => {
  const [one, other] = await Promise.all([makeCertificates({ names: ["a"] }), makeCertificates({ names: ["a"] })]);
  const cases: readonly (readonly [cert: string | undefined, key: string | undefined, expected: RegExp])[] = [
    [one.cert, undefined, /cert\.pem is there but .*key\.pem is not/],
    [undefined, one.key, /key\.pem is there but .*cert\.pem is not/],
    [one.cert, other.key, /key\.pem is not the private key of .*cert\.pem/],
    ["", one.key, /cert\.pem holds no certificate/],
    [one.cert.slice(0, 300), one.key, /cert\.pem holds no certificate/],
    [one.cert.replace("MII", "AAA"), one.key, /cert\.pem holds no certificate/],
    [one.key, one.key, /cert\.pem holds no certificate/],
    [one.cert, "", /key\.pem holds no private key/],
    [one.cert, one.key.slice(0, 100), /key\.pem holds no private key/],
    [one.cert, one.cert, /key\.pem holds no private key/],
    [one.cert, one.key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE"), /key\.pem is encrypted/],
  ];
  for (const [cert, key, expected] of cases) {
    using at = folder();
    if (cert !== undefined) Deno.writeTextFileSync(at.certFile, cert);
    if (key !== undefined) Deno.writeTextFileSync(at.keyFile, key);
    const before = [...Deno.readDirSync(at.path)].length;
    const refused = (error: unknown) =>
      error instanceof CertificateError && expected.test(error.message) && !error.message.includes("\n");
    await assert.rejects(ensureCertificates(at), refused, String(expected));
    assert.equal([...Deno.readDirSync(at.path)].length, before);
    Deno.writeTextFileSync(join(at.path, ".cert.pem.lock"), "");
    await assert.rejects(ensureCertificates(at), refused, `${expected}, where files had once been made`);
  }
});

test("ensureCertificates() refuses in one line where nothing can be written", files, async () => {
  using at = folder();
  Deno.writeTextFileSync(join(at.path, "file"), "");
  const inFile = { certFile: join(at.path, "file", "cert.pem"), keyFile: join(at.path, "file", "key.pem") };
  await assert.rejects(ensureCertificates(inFile), CertificateError);
  await assert.rejects(ensureCertificates({ ...at, keyFile: at.certFile }), /need to be three files/);
  await assert.rejects(ensureCertificates({ ...at, certFile: at.caFile }), /need to be three files/);
});

test("ensureCertificates() at the same moment, in one process, makes one set", files, async () => {
  using at = folder();
  const all = await Promise.all(Array.from({ length: 8 }, () => ensureCertificates(at)));
  assert.equal(all.filter(({ made }) => made).length, 1);
  assert.equal(new Set(all.map(({ fingerprint, key }) => fingerprint + key)).size, 1);
  for (const { caFile } of all) assert.equal(caFile, at.caFile);
});

test("ensureCertificates() finishes what a killed process had begun, wherever that was", files, async () => {
  const [old, made] = await Promise.all([makeCertificates({ names: ["a"] }), makeCertificates({ names: ["a"] })]);
  const steps = ["caFile", "keyFile", "certFile"] as const;
  const texts = { caFile: "ca", keyFile: "key", certFile: "cert" } as const;
  for (const before of [undefined, old]) {
    for (let done = 0; done <= steps.length; done++) {
      using at = folder();
      for (const step of steps) if (before) Deno.writeTextFileSync(at[step], before[texts[step]]);
      for (const step of steps.slice(0, done)) Deno.writeTextFileSync(at[step], made[texts[step]]);
      Deno.writeTextFileSync(join(at.path, ".cert.pem.new"), made.ca + made.cert + made.key);
      Deno.writeTextFileSync(join(at.path, ".cert.pem.tmp"), "half");
      const loaded = await ensureCertificates(at);
      assert.deepEqual([loaded.cert, loaded.key, loaded.caFile], [made.cert, made.key, at.caFile]);
      const left = [...Deno.readDirSync(at.path)].map(({ name }) => name).sort();
      assert.deepEqual(left, [".cert.pem.lock", "ca.pem", "cert.pem", "key.pem"]);
    }
  }
});

test("ensureCertificates() drops a journal that is not whole and starts over", files, async () => {
  using at = folder();
  Deno.writeTextFileSync(join(at.path, ".cert.pem.new"), "half");
  assert.equal((await ensureCertificates(at)).made, true);
  assert.equal((await ensureCertificates(at)).made, false);
});

test("createCertificates() replaces nothing unless forced, and then everything", files, async () => {
  using at = folder();
  const first = await createCertificates({ ...at, names: ["a"] });
  await assert.rejects(createCertificates({ ...at, names: ["a"] }), /Already there: .*ca\.pem.*--force/);
  assert.equal((await ensureCertificates(at)).fingerprint, first.fingerprint);
  const second = await createCertificates({ ...at, names: ["a"], force: true });
  assert.notEqual(second.fingerprint, first.fingerprint);
  assert.notEqual(second.key, first.key);
  assert.deepEqual({ ...await ensureCertificates(at), made: true }, second);
  Deno.removeSync(at.certFile);
  await assert.rejects(createCertificates({ ...at, names: ["a"] }), /Already there/);
});

test("ensureCertificates() waits where it sees files that are just being replaced", files, async () => {
  const made = await makeCertificates({ names: ["a"] });
  for (const seen of ["a new key with the old certificate", "no certificate"]) {
    using at = folder();
    await ensureCertificates(at);
    const lock = Deno.openSync(join(at.path, ".cert.pem.lock"), { write: true });
    lock.lockSync(true);
    Deno.writeTextFileSync(at.keyFile, made.key);
    if (seen === "no certificate") Deno.removeSync(at.certFile);
    const ensured = ensureCertificates(at);
    Deno.writeTextFileSync(at.certFile, made.cert);
    lock.close();
    assert.deepEqual([(await ensured).cert, (await ensured).made], [made.cert, false], seen);
  }
});

const root = join(import.meta.dirname!, "..", "..");

/** A process of its own that runs a piece of code once it is told to. */
class Process implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(code: string) {
    const script = `console.log("ready"); await Deno.stdin.read(new Uint8Array(1)); ${code}`;
    this.child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--no-lock", `--config=${join(root, "deno.json")}`, script],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#output = this.child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Resolves to its first line with the word in it. */
  async says(word: string): Promise<string> {
    for (;;) {
      const line = this.#text.split("\n").slice(0, -1).find((line) => line.includes(word));
      if (line !== undefined) return line;
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`The process ended without saying ${word}`);
      this.#text += value;
    }
  }

  async go(): Promise<void> {
    const writer = this.child.stdin.getWriter();
    await writer.write(new Uint8Array(1));
    await writer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#output.cancel();
    await this.child.status;
  }
}

const library = pathToFileURL(join(root, "lib", "tls", "certificates.ts")).href;

test("ensureCertificates() in several processes at the same moment makes one set", processes, async () => {
  using at = folder();
  const code = `const { ensureCertificates } = await import(${JSON.stringify(library)});
    const { made, fingerprint, caFile } = await ensureCertificates(${JSON.stringify(at)});
    console.log(JSON.stringify({ made, fingerprint, caFile }));`;
  await using stack = new AsyncDisposableStack();
  const children = Array.from({ length: 6 }, () => stack.use(new Process(code)));
  await Promise.all(children.map((child) => child.says("ready")));
  await Promise.all(children.map((child) => child.go()));
  const all = (await Promise.all(children.map((child) => child.says("made")))).map((line) => JSON.parse(line));
  assert.equal(all.filter(({ made }) => made).length, 1);
  const { fingerprint } = await ensureCertificates(at);
  for (const each of all) assert.deepEqual([each.fingerprint, each.caFile], [fingerprint, at.caFile]);
});

test("ensureCertificates() waits for whoever is making files, and takes over from the killed", processes, async () => {
  using at = folder();
  Deno.writeTextFileSync(at.keyFile, "half of a key");
  const lock = JSON.stringify(join(at.path, ".cert.pem.lock"));
  await using other = new Process(`
    const file = Deno.openSync(${lock}, { write: true, create: true });
    file.lockSync(true);
    Deno.removeSync(${JSON.stringify(at.keyFile)});
    console.log("locked");
    setInterval(() => {}, 1000);`);
  await other.says("ready");
  await other.go();
  await other.says("locked");
  const order: string[] = [];
  const ensured = ensureCertificates(at).then(({ made }) => order.push(`made: ${made}`));
  order.push("killed");
  other.child.kill("SIGKILL");
  await ensured;
  assert.deepEqual(order, ["killed", "made: true"]);
});

test("createCertificates() makes what openssl verifies", openssl, async () => {
  using at = folder();
  const { fingerprint } = await createCertificates({ ...at, names: ["localhost", "::1"] });
  const verify = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", at.caFile];
  for (const check of [["-verify_hostname", "localhost"], ["-verify_ip", "::1"]]) {
    assert.deepEqual(await run("openssl", ...verify, ...check, at.certFile), {
      code: 0,
      stdout: `${at.certFile}: OK\n`,
      stderr: "",
    });
  }
  assert.notEqual((await run("openssl", ...verify, "-verify_hostname", "other.example", at.certFile)).code, 0);
  const printed = await run("openssl", "x509", "-in", at.certFile, "-noout", "-fingerprint", "-sha256");
  assert(printed.stdout.trim().endsWith(`=${fingerprint}`), printed.stdout);
  const text = (path: string) => run("openssl", "x509", "-in", path, "-noout", "-text").then(({ stdout }) => stdout);
  const [ca, leaf] = [await text(at.caFile), await text(at.certFile)];
  assert.match(ca, /Basic Constraints: critical\n +CA:TRUE, pathlen:0\n/);
  assert.match(ca, /Key Usage: critical\n +Certificate Sign, CRL Sign\n/);
  assert.match(leaf, /Basic Constraints: critical\n +CA:FALSE\n/);
  assert.match(leaf, /Key Usage: critical\n +Digital Signature\n/);
  assert.match(leaf, /Extended Key Usage: *\n +TLS Web Server Authentication\n/);
  assert.match(leaf, /NIST CURVE: P-256/);
  const subjectKey = /Subject Key Identifier: *\n +([0-9A-F:]+)/.exec(ca)?.[1];
  assert.equal(/Authority Key Identifier: *\n +(?:keyid:)?([0-9A-F:]+)/.exec(leaf)?.[1], subjectKey);
});

test("scripts/certs.ts makes them by hand, and overwrites only when forced", processes, async () => {
  using at = folder();
  const script = join(root, "scripts", "certs.ts");
  const permissions = ["--allow-read", "--allow-write", "--allow-sys=hostname", "--no-prompt"];
  const certs = (...args: string[]) =>
    run(Deno.execPath(), "run", "--quiet", "--no-lock", ...permissions, script, "--dir", at.path, ...args);

  const first = await certs("chat.example.org");
  assert.deepEqual([first.code, first.stderr], [0, ""]);
  const { fingerprint, cert } = await ensureCertificates(at);
  assert.match(new X509Certificate(cert).subjectAltName!, /^DNS:chat\.example\.org, DNS:localhost, IP Address:127/);
  for (const part of [at.caFile, at.certFile, at.keyFile, fingerprint, `openssl verify -CAfile ${at.caFile}`]) {
    assert(first.stdout.includes(part), part);
  }

  const second = await certs();
  assert.deepEqual([second.code, second.stdout], [1, ""]);
  assert.match(second.stderr, /^Already there: [^\n]*--force[^\n]*\n$/);
  assert.equal((await ensureCertificates(at)).fingerprint, fingerprint);

  assert.equal((await certs("--force")).code, 0);
  assert.notEqual((await ensureCertificates(at)).fingerprint, fingerprint);
  for (const wrong of ["--nonsense", "a b"]) assert.equal((await certs(wrong, "--dir", join(at.path, "new"))).code, 1);
  assert(![...Deno.readDirSync(at.path)].some(({ name }) => name === "new"));
});
