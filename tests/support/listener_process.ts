/**
 * A listener that echoes, as a program of its own: it says its port, then takes a command a line and answers with a line.
 *
 * `renew <cert> <key>` takes the certificate in those files: `renewed`, or `refused`. It goes when its input ends.
 *
 * It is no part of a test's process, which starts others. Between a fork and the program that follows it, a child holds
 * all of its parent's sockets: a listener that is closed then still listens for a while, is given connections, and resets
 * them. A server starts no processes.
 *
 * Arguments: the first certificate's two files, and how long a former listener goes on, in milliseconds.
 */

import { createInterface } from "node:readline";
import process from "node:process";
import { getLog } from "../../lib/observability/log.ts";
import { LinuxSockets } from "../../lib/server/connection/linux_sockets.ts";
import { Listener, type Pem } from "../../lib/server/connection/listener.ts";

async function read(cert: string, key: string): Promise<Pem> {
  return { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) };
}

const [cert, key, lingerMs] = Deno.args;
using kernel = LinuxSockets.open();
const listener = new Listener({
  hostname: "127.0.0.1",
  port: 0,
  certificate: await read(cert, key),
  sharing: undefined,
  listeners: 1,
  lingerMs: Number(lingerMs),
  config: {
    handshakeTimeoutSeconds: 10,
    maxConnections: 10_000,
    maxConnectionsPerIp: 10_000,
    maxHandshakes: 1_000,
  },
  log: getLog("test"),
  sockets: kernel,
  async serve(conn) {
    const buffer = new Uint8Array(16);
    for (let read; (read = await conn.read(buffer)) !== null;) await conn.write(buffer.subarray(0, read));
    conn.close();
  },
});
console.log(listener.port);
for await (const line of createInterface({ input: process.stdin })) {
  const [, cert, key] = line.split(" ");
  console.log(await listener.renew(await read(cert, key)).then(() => "renewed", () => "refused"));
}
listener.close();
await listener.finished();
