/**
 * What the client reads from the machine it runs on: files.
 *
 * A permission that was not given is never asked for, for a prompt would stop a script.
 */

import { join } from "node:path";
import { reasonOf } from "../../common/errors.ts";
import { systemAuthorities } from "../../common/system_authorities.ts";
import { readTextFile } from "../../common/text_file.ts";
import { ClientError } from "../base/exit.ts";
import { environment } from "../base/environment.ts";
import { configFolder } from "../base/user_dirs.ts";
import { readPrivate } from "../base/private_file.ts";
import { noProfiles, parseProfiles, type Profiles } from "./options/profiles.ts";

/** Where a server that made its own certificates leaves its authority's, seen from the project's folder. */
const defaultCa = "certs/ca.pem";

/** What tells a folder that is the project's own, for a program that was compiled. */
const projectFiles = ["client.ts", "server.ts", "deno.json"] as const;

const certificates = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/;

/**
 * The certificates of the authorities to trust: those in the file that `--ca` named, else those that the program was
 * compiled with, else in the project's folder those of its server, else the system's. Deno's own list is trusted beside
 * them. A file of that name in another folder is anybody's, and not trusted.
 *
 * @throws {ClientError} `usage` when the file cannot be read, or holds no certificate
 */
export function readCa(file: string | undefined): string | undefined {
  const chosen = ownCa(file);
  if (chosen === undefined) return readSystemCa();
  const pem = read(chosen, "CA file");
  if (certificates.test(pem)) return pem;
  throw new ClientError("usage", `The CA file "${chosen}" holds no certificate in PEM form`);
}

/** The file of the server's own authority, as {@linkcode readCa} finds it; undefined where everybody's are trusted. */
export function ownCa(file: string | undefined): string | undefined {
  return file ?? bakedCa() ?? (isOwnFolder() && isThere(defaultCa) ? defaultCa : undefined);
}

/** The authority's file within the compiled program: `deno task compile --include certs/ca.pem`. */
function bakedCa(): string | undefined {
  if (!Deno.build.standalone || import.meta.dirname === undefined) return undefined;
  const file = join(import.meta.dirname, "..", "..", "..", defaultCa);
  return isThere(file) ? file : undefined;
}

/** Whether the client was started in the project's folder: the one that it runs from, or that it was compiled in. */
function isOwnFolder(): boolean {
  if (Deno.build.standalone) return projectFiles.every(isThere);
  const root = import.meta.dirname && join(import.meta.dirname, "..", "..", "..");
  return root !== undefined && isThere(defaultCa) && Deno.realPathSync(".") === Deno.realPathSync(root);
}

/**
 * The profiles of `config.json`; none where there is no such file.
 *
 * @throws {ClientError} `usage` when it is not as it should be
 */
export function readProfiles(): Profiles {
  const folder = configFolder(environment);
  const path = folder && join(folder, "config.json");
  const text = path && readPrivate(path);
  return text ? parseProfiles(text, path) : noProfiles;
}

/** The system's authorities; undefined where Deno's own list must do. */
function readSystemCa(): string | undefined {
  const file = [environment("SSL_CERT_FILE"), ...systemAuthorities].find((file) => file && isThere(file));
  if (file === undefined) return undefined;
  const pem = read(file, "system's CA file");
  return certificates.test(pem) ? pem : undefined;
}

/**
 * The password in a file: its first line.
 *
 * @throws {ClientError} `usage` when it cannot be read, or is empty
 */
export function readPassword(file: string): string {
  const [line] = read(file, "password file").split(/\r?\n/);
  if (line === "") throw new ClientError("usage", `The first line of the password file "${file}" is empty`);
  return line;
}

function isThere(file: string): boolean {
  if (Deno.permissions.querySync({ name: "read", path: file }).state !== "granted") return false;
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}

function read(file: string, what: string): string {
  const { state } = Deno.permissions.querySync({ name: "read", path: file });
  if (state !== "granted") {
    throw new ClientError("usage", `The ${what} "${file}" may not be read: --allow-read is missing`);
  }
  try {
    return readTextFile(file);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : reasonOf(cause);
    throw new ClientError("usage", `The ${what} "${file}" cannot be read: ${why}`, { cause });
  }
}
