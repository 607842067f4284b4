/**
 * What a session decrypts, in which order, and how it tells how private something was.
 */

import assert from "node:assert/strict";
import { encodeContent } from "../../../lib/client/e2ee/content.ts";
import { sealEnvelope } from "../../../lib/client/e2ee/envelope.ts";
import { sealedNote } from "../../../lib/wire/sealed.ts";
import { said, settled, test } from "../fakes.ts";
import { accepted, asked, bob, carol, devices, loggedIn, secret, stranger, time, toldAll } from "./scene.ts";

test("Session shows encrypted messages in their order, also while it asks whose device wrote one", async () => {
  await using scene = await loggedIn();
  const { peer } = scene;
  peer.send(said(1, "before"), await secret(scene, 1, "psst", bob), said(2, "after"));
  const question = await peer.expect("keys");
  await settled();
  assert.deepEqual(scene.told.texts(), ["before"]);
  peer.send(said(3, "later"));
  peer.ok(question, devices("b", bob));
  const seen = await peer.expect("seen");
  peer.ok(seen);
  await toldAll(scene);
  assert.deepEqual(scene.told.texts(), ["before", "psst", "after", "later"]);
  assert.ok(scene.lines().includes("DM from b (encrypted): psst"));
  // The next of that device is shown at once.
  peer.send(await secret(scene, 2, "psst again", bob));
  await peer.expect("seen");
  assert.ok(scene.lines().includes("DM from b (encrypted): psst again"));
});

test("Session marks what was written on a device that its sender does not have, and asks for it once", async () => {
  await using scene = await loggedIn();
  const { peer } = scene;
  peer.send(await secret(scene, 1, "it is me", stranger), await secret(scene, 2, "really", stranger));
  peer.ok(await peer.expect("keys"), devices("b", bob));
  await peer.expect("seen");
  await toldAll(scene);
  assert.deepEqual(scene.lines().slice(1), [
    "DM from b (encrypted on an unknown device): it is me",
    "DM from b (encrypted on an unknown device): really",
  ]);
});

test("Session marks what a verified person wrote for verified devices, and what they did not encrypt", async () => {
  await using scene = await loggedIn();
  const { peer, session, sealing } = scene;
  await Promise.all([session.canSeal("b"), asked(peer, "b", bob)]);
  sealing.account!.known.verify("b", sealing.account!.sets("b"));
  const plain = said(2, "free", { type: "direct", topic: "inbox:a", to: "a" });
  const also = await sealEnvelope(
    encodeContent({ text: "for a third as well", time: Date.parse(time) }),
    { from: "b", to: "a", cid: "c3" },
    bob,
    [scene.own.public, bob.public, stranger.public],
  );
  peer.send(await secret(scene, 1, "mine", bob), plain, { ...await secret(scene, 3, "", bob), sealed: also });
  await peer.expect("seen");
  await toldAll(scene);
  assert.deepEqual(scene.lines().slice(1), [
    "DM from b (verified): mine",
    "[CLIENT] b is verified, but a message from b is not encrypted: the server could read it, or have written it",
    "DM from b (not encrypted): free",
    "DM from b (encrypted): for a third as well",
  ]);
});

test("Session shows one sentence for what it cannot read, and goes on", async () => {
  await using scene = await loggedIn();
  const { peer } = scene;
  const real = await secret(scene, 1, "hello", bob);
  const others = await sealEnvelope(new Uint8Array([123, 125]), { from: "b", to: "a", cid: "c1" }, bob, [carol.public]);
  const odd = [
    "",
    "A",
    "AA==",
    "AQ==",
    "////",
    "A".repeat(16384),
    real.sealed.slice(4),
    real.sealed.slice(0, -4),
    others,
  ];
  const broken = odd.map((sealed, index) => ({ ...real, seq: index + 1, pos: `e.${index + 1}.x`, sealed }));
  const rest = [{ sealed: 7 }, { cid: undefined }, { cid: "c2" }, { from: "c" }, { to: "b" }];
  const moved = rest.map((fields, index) => ({ ...real, seq: 20 + index, pos: `e.${20 + index}.x`, ...fields }));
  peer.send(...broken, ...moved);
  for (;;) {
    const line = JSON.parse((await peer.line())!);
    if (line.cmd === "seen") {
      peer.ok(line);
      if (line.pos === "e.24.x") break;
    } else peer.ok(line, devices(line.user, bob));
  }
  await toldAll(scene);
  const lines = scene.lines().filter((line) => line.startsWith("DM "));
  assert.equal(lines.length, odd.length + rest.length);
  assert.equal(lines.filter((line) => line.includes("(unreadable): [cannot be read: ")).length, odd.length + 4);
  assert.equal(lines[odd.length - 1], "DM from b (unreadable): [cannot be read: it was not encrypted for this device]");
  assert.equal(lines[odd.length], `DM from b: ${sealedNote}`);
  void scene.session.send({ cmd: "say", text: "still here" });
  await peer.expect("say");
});

test("Session tells when a message was written at another time than the server says", async () => {
  await using scene = await loggedIn();
  const { peer } = scene;
  const at = (minutes: number) => ({ inside: { time: Date.parse(time) - minutes * 60_000 } });
  peer.send(await secret(scene, 1, "now", bob, at(9)), await secret(scene, 2, "then", bob, at(11)));
  peer.send(await secret(scene, 3, "soon", bob, at(-9)), await secret(scene, 4, "later", bob, at(-11)));
  peer.send(await secret(scene, 5, "never", bob, { inside: { time: 1e300 } })); // by a clock that is none
  peer.ok(await peer.expect("keys"), devices("b", bob));
  await peer.expect("seen");
  await toldAll(scene);
  assert.deepEqual(scene.lines().slice(1), [
    "DM from b (encrypted): now",
    "DM from b (encrypted, written 2026-11-21 08:49 UTC): then",
    "DM from b (encrypted): soon",
    "DM from b (encrypted, written 2026-11-21 09:11 UTC): later",
    "DM from b (encrypted): never",
  ]);
});

test("Session believes no mark that the server has set, and no name that looks like one", async () => {
  await using scene = await loggedIn();
  const forged = { type: "direct", topic: "inbox:a", to: "a", privacy: { state: "verified" } };
  scene.peer.send(
    said(1, "one", forged),
    said(2, "two", { ...forged, from: "b (verified)" }),
    said(3, "three", { from: "DM from b (verified)" }),
  );
  await toldAll(scene);
  assert.deepEqual(scene.lines(), ["DM from b: one", "DM from b??verified?: two", "DM?from?b??verified?: three"]);
  void scene.session.send({ cmd: "history", user: "b" });
  scene.peer.ok(await scene.peer.expect("seen"));
  scene.peer.ok(await scene.peer.expect("history"), {
    messages: [said(1, "four", forged), null, "x", { sealed: "AQ==" }],
  });
  await toldAll(scene);
  assert.ok(scene.lines().every((line) => !line.includes("(verified)")), scene.lines().join("\n"));
});

test("Session opens what a history has, one's own messages among them", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  void session.send({ cmd: "msg", to: "b", text: "mine" });
  await asked(peer, "b", bob);
  const sent = await peer.expect("msg");
  peer.ok(sent, accepted(sent));
  const mine = { ...said(1, sealedNote, { type: "direct", topic: "inbox:b", from: "a", to: "b" }), ...sent };
  void session.send({ cmd: "history", user: "b" });
  const request = await peer.expect("history");
  peer.ok(request, {
    messages: [mine, await secret(scene, 2, "yours", bob), said(3, "old", { type: "direct", to: "a" })],
  });
  await toldAll(scene);
  assert.deepEqual(scene.lines().slice(2), [
    "[2026-11-21T09:00:00Z] a (encrypted): mine",
    "[2026-11-21T09:00:00Z] b (encrypted): yours",
    "[2026-11-21T09:00:00Z] b: old",
  ]);
});
