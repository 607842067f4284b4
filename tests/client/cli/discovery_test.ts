import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { join } from "node:path";
import fc from "fast-check";
import { discover, runDiscover } from "../../../lib/client/cli/discovery.ts";
import { DiscoveryResponder } from "../../../lib/server/discovery.ts";
import { createCertificates } from "../../../lib/tls/certificates.ts";
import {
  type Announcement,
  datagramBytes,
  encodeAnnouncement,
  encodeQuestion,
  isQuestion,
  parseAnnouncement,
} from "../../../lib/wire/discovery.ts";
import { every, permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";
import { test as testWith } from "../../support/server.ts";
import { soon, test } from "../fakes.ts";

const files = every(await permitted("read", "write"));
const fingerprint = Array.from({ length: 32 }, () => "AB").join(":");
const announcement: Announcement = {
  server: "server1",
  host: "chat.example",
  port: 8000,
  fingerprint,
  ca: fingerprint,
};

test("parseAnnouncement() reads what encodeAnnouncement() wrote", () => {
  assert.deepEqual(parseAnnouncement(encodeAnnouncement(announcement)), announcement);
  const bare = { ...announcement, host: undefined, ca: undefined };
  assert.deepEqual(parseAnnouncement(encodeAnnouncement(bare)), bare);
});

test("an announcement is never longer than its question", () => {
  const longest = { ...announcement, server: "s".repeat(64), host: "h".repeat(200), port: 65_535 };
  assert.ok(encodeAnnouncement(longest).length <= encodeQuestion().length);
  assert.equal(encodeQuestion().length, datagramBytes);
  assert.ok(isQuestion(encodeQuestion()));
  assert.ok(!isQuestion(encodeQuestion().subarray(0, 100)));
});

const bad: [string, Record<string, unknown>][] = [
  ["a name that moves the cursor", { server: "\x1b[2J" }],
  ["a host that is none", { host: "a b" }],
  ["a port that is none", { port: 0 }],
  ["a fingerprint that is none", { fingerprint: "AB" }],
  ["an authority that is none", { ca: 7 }],
];
for (const [what, fields] of bad) {
  test(`parseAnnouncement() refuses ${what}`, () => {
    assert.equal(parseAnnouncement(encodeAnnouncement({ ...announcement, ...fields } as Announcement)), undefined);
  });
}

test("parseAnnouncement() and isQuestion() take any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
    parseAnnouncement(bytes);
    isQuestion(bytes);
  }));
});

async function responder(folder: string, place: { group: string | undefined; port: number }, server = "server1") {
  const [certFile, keyFile] = ["cert.pem", "key.pem"].map((name) => join(folder, name));
  await createCertificates({ certFile, keyFile, names: ["localhost"], force: true });
  const started = await DiscoveryResponder.start({
    server,
    host: "0.0.0.0",
    port: 8000,
    certFile,
    place,
    now: () => 0,
  });
  assert.ok(started);
  return Object.assign(started, { certFile, ca: join(folder, "ca.pem") });
}

testWith("discover() finds a server that answers, with the fingerprints of what it serves now", async () => {
  await using folder = await temporaryFolder();
  await using server = await responder(folder.path, { group: undefined, port: 0 });
  const stop = new AbortController();
  const found = await soon(discover({
    place: { group: "127.0.0.1", port: server.port },
    signal: stop.signal,
    onFound: () => stop.abort(),
  }));
  const [leaf, ca] = await Promise.all([server.certFile, server.ca].map((file) => Deno.readTextFile(file)));
  assert.equal(found.length, 1);
  const [{ server: name, port, address, ...rest }] = found;
  assert.deepEqual([name, port, address], ["server1", 8000, "127.0.0.1"]);
  assert.equal(rest.fingerprint, new X509Certificate(leaf).fingerprint256);
  assert.equal(rest.ca, new X509Certificate(ca).fingerprint256);
}, files);

testWith("DiscoveryResponder answers questions only, and no more than some a second", async () => {
  await using folder = await temporaryFolder();
  await using server = await responder(folder.path, { group: undefined, port: 0 });
  const socket = createSocket("udp4");
  let answers = 0;
  let marked = Promise.withResolvers<void>();
  socket.on("message", () => {
    answers++;
    marked.resolve();
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
  const send = (bytes: Uint8Array) =>
    new Promise<void>((resolve) => socket.send(bytes, server.port, "127.0.0.1", () => resolve()));
  await send(new Uint8Array(600).fill(0x20));
  await send(encodeQuestion().subarray(0, 64));
  await send(encodeQuestion());
  await soon(marked.promise);
  assert.equal(answers, 1);
  for (let i = 0; i < 50; i++) await send(encodeQuestion());
  while (answers < 20) {
    marked = Promise.withResolvers();
    await soon(marked.promise);
  }
  // One machine's datagrams arrive in order: an answer to a later question would be here.
  await new Promise<void>((resolve) => {
    socket.on("message", (bytes) => bytes.length === 1 && resolve());
    socket.send(new Uint8Array(1), socket.address().port, "127.0.0.1");
  });
  assert.equal(answers, 21); // the mark was counted as well
  await new Promise<void>((resolve) => socket.close(() => resolve()));
}, files);

testWith("runDiscover() lists servers and how to reach them, and tells when there is none", async () => {
  await using folder = await temporaryFolder();
  await using server = await responder(folder.path, { group: undefined, port: 0 });
  const lines: string[] = [];
  const to = (more: readonly string[]) => Promise.resolve(void lines.push(...more));
  const place = { group: "127.0.0.1", port: server.port };
  const stop = new AbortController();
  assert.equal(
    await soon(runDiscover({ out: to, err: to }, { place, signal: stop.signal, onFound: () => stop.abort() })),
    "ok",
  );
  assert.match(lines[0], /^server1 at 127\.0\.0\.1:8000: chat --tofu \S+:8000$/);
  assert.match(lines[1], /^ {2}SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  const silent = createSocket("udp4");
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", () => resolve()));
  const nobody = { group: "127.0.0.1", port: silent.address().port };
  await assert.rejects(soon(runDiscover({ out: to, err: to }, { place: nobody, waitMs: 30 })), /No server answered/);
  await new Promise<void>((resolve) => silent.close(() => resolve()));
}, files);
