/**
 * A certificate for a server, in memory: for which names, and by which authority.
 *
 * What is made is a small authority (CA) and one certificate signed by it. Clients trust the authority's certificate.
 * Its private key signs once and is given to nobody: who had it could pass for any host to everybody who trusts the
 * authority. A new certificate has a new authority.
 */

import { isIP } from "node:net";
import type { JsonName } from "@peculiar/x509";

/** What is wrong with a certificate, its names or its files, in one line. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

/** What a certificate is to be good for. */
export interface CertificateOptions {
  /** Host names and IP addresses; a name may begin with `*.`. */
  readonly names: readonly string[];
  /** For how many days, 1 to 825 (the most that Apple's systems accept); 825 by default. */
  readonly days?: number;
  /** From when on; now by default. */
  readonly now?: Date;
}

/** A new authority and a certificate signed by it, as PEM. */
export interface MadeCertificates {
  /** The authority's certificate, for clients to trust. */
  readonly ca: string;
  /** The server's certificate. */
  readonly cert: string;
  /** The private key of `cert`. */
  readonly key: string;
}

const dayMs = 86_400_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/**
 * Makes an authority, valid for ten years, and a server's certificate, in memory (RFC 5280).
 *
 * @throws {CertificateError} if a name is neither a host's name nor an IP address, or there is none
 * @throws {RangeError} if the days are out of range
 */
export async function makeCertificates(
  { names, days = 825, now = new Date() }: CertificateOptions,
): Promise<MadeCertificates> {
  if (!(days >= 1 && days <= 825)) throw new RangeError(`A certificate for ${days} days; allowed: 1 to 825`);
  const subjects = canonicalNames(names);

  // Loaded here, as they take longer than the rest of a server's start and most starts find their files.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");

  const [authority, server] = await Promise.all([
    crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]),
    crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]),
  ]);
  // An hour ago, for peers whose clocks are behind.
  const notBefore = new Date(Math.floor(now.getTime() / 1000 - 3600) * 1000);
  const after = (days: number) => new Date(notBefore.getTime() + days * dayMs);
  // Of its own, as several authorities of one name in a trust store would hide each other.
  const issuer: JsonName = [{ O: ["chat"] }, { CN: [`chat CA ${crypto.randomUUID().slice(0, 8)}`] }];

  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: issuer,
    notBefore,
    notAfter: after(3652),
    keys: authority,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  const cert = await x509.X509CertificateGenerator.create({
    subject: [{ O: ["chat"] }, { CN: [subjects[0].length <= 64 ? subjects[0] : "chat server"] }],
    issuer,
    notBefore,
    notAfter: after(days),
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        subjects.map((value) => ({ type: isIP(value) ? "ip" as const : "dns" as const, value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(server.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", server.privateKey), "PRIVATE KEY");
  return { ca: `${ca.toString("pem")}\n`, cert: `${cert.toString("pem")}\n`, key: `${key}\n` };
}

const label = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";
const hostName = new RegExp(`^(?=.{1,253}$)(\\*\\.)?${label}(\\.${label})*$`);

/**
 * The names as they stand in a certificate, each once.
 *
 * @throws {CertificateError} if one is neither a host's name nor an IP address, or there is none
 */
export function canonicalNames(names: readonly string[]): readonly [string, ...string[]] {
  const [first, ...rest] = new Set(names.map((name) => {
    const canonical = name.toLowerCase().replace(/\.$/, "");
    if ((isIP(canonical) && !canonical.includes("%")) || hostName.test(canonical)) return canonical;
    throw new CertificateError(`${JSON.stringify(name)} is neither a host's name nor an IP address`);
  }));
  if (first === undefined) throw new CertificateError("A certificate needs at least one name");
  return [first, ...rest];
}

/** What a server on this machine is reached by: localhost, its addresses, and the host's name where that may be read. */
export function defaultNames(): readonly string[] {
  const names = ["localhost", "127.0.0.1", "::1"];
  if (Deno.permissions.querySync({ name: "sys", kind: "hostname" }).state === "granted") {
    const host = Deno.hostname().toLowerCase();
    if (hostName.test(host) && !names.includes(host)) names.push(host);
  }
  return names;
}
