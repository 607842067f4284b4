/**
 * The files of the server's certificate: made where there are none, loaded where there are.
 *
 * 1. Clients trust the authority's certificate, `ca.pem`; its private key is never written anywhere.
 * 2. Of all processes that start at once on a folder, one makes the files for all. If it is killed at any point, the
 *    next one finishes or starts over. Nobody sees half a file, or files that do not belong together.
 * 3. A private key is readable by its owner only, from its first byte on.
 * 4. What is there is never overwritten, unless that is asked for.
 */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../common/errors.ts";
import { readTextFile } from "../common/text_file.ts";
import { pause } from "../common/time.ts";
import {
  canonicalNames,
  CertificateError,
  type CertificateOptions,
  defaultNames,
  makeCertificates,
} from "./authority.ts";
import { readChain } from "./chain.ts";

/** Paths of the certificate and its key. The authority's certificate lies beside it, as `ca.pem`. */
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
  /** Held by the process that writes. The system lets go of it when the process ends, so it is never stale; the file stays. */
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
  // The certificate is written last, so a reader that sees it sees the others too.
  const cert = read(certFile);
  const key = read(keyFile);
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    const [there, missing] = cert === undefined ? [keyFile, certFile] : [certFile, keyFile];
    throw new CertificateError(`${there} is there but ${missing} is not; restore it, or remove both to have new ones`);
  }
  const authority = readAuthority(caFile);
  const leaf = readChain(certFile, cert, authority);
  if (!leaf.checkPrivateKey(parseKey(keyFile, key))) {
    throw new CertificateError(`${keyFile} is not the private key of ${certFile}`);
  }
  tryOut({ certFile, keyFile }, cert, key);
  const ours = authority !== undefined && leaf.verify(authority.publicKey);
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

function parseKey(path: string, pem: string): KeyObject {
  if (pem.includes("ENCRYPTED")) throw new CertificateError(`${path} is encrypted, and a server cannot be asked`);
  try {
    // Other things may stand before it: curve parameters, or the certificate itself.
    return createPrivateKey(/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*/.exec(pem)?.[0] ?? pem);
  } catch (cause) {
    throw new CertificateError(`${path} holds no private key in PEM that can be read`, { cause });
  }
}

/**
 * Has the TLS library take the pair, which refuses more than what cannot be read: a key that is too short, or of a curve
 * that it does not know.
 */
function tryOut({ certFile, keyFile }: CertificatePaths, cert: string, key: string): void {
  if (Deno.permissions.querySync({ name: "net", host: "127.0.0.1:0" }).state !== "granted") return;
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrNotAvailable) return;
    throw new CertificateError(`${certFile} with ${keyFile} is refused by the TLS library: ${reason(cause)}`, {
      cause,
    });
  }
}

/** The authority's certificate; undefined where there is none, or somebody else's file by that name. */
function readAuthority(caFile: string): X509Certificate | undefined {
  try {
    const pem = read(caFile);
    return pem === undefined ? undefined : new X509Certificate(pem);
  } catch {
    return undefined;
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
    await pause(20);
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
    return readTextFile(path);
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
  return messageOf(error).replaceAll(/\s+/g, " ");
}
