/**
 * What a made certificate promises: TLS clients verify it, under its names only and until its date.
 */

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { CertificateError, defaultNames, makeCertificates } from "../../lib/tls/authority.ts";
import { type Need, need, permitted } from "../support/needs.ts";

const none = need();
const net = await permitted("net");

function test(name: string, { named, ignored }: Need, fn: () => Promise<void>): void {
  Deno.test({ name: named(name), ignore: ignored, sanitizeOps: true, sanitizeResources: true, fn });
}

/** Connects to a server that has the certificate; gives what the client read, or the error that it got. */
async function handshake(
  { cert, key }: { cert: string; key: string },
  hostname: string,
  caCerts: string[],
): Promise<string> {
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const served = (async () => {
    using connection = await listener.accept();
    try {
      await connection.write(new TextEncoder().encode("hello"));
      await connection.read(new Uint8Array(1));
    } catch {
      // The client went away, which is what some of the tests are about.
    }
  })();
  try {
    using tcp = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    using connection = await Deno.startTls(tcp, { hostname, caCerts });
    const bytes = new Uint8Array(16);
    return new TextDecoder().decode(bytes.subarray(0, await connection.read(bytes) ?? 0));
  } catch (error) {
    return String(error);
  } finally {
    await served;
  }
}

test("makeCertificates() makes an authority that may sign nothing but servers' certificates", none, async () => {
  const { ca } = await makeCertificates({ names: ["localhost"], now: new Date("2030-01-01T00:00:00Z") });
  const parsed = new X509Certificate(ca);
  assert(parsed.ca && parsed.verify(parsed.publicKey));
  assert.equal(parsed.validFromDate.toISOString(), "2029-12-31T23:00:00.000Z");
  assert.equal(parsed.validToDate.getTime() - parsed.validFromDate.getTime(), 3652 * 86_400_000);
});

test("makeCertificates() makes a certificate for each name and address, signed by the authority", none, async () => {
  const { ca, cert, key } = await makeCertificates({
    names: ["LOCALHOST.", "localhost", "*.a.example", "::1", "10.0.0.1"],
  });
  const leaf = new X509Certificate(cert);
  const authority = new X509Certificate(ca);
  assert(!leaf.ca && leaf.checkIssued(authority) && leaf.verify(authority.publicKey));
  assert.match(
    leaf.subjectAltName!,
    /^DNS:localhost, DNS:\*\.a\.example, IP Address:(::1|0:0:0:0:0:0:0:1), IP Address:10\.0\.0\.1$/,
  );
  assert.equal(leaf.validToDate.getTime() - leaf.validFromDate.getTime(), 825 * 86_400_000);
  assert.match(key, /^-----BEGIN PRIVATE KEY-----\n/);
  for (const pem of [ca, cert, key]) assert.match(pem, /^-----BEGIN [A-Z ]+-----\n[^]+\n-----END [A-Z ]+-----\n$/);
});

test("makeCertificates() gives every certificate its own positive serial number, issuer and key", none, async () => {
  const made = await Promise.all(Array.from({ length: 5 }, () => makeCertificates({ names: ["a"] })));
  const parsed = made.flatMap(({ ca, cert }) => [ca, cert]).map((pem) => new X509Certificate(pem));
  assert.equal(new Set(parsed.map(({ serialNumber }) => serialNumber)).size, 10);
  for (const { serialNumber } of parsed) assert(BigInt(`0x${serialNumber}`) > 0n && serialNumber.length <= 40);
  assert.equal(new Set(parsed.map(({ issuer }) => issuer)).size, 5);
  assert.equal(new Set(made.map(({ key }) => key)).size, 5);
});

test("makeCertificates() refuses what is no name, and more days than clients accept", none, async () => {
  for (const name of ["", "a b", "a..b", "-a", "*", "a.*.b", "fe80::1%eth0", "a,DNS:b", "x".repeat(64), "é.example"]) {
    await assert.rejects(makeCertificates({ names: ["localhost", name] }), CertificateError, name);
  }
  await assert.rejects(makeCertificates({ names: [] }), CertificateError);
  for (const days of [0, 826, NaN]) await assert.rejects(makeCertificates({ names: ["a"], days }), RangeError);
});

test("makeCertificates() makes what a TLS client verifies, by name and by address", net, async () => {
  const made = await makeCertificates({ names: ["localhost", "127.0.0.1", "::1", "*.a.example"] });
  for (const name of ["localhost", "127.0.0.1", "::1", "chat.a.example"]) {
    assert.equal(await handshake(made, name, [made.ca]), "hello", name);
  }
});

test("makeCertificates() makes what a TLS client refuses under another name, authority or date", net, async () => {
  const made = await makeCertificates({ names: ["localhost"] });
  assert.match(await handshake(made, "other.example", [made.ca]), /not valid for name/i);
  assert.match(await handshake(made, "127.0.0.1", [made.ca]), /not valid for name/i);
  const other = await makeCertificates({ names: ["localhost"] });
  assert.match(await handshake(made, "localhost", [other.ca]), /UnknownIssuer|unknown/i);
  const expired = await makeCertificates({ names: ["localhost"], days: 1, now: new Date(Date.now() - 2 * 86_400_000) });
  assert.match(await handshake(expired, "localhost", [expired.ca]), /expired/i);
});

test("defaultNames() are this machine's, and fit for a certificate", none, async () => {
  const names = defaultNames();
  assert.deepEqual(names.slice(0, 3), ["localhost", "127.0.0.1", "::1"]);
  const canSee = Deno.permissions.querySync({ name: "sys", kind: "hostname" }).state === "granted";
  if (canSee && Deno.hostname() !== "localhost") assert.equal(names[3], Deno.hostname().toLowerCase());
  await makeCertificates({ names });
});
