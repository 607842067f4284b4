/**
 * The certificate of the tests' servers: made once, and kept in the project's cache for a day.
 *
 * Making one costs a third of a second of a core, and nearly a hundred files and processes of one run need one. A test
 * about certificates makes its own.
 */

import { dirname, join } from "node:path";
import { type MadeCertificates, makeCertificates } from "../../lib/tls/authority.ts";
import { permitted } from "./needs.ts";

const path = join(import.meta.dirname!, "..", "..", ".cache", "tests", "certificates.json");
const dayMs = 86_400_000;

interface Kept extends MadeCertificates {
  /** Milliseconds since 1970. */
  readonly made: number;
}

/** For `localhost` and `127.0.0.1`; without permission to keep it, one of this file of tests alone. */
export const certificates: MadeCertificates = await open();

async function open(): Promise<MadeCertificates> {
  const mayKeep = !(await permitted("read", "write")).ignored;
  const kept = mayKeep ? await read() : undefined;
  if (kept) return kept;
  const made = await makeCertificates({ names: ["localhost", "127.0.0.1"] });
  if (mayKeep) await keep(made);
  return made;
}

/** What was made within a day; undefined where there is none. */
async function read(): Promise<MadeCertificates | undefined> {
  try {
    const { made, ca, cert, key } = JSON.parse(await Deno.readTextFile(path)) as Kept;
    const age = Date.now() - made;
    return age >= 0 && age < dayMs ? { ca, cert, key } : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Puts it there in one step: files of tests that are loaded at the same time see all of one or nothing. */
async function keep(made: MadeCertificates): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const whole = await Deno.makeTempFile({ dir: dirname(path) }); // its owner's only, as is the key in it
  await Deno.writeTextFile(whole, JSON.stringify({ made: Date.now(), ...made } satisfies Kept));
  await Deno.rename(whole, path);
}

/** Writes it where a server in this folder looks for it. Where `certs` is there already, even empty, it is left alone. */
export async function placeCertificates(folder: string): Promise<void> {
  const certs = join(folder, "certs");
  try {
    await Deno.mkdir(certs);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    throw error;
  }
  const files = { "ca.pem": certificates.ca, "key.pem": certificates.key, "cert.pem": certificates.cert };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(certs, name), text, { mode: 0o600 });
}
