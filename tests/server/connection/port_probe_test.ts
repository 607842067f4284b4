/** The server's look at its own port: it proves that clients would be served, and takes nobody's place. */

import assert from "node:assert/strict";
import { Listener } from "../../../lib/server/connection/listener.ts";
import { PortProbe, probePorts } from "../../../lib/server/connection/port_probe.ts";
import { getLog } from "../../../lib/observability/log.ts";
import { certificates as pem } from "../../support/certificates.ts";
import { permitted } from "../../support/needs.ts";
import { test } from "../../support/declare.ts";
import { until } from "../../support/turns.ts";

const hostname = "127.0.0.1";
const needs = await permitted("net");

/** A listener that is for one client, with its probe, and what it counted. */
function scene(ports?: SharedArrayBuffer) {
  const meter = { refused: { value: 0 }, failed: { value: 0 } };
  const probe = new PortProbe({ hostname, certificate: () => pem.cert, ports, timeoutMs: 2_000 });
  const served: Deno.Conn[] = [];
  const over = Promise.withResolvers<void>();
  const listener = new Listener({
    ...{ hostname, port: 0, certificate: pem, sharing: undefined, listeners: 1, sockets: undefined, meter, probe },
    config: { handshakeTimeoutSeconds: 5, maxConnections: 1, maxConnectionsPerIp: 1, maxHandshakes: 1 },
    log: getLog("test"),
    serve: (conn) => {
      served.push(conn);
      return over.promise;
    },
  });
  return {
    ...{ listener, probe, meter, served },
    async [Symbol.asyncDispose]() {
      over.resolve();
      for (const conn of served) conn.close();
      listener.close();
      await listener.finished();
    },
  };
}

test("PortProbe.run() is answered by a full listener, and counts nowhere", async () => {
  await using full = scene();
  const { listener, probe, meter, served } = full;
  using _client = await Deno.connectTls({ hostname: "localhost", port: listener.port, caCerts: [pem.ca] });
  await until("the client is served", () => served.length === 1);
  for (let i = 0; i < 5; i++) await probe.run(listener.port);
  assert.equal(probe.problem, undefined);
  assert.deepEqual([meter.refused.value, meter.failed.value, served.length, listener.connections], [0, 0, 1, 1]);
  using _other = await Deno.connect({ hostname, port: listener.port });
  await until("a client is refused as ever", () => meter.refused.value === 1);
}, needs);

test("PortProbe.isOwn() knows the probe of another worker on the same port", async () => {
  const ports = probePorts(2);
  await using first = scene(ports);
  const second = new PortProbe({ hostname, certificate: () => pem.cert, ports, worker: 2 });
  await second.run(first.listener.port);
  await second.run(first.listener.port);
  assert.equal(second.problem, undefined);
  assert.deepEqual([first.meter.refused.value, first.served.length], [0, 0]);
}, needs);

test("PortProbe.run() finds a port on which hands are shaken and nobody accepts", async () => {
  using deaf = Deno.listenTls({ hostname, port: 0, ...pem });
  const probe = new PortProbe({ hostname, certificate: () => pem.cert, timeoutMs: 50 });
  for (let i = 0; i < 2; i++) await probe.run(deaf.addr.port);
  assert.match(probe.problem ?? "", /did not answer in time/);
}, needs);

test("PortProbe.problem says that the port does not answer, once that was so twice in a row", async () => {
  const ports = probePorts(2);
  const probe = new PortProbe({ hostname, certificate: () => pem.cert, timeoutMs: 200, ports, worker: 2 });
  using silent = Deno.listen({ hostname, port: 0 }); // accepts, and shakes no hands
  await probe.run(silent.addr.port);
  assert.equal(probe.problem, undefined);
  await probe.run(silent.addr.port);
  assert.match(probe.problem ?? "", new RegExp(`^port ${silent.addr.port} does not answer: it did not answer in time`));
  await using well = scene(ports);
  await probe.run(well.listener.port);
  assert.equal(probe.problem, undefined);
}, needs);
