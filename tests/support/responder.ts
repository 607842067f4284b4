/** A server that is found through discovery. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DiscoveryResponder } from "../../lib/server/discovery.ts";
import { createCertificates } from "../../lib/tls/certificates.ts";

/** A server's responder on a free port of this machine, in no group. */
export async function startResponder(folder: string, rooms: readonly string[] = []) {
  const [certFile, keyFile] = ["cert.pem", "key.pem"].map((name) => join(folder, name));
  await createCertificates({ certFile, keyFile, names: ["localhost"], force: true });
  const started = await DiscoveryResponder.start({
    server: "server1",
    host: "0.0.0.0",
    port: 8000,
    certFile,
    places: [{ group: undefined, port: 0 }],
    config: { rooms },
    now: () => 0,
  });
  assert.ok(started);
  return Object.assign(started, { certFile, ca: join(folder, "ca.pem"), port: started.ports[0] });
}
