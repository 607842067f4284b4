import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import fc from "fast-check";
import { discoveryPlaces, DiscoveryResponder } from "../../lib/server/discovery.ts";
import { encodeQuestion, parseAnnouncement } from "../../lib/wire/discovery.ts";
import { within } from "../support/client.ts";
import { every, permitted } from "../support/needs.ts";
import { temporaryFolder } from "../support/process.ts";
import { startResponder } from "../support/responder.ts";
import { test } from "../support/server.ts";

const files = every(await permitted("read", "write"));

test("DiscoveryResponder answers questions only, and no more than some a second", async () => {
  await using folder = await temporaryFolder();
  await using server = await startResponder(folder.path);
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
  await within(marked.promise, () => "an answer");
  assert.equal(answers, 1);
  for (let i = 0; i < 50; i++) await send(encodeQuestion());
  while (answers < 20) {
    marked = Promise.withResolvers();
    await within(marked.promise, () => "an answer");
  }
  // One machine's datagrams arrive in order: an answer to a later question would be here.
  await new Promise<void>((resolve) => {
    socket.on("message", (bytes) => bytes.length === 1 && resolve());
    socket.send(new Uint8Array(1), socket.address().port, "127.0.0.1");
  });
  assert.equal(answers, 21); // the mark was counted as well
  await new Promise<void>((resolve) => socket.close(() => resolve()));
}, files);

test(
  "DiscoveryResponder takes any datagram, answers none but questions, and names its rooms as they are then",
  async () => {
    await using folder = await temporaryFolder();
    const rooms = ["lobby", "tech"];
    await using server = await startResponder(folder.path, rooms);
    const socket = createSocket("udp4");
    const answers: Uint8Array[] = [];
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
    const send = (bytes: Uint8Array) =>
      new Promise<void>((resolve) => socket.send(bytes, server.port, "127.0.0.1", () => resolve()));
    const question = encodeQuestion();
    const written = new TextDecoder().decode(question).trimEnd().length; // behind it, any white space will do
    const changed = fc.tuple(fc.nat(written - 1), fc.nat(255)).map(([at, byte]) => {
      const bytes = question.slice();
      bytes[at] = byte;
      return bytes;
    });
    const others = fc.sample(fc.oneof(fc.uint8Array({ maxLength: 2_000 }), changed), 200);
    for (const bytes of others) if (bytes.some((byte, at) => byte !== question[at])) await send(bytes);
    rooms.push("random");
    const answered = Promise.withResolvers<void>();
    socket.on("message", (bytes) => {
      answers.push(bytes);
      answered.resolve();
    });
    await send(question);
    await within(answered.promise, () => "the answer to the question");
    assert.deepEqual(answers.map((bytes) => parseAnnouncement(bytes)?.rooms), [["random", "tech"]]);
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  },
  files,
);

test("discoveryPlaces() has the place of earlier clients once", () => {
  const former = { group: "239.255.67.72", port: 42428 };
  const place = { group: "224.1.1.1", port: 12348 };
  assert.deepEqual(discoveryPlaces({ discoveryGroup: place.group, discoveryPort: place.port }), [place, former]);
  assert.deepEqual(discoveryPlaces({ discoveryGroup: former.group, discoveryPort: former.port }), [former]);
});

test("DiscoveryResponder says nothing of a server that no other machine reaches", async () => {
  const options = { server: "s", port: 1, certFile: "none", config: { rooms: [] } };
  const places = [{ group: "224.1.1.1", port: 12348 }];
  for (const host of ["127.0.0.1", "::1", "localhost"]) {
    assert.equal(await DiscoveryResponder.start({ ...options, host, places }), undefined);
  }
});
