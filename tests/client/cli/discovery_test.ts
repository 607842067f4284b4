import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { discover } from "../../../lib/client/cli/discovery.ts";
import { every, permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";
import { startResponder } from "../../support/responder.ts";
import { test as testWith } from "../../support/server.ts";
import { soon } from "../fakes.ts";

const files = every(await permitted("read", "write"));

testWith("discover() finds a server that answers, with the fingerprints of what it serves now", async () => {
  await using folder = await temporaryFolder();
  await using server = await startResponder(folder.path, ["lobby", "tech"]);
  const stop = new AbortController();
  const found = await soon(discover({
    places: [{ group: "127.0.0.1", port: server.port }],
    signal: stop.signal,
    onFound: () => stop.abort(),
  }));
  const [leaf, ca] = await Promise.all([server.certFile, server.ca].map((file) => Deno.readTextFile(file)));
  assert.equal(found.length, 1);
  const [{ server: name, port, address, ...rest }] = found;
  assert.deepEqual([name, port, address], ["server1", 8000, "127.0.0.1"]);
  assert.equal(rest.fingerprint, new X509Certificate(leaf).fingerprint256);
  assert.deepEqual(rest.rooms, ["tech"]);
  assert.equal(rest.ca, new X509Certificate(ca).fingerprint256);
}, files);
