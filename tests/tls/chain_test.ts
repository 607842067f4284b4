/** Chains of certificates: what can be served, and what is said of the rest. */

import "reflect-metadata";
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { CertificateError } from "../../lib/tls/authority.ts";
import { readChain } from "../../lib/tls/chain.ts";
import { test } from "../support/declare.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

interface Made {
  readonly pem: string;
  readonly name: string;
  readonly keys: CryptoKeyPair;
}

async function make(name: string, issuer?: Made, extensions: x509.Extension[] = []): Promise<Made> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
  const subject = `CN=${name}`;
  const common = { notBefore: new Date(Date.now() - 1000), notAfter: new Date(Date.now() + 86_400_000), extensions };
  const certificate = issuer
    ? await x509.X509CertificateGenerator.create({
      ...common,
      subject,
      issuer: `CN=${issuer.name}`,
      publicKey: keys.publicKey,
      signingKey: issuer.keys.privateKey,
      signingAlgorithm: algorithm,
    })
    : await x509.X509CertificateGenerator.createSelfSigned({
      ...common,
      name: subject,
      keys,
      signingAlgorithm: algorithm,
    });
  return { pem: `${certificate.toString("pem")}\n`, name, keys };
}

const authority = [new x509.BasicConstraintsExtension(true, undefined, true)];
const root = await make("Root", undefined, authority);
const upper = await make("Upper", root, authority);
const lower = await make("Lower", upper, authority);
const leaf = await make("server", lower);
const aia = new x509.AuthorityInfoAccessExtension({
  caIssuers: new x509.GeneralName("url", "http://ca.example/lower.cer"),
});
const publicLeaf = await make("public", lower, [aia]);
const damaged = root.pem.replace(/\nM[^\n]{20}/, "\n");

function refused(pem: string, pattern: RegExp, authority?: X509Certificate): void {
  assert.throws(() => readChain("x/cert.pem", pem, authority), (error) => {
    assert.ok(error instanceof CertificateError, String(error));
    assert.match(error.message, pattern);
    assert.match(error.message, /^x\/cert\.pem /);
    return true;
  });
}

test("readChain() takes a whole chain, in any order behind the server's own certificate", () => {
  for (const others of [[lower, upper, root], [root, lower, upper], [lower, upper], [upper, lower]]) {
    const pem = [leaf, ...others].map((made) => made.pem).join("");
    assert.equal(readChain("x/cert.pem", pem).subject, "CN=server");
  }
  assert.equal(readChain("x/cert.pem", root.pem).subject, "CN=Root");
  assert.equal(readChain("x/cert.pem", `text before\n${leaf.pem}`).subject, "CN=server");
  assert.equal(
    readChain("x/cert.pem", leaf.pem + publicLeaf.pem).subject,
    "CN=server",
    "another server's is let alone",
  );
});

test("readChain() takes a certificate that a private authority signed, which is not in the file", () => {
  assert.equal(readChain("x/cert.pem", leaf.pem).subject, "CN=server");
  const known = new X509Certificate(lower.pem);
  assert.equal(readChain("x/cert.pem", publicLeaf.pem, known).subject, "CN=public");
});

test("readChain() refuses a chain of which one in the middle is missing, and names it", () => {
  refused(leaf.pem + root.pem, /a hole: the certificate of Lower, which signed that of server, is missing$/);
  refused(leaf.pem + lower.pem + root.pem, /a hole: the certificate of Upper, which signed that of Lower/);
});

test("readChain() refuses a public authority's certificate without its intermediate", () => {
  refused(publicLeaf.pem, /ends too soon: the certificate of Lower, .*fullchain\.pem/);
  refused(publicLeaf.pem, /ends too soon/, new X509Certificate(root.pem));
});

test("readChain() refuses a certificate that cannot be read, wherever it stands", () => {
  refused("", /holds no certificate in PEM that can be read$/);
  refused(leaf.pem + damaged, /certificate 2 of its 2 is damaged$/);
  refused(
    `${leaf.pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${lower.pem}`,
    /certificate 2 of its 3/,
  );
  refused(leaf.pem.slice(0, -40), /its certificate is damaged$/);
});
