/**
 * What the client reads from the machine it runs on: files, the environment, lines from a pipe.
 *
 * A permission that was not given is never asked for, for a prompt would stop a script.
 */

import { LineFramer } from "../wire/lines.ts";
import { ClientError } from "./exit.ts";
import type { Environment } from "./options.ts";

/** Where a server that made its own certificates leaves its authority's, seen from where it was started. */
const defaultCa = "certs/ca.pem";

/** The longest line of a script, in bytes. */
const maxLine = 64 * 1024;

/** The environment, as far as it may be read. */
export const environment: Environment = (variable) => {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
};

/**
 * The certificates of the authority to trust.
 *
 * @param file what `--ca` named; without it, the default is taken if it is there
 * @throws {ClientError} `usage` when the named file cannot be read, or either holds no certificate
 */
export function readCa(file: string | undefined): string | undefined {
  let pem: string;
  try {
    pem = read(file ?? defaultCa, "CA file");
  } catch (error) {
    if (file !== undefined) throw error;
    return undefined;
  }
  if (/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/.test(pem)) return pem;
  throw new ClientError("usage", `The CA file "${file ?? defaultCa}" holds no certificate in PEM form`);
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

/** The lines of standard input. */
export async function* inputLines(): AsyncGenerator<string, void, void> {
  const framer = new LineFramer(maxLine);
  const buffer = new Uint8Array(16 * 1024);
  let ended = false;
  while (!ended) {
    const count = await Deno.stdin.read(buffer);
    ended = count === null;
    // The last line need not be ended.
    for (const line of framer.push(count === null ? new Uint8Array([0x0a]) : buffer.subarray(0, count))) {
      if (line.kind === "too_long") {
        throw new ClientError("usage", `A line of the script is longer than ${maxLine} bytes`);
      }
      if (line.kind === "invalid_utf8") throw new ClientError("usage", "A line of the script is not UTF-8");
      yield line.text;
    }
  }
}

function read(file: string, what: string): string {
  const { state } = Deno.permissions.querySync({ name: "read", path: file });
  if (state !== "granted") {
    throw new ClientError("usage", `The ${what} "${file}" may not be read: --allow-read is missing`);
  }
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : (cause as Error).message;
    throw new ClientError("usage", `The ${what} "${file}" cannot be read: ${why}`, { cause });
  }
}
