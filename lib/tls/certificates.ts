/**
 * The server's certificate: made where there is none, loaded where there is one.
 *
 * 1. What is made is a small authority (CA) and one certificate signed by it. Clients trust the authority's
 *    certificate, `ca.pem`. Its private key signs once and is never written anywhere: if it lay beside the server's,
 *    whoever read it could pass for any host to everybody who trusts `ca.pem`. A new certificate has a new authority.
 * 2. However many processes start at once on one folder, one makes the files and all use them; killed at any point, the
 *    next one finishes or starts over. Nobody sees half a file, or files that do not belong together.
 * 3. A private key is readable by its owner only, from its first byte on.
 * 4. What is there is never overwritten, unless that is asked for.
 */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { basename, dirname, join } from "node:path";
import type { JsonName } from "@peculiar/x509";

/** What is wrong with the files, in one line. */
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

/** The names as they stand in a certificate, each once. */
function canonicalNames(names: readonly string[]): readonly [string, ...string[]] {
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

/** Where the certificate and its key are; what is made besides lies beside the certificate, as `ca.pem`. */
export interface CertificatePaths {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate that can be served. */
export interface Certificates {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint: string;
  /** When it expires, which may be in the past. */
  readonly notAfter: Date;
  /** The authority that signed it, if that lies beside it as `ca.pem`. */
  readonly caFile?: string;
  /** Whether this call made the files. */
  readonly made: boolean;
  /** All of the files. */
  readonly files: readonly string[];
}

/**
 * Loads the certificate and its key, and makes them first where both are missing.
 *
 * @throws {CertificateError} if only one is there, they do not belong together, or one cannot be read or made
 */
export async function ensureCertificates(
  { certFile, keyFile, names = defaultNames(), ...options }: CertificatePaths & Partial<CertificateOptions>,
): Promise<Certificates> {
  const paths = pathsOf({ certFile, keyFile });
  let problem: CertificateError | undefined;
  try {
    const loaded = exists(paths.journal) ? undefined : load(paths);
    if (loaded) return loaded;
  } catch (error) {
    // Where files were ever made, somebody may be replacing them now: look again when that is done.
    if (!(error instanceof CertificateError) || !exists(paths.lock)) throw error;
    problem = error;
  }
  try {
    return await withLock(paths, async () => load(paths) ?? await write(paths, { names, ...options }));
  } catch (error) {
    throw error instanceof CannotLock && problem ? problem : error;
  }
}

/**
 * Loads the certificate and its key; makes none.
 *
 * @throws {CertificateError} if one is missing or cannot be read, or they do not belong together
 */
export function loadCertificates(files: CertificatePaths): Certificates {
  const loaded = load(pathsOf(files));
  if (loaded) return loaded;
  throw new CertificateError(`${files.certFile} and ${files.keyFile} are not there`);
}

/**
 * Makes an authority, a certificate and its key as files.
 *
 * @param options `force` replaces what is there
 * @throws {CertificateError} if one of them is there already and `force` is not set, or one cannot be written
 */
export async function createCertificates(
  { certFile, keyFile, force = false, ...options }: CertificatePaths & CertificateOptions & { force?: boolean },
): Promise<Certificates> {
  canonicalNames(options.names);
  const paths = pathsOf({ certFile, keyFile });
  return await withLock(paths, async () => {
    const there = [paths.caFile, certFile, keyFile].filter(exists);
    if (there.length > 0 && !force) {
      throw new CertificateError(
        `Already there: ${there.join(", ")}; --force replaces the certificate and its authority`,
      );
    }
    return await write(paths, options);
  });
}

interface Paths extends CertificatePaths {
  readonly caFile: string;
  /** Held by whoever writes. The system lets go of it when the process ends, so it is never stale; the file stays. */
  readonly lock: string;
  /** All three PEM texts, from before the first file is written until after the last. */
  readonly journal: string;
}

function pathsOf({ certFile, keyFile }: CertificatePaths): Paths {
  const beside = (name: string) => join(dirname(certFile), name);
  return {
    certFile,
    keyFile,
    caFile: beside("ca.pem"),
    lock: beside(`.${basename(certFile)}.lock`),
    journal: beside(`.${basename(certFile)}.new`),
  };
}

/** What is there, checked; undefined where both files are missing. */
function load({ certFile, keyFile, caFile }: Paths): Certificates | undefined {
  // The certificate is written last, so whoever sees it sees the others too.
  const cert = read(certFile);
  const key = read(keyFile);
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    const [there, missing] = cert === undefined ? [keyFile, certFile] : [certFile, keyFile];
    throw new CertificateError(`${there} is there but ${missing} is not; restore it, or remove both to have new ones`);
  }
  const leaf = parseCertificate(certFile, cert);
  if (!leaf.checkPrivateKey(parseKey(keyFile, key))) {
    throw new CertificateError(`${keyFile} is not the private key of ${certFile}`);
  }
  const ours = signed(leaf, caFile);
  return {
    cert,
    key,
    fingerprint: leaf.fingerprint256,
    notAfter: leaf.validToDate,
    ...(ours ? { caFile } : {}),
    made: false,
    files: ours ? [caFile, certFile, keyFile] : [certFile, keyFile],
  };
}

function parseCertificate(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new CertificateError(`${path} holds no certificate in PEM that can be read`, { cause });
  }
}

function parseKey(path: string, pem: string): KeyObject {
  if (pem.includes("ENCRYPTED")) throw new CertificateError(`${path} is encrypted, and a server cannot be asked`);
  try {
    // Other things may stand before it: curve parameters, or the certificate itself.
    return createPrivateKey(/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*/.exec(pem)?.[0] ?? pem);
  } catch (cause) {
    throw new CertificateError(`${path} holds no private key in PEM that can be read`, { cause });
  }
}

/** Whether the file is of the authority that signed the certificate. */
function signed(leaf: X509Certificate, caFile: string): boolean {
  try {
    const pem = read(caFile);
    return pem !== undefined && leaf.verify(new X509Certificate(pem).publicKey);
  } catch {
    return false; // Somebody else's file by the same name.
  }
}

class CannotLock extends CertificateError {}

/** How long others may take to write three small files, in milliseconds. */
const patienceMs = 30_000;

/** Runs alone among all processes on this folder, after what a killed one had begun is finished. */
async function withLock<T>(paths: Paths, fn: () => Promise<T>): Promise<T> {
  let file: Deno.FsFile;
  try {
    for (const path of [paths.certFile, paths.keyFile]) Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    file = Deno.openSync(paths.lock, { read: true, write: true, create: true, mode: 0o600 });
  } catch (cause) {
    throw new CannotLock(`${dirname(paths.lock)} cannot hold new certificates: ${reason(cause)}`, { cause });
  }
  using _ = file;
  const deadline = performance.now() + patienceMs;
  while (!file.tryLockSync(true)) {
    if (performance.now() > deadline) {
      throw new CannotLock(`${paths.lock} is held by another process that does not end`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  finish(paths);
  return await fn();
}

async function write(paths: Paths, options: CertificateOptions): Promise<Certificates> {
  if (new Set([paths.certFile, paths.keyFile, paths.caFile].map((path) => join(path))).size < 3) {
    throw new CertificateError(`${paths.certFile}, ${paths.keyFile} and ${paths.caFile} need to be three files`);
  }
  const { ca, cert, key } = await makeCertificates(options);
  replace(paths.journal, ca + cert + key, 0o600);
  finish(paths);
  return { ...load(paths)!, made: true };
}

/** Writes the files that the journal holds, if there is one; as often as it takes. */
function finish({ caFile, certFile, keyFile, journal }: Paths): void {
  const text = read(journal);
  if (text === undefined) return;
  const [ca, cert, key] = text.match(/-----BEGIN [^]*?-----END [A-Z ]+-----\n/g) ?? [];
  if (ca !== undefined && cert !== undefined && key !== undefined) {
    replace(caFile, ca, 0o644);
    replace(keyFile, key, 0o600);
    replace(certFile, cert, 0o644);
  }
  Deno.removeSync(journal);
}

/** Puts a whole file in its place in one step; only under the lock, as the name on the way there is fixed. */
function replace(path: string, text: string, mode: number): void {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  try {
    if (exists(temporary)) Deno.removeSync(temporary);
    {
      using file = Deno.openSync(temporary, { write: true, createNew: true, mode });
      for (let bytes = new TextEncoder().encode(text); bytes.length > 0;) bytes = bytes.subarray(file.writeSync(bytes));
      file.syncSync();
    }
    Deno.renameSync(temporary, path);
  } catch (cause) {
    throw new CertificateError(`${path} cannot be written: ${reason(cause)}`, { cause });
  }
}

/** @returns undefined where there is no such file */
function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new CertificateError(`${path} cannot be read: ${reason(cause)}`, { cause });
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new CertificateError(`${path} cannot be looked at: ${reason(error)}`, { cause: error });
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll(/\s+/g, " ") : String(error);
}
