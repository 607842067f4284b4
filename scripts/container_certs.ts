/**
 * Gives the containers their certificate: as root, once, before the servers start.
 *
 * 1. A certificate that is in the clone's folder stays as it is; where there is none it is made there, for the client
 *    on the same machine to find its `ca.pem`, and belongs to that folder's owner.
 * 2. The servers get copies in a folder of their own, whose owner alone can read the key: they need not be root, and
 *    the clone's key need not be opened to anybody.
 */

import { join } from "node:path";
import { type Certificates, ensureCertificates } from "../lib/tls/certificates.ts";

/** A folder's owner, who is to own what is put there. */
async function ownerOf(dir: string): Promise<{ uid: number; gid: number }> {
  const { uid, gid } = await Deno.stat(dir);
  return { uid: uid ?? 0, gid: gid ?? 0 };
}

/**
 * Sees to it that there is a certificate in `clone` and that `servers` has a copy.
 *
 * @param names what the certificate is to be good for where it has to be made
 */
export async function giveCertificates(
  { clone, servers, names }: { clone: string; servers: string; names: readonly string[] },
): Promise<Certificates> {
  const certificates = await ensureCertificates({
    certFile: join(clone, "cert.pem"),
    keyFile: join(clone, "key.pem"),
    names,
  });
  if (certificates.made) {
    const { uid, gid } = await ownerOf(clone);
    for await (const { name } of Deno.readDir(clone)) {
      if (/^\.?[a-z]+\.pem(\.\w+)?$/.test(name)) await Deno.chown(join(clone, name), uid, gid);
    }
  }
  await put(servers, "key.pem", certificates.key, 0o400);
  await put(servers, "cert.pem", certificates.cert, 0o444);
  if (certificates.caFile) await put(servers, "ca.pem", await Deno.readTextFile(certificates.caFile), 0o444);
  return certificates;
}

/** Puts a file in its place in one step, since servers may be reading the one that is there; it is its folder's owner's. */
export async function put(dir: string, name: string, text: string, mode: number): Promise<void> {
  const temporary = join(dir, `.${name}.${crypto.randomUUID()}`);
  await Deno.writeTextFile(temporary, text, { mode, createNew: true });
  const { uid, gid } = await ownerOf(dir);
  await Deno.chown(temporary, uid, gid);
  await Deno.rename(temporary, join(dir, name));
}
