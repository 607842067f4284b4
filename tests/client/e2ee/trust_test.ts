/**
 * What a server may say, and must not: whose keys there are, what is not encrypted, and how private something was.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { render } from "../../../lib/client/terminal/render.ts";
import type { SealedEvent } from "../../../lib/client/e2ee/account.ts";
import { openEnvelope } from "../../../lib/client/e2ee/envelope.ts";
import { unmarked } from "../../../lib/client/e2ee/privacy.ts";
import { Sealing } from "../../../lib/client/e2ee/sealing.ts";
import { toEvent, toMessages } from "../../../lib/client/base/shape.ts";
import { ChatError } from "../../../lib/common/errors.ts";
import { withFolder } from "../transfer/fake_files.ts";
import { type Json, said, soon, test } from "../fakes.ts";
import {
  accepted,
  asked,
  bob,
  bobToo,
  carol,
  commands,
  devices,
  loggedIn,
  read,
  secret,
  stranger,
  time,
  toldAll,
} from "./scene.ts";

const server = { host: "one", port: 1 };
const direct = { type: "direct", topic: "inbox:a", to: "a" };

async function entered(folder: string | undefined, user = "a"): Promise<Sealing> {
  const sealing = new Sealing({ folder, server, now: () => Date.parse(time) });
  await sealing.enter(user);
  return sealing;
}

const message = { cmd: "msg", to: "b", text: "secret", cid: "c1" };
const unheard = () => {};
const neverAsked = () => Promise.reject(new Error("nothing was to be asked"));

withFolder("Sealing judges the devices that it encrypts for, whatever another client has learned", async (folder) => {
  const [one, two] = [await entered(folder), await entered(folder)];
  const own = devices("a", { public: one.account!.device!.public });
  for (const sealing of [one, two]) sealing.learn("a", own, unheard);
  one.learn("b", devices("b", bob), unheard);
  one.account!.known.verify("b", one.account!.sets("b"));
  one.learn("b", devices("b", bob, stranger), unheard);
  await assert.rejects(one.prepare(message, 4096, unheard), /devices have changed since you verified b/);
  two.learn("b", devices("b", bob), unheard);
  one.learn("c", devices("c", carol), unheard); // reads the file, where b has one device
  await assert.rejects(one.prepare(message, 4096, unheard), /devices have changed since you verified b/);
  await assert.rejects(one.canSeal("b", neverAsked), /devices have changed since you verified b/);
  const { privacy } = await two.prepare(message, 4096, unheard);
  assert.equal(privacy!.state, "verified");
  // And one's own, likewise.
  two.learn("a", devices("a", { public: one.account!.device!.public }, stranger), unheard);
  one.learn("a", own, unheard);
  await assert.rejects(two.prepare(message, 4096, unheard), /Your own devices have changed/);
  one.learn("b", devices("b", bob), unheard);
  const { request } = await one.prepare(message, 4096, unheard);
  const opening = await openEnvelope(request.sealed as string, { from: "a", to: "b", cid: "c1" }, stranger);
  assert.equal(opening.kind, "not_for_this_device");
});

withFolder(
  "Sealing takes a device that was removed and comes back for one that nobody has verified",
  async (folder) => {
    const sealing = await entered(folder);
    const own = { public: sealing.account!.device!.public };
    sealing.learn("a", devices("a", own, carol), unheard);
    sealing.learn("b", devices("b", bob, bobToo), unheard);
    sealing.account!.known.verify("b", sealing.account!.sets("b"));
    sealing.learn("b", devices("b", bob), unheard);
    assert.equal((await sealing.prepare(message, 4096, unheard)).privacy!.state, "verified", "with one device less");
    sealing.learn("b", devices("b", bob, bobToo), unheard);
    await assert.rejects(sealing.prepare(message, 4096, unheard), /b's devices have changed since you verified b/);
    sealing.account!.known.verify("b", sealing.account!.sets("b"));
    sealing.learn("a", devices("a", own), unheard);
    sealing.learn("a", devices("a", own, carol), unheard);
    await assert.rejects(sealing.prepare(message, 4096, unheard), /Your own devices have changed/);
    // All of them gone, and back: by the server's word, somebody else may have them.
    sealing.account!.known.verify("b", sealing.account!.sets("b"));
    sealing.learn("b", devices("b"), unheard);
    sealing.learn("b", devices("b", bob), unheard);
    await assert.rejects(sealing.prepare(message, 4096, unheard), /b's devices have changed since you verified b/);
  },
);

withFolder("Sealing refuses by what another client of the same user has verified", async (folder) => {
  const [one, two] = [await entered(folder), await entered(folder)];
  const own = devices("a", { public: one.account!.device!.public });
  for (const sealing of [one, two]) sealing.learn("a", own, unheard);
  one.learn("b", devices("b", bob, stranger), unheard);
  two.learn("b", devices("b", bob), unheard);
  two.account!.known.verify("b", two.account!.sets("b"));
  await assert.rejects(one.prepare(message, 4096, unheard), /devices have changed since you verified b/);
});

withFolder(
  "Sealing.canSeal() refuses where the keys cannot be read, so that no file goes out as it is",
  async (folder) => {
    Deno.mkdirSync(join(folder, "keys"));
    Deno.writeTextFileSync(join(folder, "keys", encodeURIComponent("a@one:1")), "broken");
    const sealing = await entered(folder);
    assert.equal(sealing.account, undefined);
    await assert.rejects(sealing.canSeal("b", neverAsked), /holds no device key.*Nothing is sent/);
    await assert.rejects(sealing.prepare(message, 4096, unheard), /Nothing is sent/);
  },
);

withFolder("Sealing sends nothing when what it knew of keys becomes unreadable", async (folder) => {
  const sealing = await entered(folder);
  sealing.learn("a", devices("a", { public: sealing.account!.device!.public }), unheard);
  sealing.learn("b", devices("b"), unheard);
  Deno.writeTextFileSync(join(folder, "known_keys", encodeURIComponent("a@one:1")), "broken");
  await assert.rejects(sealing.prepare(message, 4096, unheard), /is not as it should be/);
  await assert.rejects(sealing.canSeal("b", neverAsked), /is not as it should be/);
});

withFolder("Sealing goes on with what was verified when this device was removed, and is back", async (folder) => {
  const sealing = await entered(folder);
  const account = sealing.account!;
  const own = { public: account.device!.public };
  sealing.learn("a", devices("a", own), unheard);
  sealing.learn("b", devices("b", bob), unheard);
  account.known.verify("b", account.sets("b"));
  sealing.learn("a", devices("a"), unheard);
  assert.equal((await sealing.prepare(message, 4096, unheard)).privacy!.state, "verified");
  sealing.learn("a", devices("a", own), unheard);
  const { request, privacy } = await sealing.prepare(message, 4096, unheard);
  assert.equal(privacy!.state, "verified");
  // What is written here can be read here, also where nobody names this device.
  for (const sealed of [request.sealed as string, await account.write(message, { theirs: [bob.public], ours: [] })]) {
    const event = { ...said(1, "", { type: "direct", to: "b", cid: "c1" }), from: "a", sealed };
    assert.equal((await account.read(event as unknown as SealedEvent)).kind, "read");
  }
});

test("Sealing.canSeal() refuses while nobody is logged in, and where the server makes no sense", async () => {
  const nobody = new Sealing({ folder: undefined, server });
  await assert.rejects(nobody.canSeal("b", neverAsked), { code: "login_required" });
  const sealing = await entered(undefined);
  for (const reply of [{}, devices("c", bob), { ...devices("b"), keys: 7 }]) {
    await assert.rejects(sealing.canSeal("b", () => Promise.resolve(reply)), /makes no sense/);
  }
  const older = () => Promise.reject(new ChatError("unknown_command", "No"));
  assert.equal(await sealing.canSeal("b", older), false);
});

withFolder(
  "Session learns keys of nobody but whom it asked about, and keeps nothing that it cannot read",
  async (folder) => {
    {
      await using scene = await loggedIn(folder);
      const { session, peer, sealing } = scene;
      sealing.learn("c", devices("c", carol), unheard);
      const answers = [
        devices("x y", stranger),
        devices("c", stranger),
        devices("a", stranger),
        devices("\u212A", bob),
      ];
      for (const answer of answers) {
        void session.ask({ cmd: "keys", user: answer.user === "\u212A" ? "k" : "b" });
        peer.ok(await peer.expect("keys"), answer);
      }
      void session.ask({ cmd: "unkey", public: bob.public });
      peer.ok(await peer.expect("unkey"), devices("b", stranger));
      await toldAll(scene);
      const { known } = sealing.account!;
      assert.deepEqual(known.present("c"), [carol.public]);
      assert.deepEqual(known.present("a"), [scene.own.public]);
      for (const user of ["b", "x y", "k"]) assert.deepEqual(known.present(user), []);
      assert.throws(() => known.learn(devices("x y", bob)), TypeError);
    }
    assert.deepEqual((await entered(folder)).account!.known.present("c"), [carol.public]);
  },
);

test("Session encrypts as soon as the server knows of a device where there was none", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  void session.send({ cmd: "msg", to: "b", text: "one" });
  await asked(peer, "b");
  const first = await peer.expect("msg");
  peer.ok(first, accepted(first));
  void session.send({ cmd: "msg", to: "B", text: "two" });
  const second = await peer.expect("msg");
  assert.equal(second.text, "two");
  assert.deepEqual(second.keys, { a: devices("a", scene.own).version, b: devices("b").version });
  peer.error(second, "keys_changed", { keys: { b: devices("b", bob), a: devices("a", scene.own) } });
  const again = await peer.expect("msg");
  assert.deepEqual([again.cid, (await read(again, bob)).text], [second.cid, "two"]);
  // Whom it was encrypted for is not for the server to say.
  peer.ok(again, { ...accepted(again), to: "c" });
  await toldAll(scene);
  const shown = scene.lines().filter((line) => line.startsWith("DM "));
  assert.deepEqual(shown, ["DM to b: one", "DM to b (encrypted): two"]);
});

test("Session asks again, on the next connection and for each file, who had no device", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  for (let time = 0; time < 2; time++) {
    const [can] = await Promise.all([session.canSeal("b"), asked(peer, "b")]);
    assert.equal(can, false);
  }
  await Promise.all([session.canSeal("c"), asked(peer, "c", carol)]);
  peer.close("broken");
  const next = await scene.servers.accept(commands);
  await next.readmit({ missed: 0 });
  next.ok(await next.expect("key"), devices("a", scene.own));
  void session.send({ cmd: "msg", to: "c", text: "to c" });
  const first = await next.expect("msg");
  assert.equal((await read(first, carol)).text, "to c");
  next.ok(first, accepted(first));
  void session.send({ cmd: "msg", to: "b", text: "to b" });
  await asked(next, "b", bobToo);
  assert.equal((await read(await next.expect("msg"), bobToo)).text, "to b");
});

test("Session offers no file as it is to whom has a device by now", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  assert.equal((await Promise.all([session.canSeal("b"), asked(peer, "b")]))[0], false);
  const refused = assert.rejects(
    session.send({ cmd: "msg", to: "b", text: "x", file: "f1" }),
    /b can decrypt, and the file is not encrypted: send it once more/,
  );
  const first = await peer.expect("msg");
  peer.error(first, "keys_changed", { keys: { b: devices("b", bob), a: devices("a", scene.own) } });
  await soon(refused);
});

test("render() gives a server no way to a mark: names, states and times are what they should be", () => {
  const shown = (event: Json) => render({ kind: "event", event: unmarked(event) } as Json).lines[0];
  assert.equal(shown(said(1, "x", { ...direct, from: "b ❨verified❩" })), "DM from b??verified?: x");
  const presence = { type: "presence", user: "DM from b", room: "lobby (verified): x", state: "joined" };
  assert.equal(shown(presence), "DM?from?b joined lobby??verified???x");
  for (const state of ["(verified): send the money to Eve. Also", "", "Joined"]) {
    assert.equal(toEvent({ ...presence, state }), undefined);
  }
  assert.ok(toEvent({ ...presence, state: "left" }));
  const forged = "2026-11-21T09:00:00Z] b (verified): send the money to Eve [";
  for (const time of [forged, "", "never", "2026-11-21", "2026-11-21T09:00:00+01:00"]) {
    assert.throws(() => toEvent(said(1, "x", { ...direct, time })), /no usable field "time"/);
    assert.deepEqual(toMessages([said(1, "x", { ...direct, time })]), []);
  }
  const good = [said(1, "x"), said(2, "y", { ...direct, time: "2026-11-21T09:00:00Z" })];
  assert.deepEqual(toMessages([...good, null, "x", [], { type: "presence" }, { ...good[0], from: 7 }]), good);
  for (const value of [undefined, {}, "x"]) assert.deepEqual(toMessages(value), []);
});

test("unmarked() leaves names alone, and takes away what decrypts a file", () => {
  const event = said(1, "(verified)", { ...direct, from: "Bob_-1", room: "a.b#c-1", file: { id: "f", key: "k" } });
  assert.deepEqual(unmarked(event), { ...event, file: { id: "f" } });
});

test("Session shows no forged line of a history", async () => {
  await using scene = await loggedIn();
  void scene.session.send({ cmd: "history", user: "b" });
  scene.peer.ok(await scene.peer.expect("history"), {
    messages: [
      said(1, "one", { ...direct, time: "2026-11-21T09:00:00Z] b (verified): x [" }),
      said(2, "two", { ...direct, from: "b (verified)" }),
      said(3, "not of the talk"),
      said(4, "four", { ...direct, file: { id: "f", key: "k" } }),
    ],
  });
  await toldAll(scene);
  assert.deepEqual(scene.lines(), [
    "[2026-11-21T09:00:00Z] b??verified?: two",
    "[2026-11-21T09:00:00Z] b: four",
  ]);
});

test("Session marks what is not encrypted in a talk with a verified user, live and in the history", async () => {
  await using scene = await loggedIn();
  const { session, peer, sealing } = scene;
  await Promise.all([session.canSeal("b"), asked(peer, "b", bob)]);
  sealing.account!.known.verify("b", sealing.account!.sets("b"));
  const note = "[CLIENT] b is verified, but a message from b is not encrypted: " +
    "the server could read it, or have written it";
  // What only looks encrypted is not.
  peer.send(said(1, "live", { ...direct, sealed: "AAAA", cid: 5 }), said(2, "also", direct));
  peer.ok(await peer.expect("seen"));
  await toldAll(scene);
  assert.deepEqual(scene.lines(), [note, "DM from b (not encrypted): live", "DM from b (not encrypted): also"]);
  void session.send({ cmd: "history", user: "b" });
  const request = JSON.parse((await peer.line())!);
  const history = request.cmd === "seen" ? (peer.ok(request), await peer.expect("history")) : request;
  const mine = said(4, "mine", { ...direct, topic: "inbox:b", from: "a", to: "b" });
  peer.ok(history, { messages: [await secret(scene, 3, "safe", bob), mine, said(5, "theirs", direct)] });
  await toldAll(scene);
  assert.deepEqual(scene.lines().slice(-3), [
    "[2026-11-21T09:00:00Z] b (verified): safe",
    "[2026-11-21T09:00:00Z] a (not encrypted): mine",
    "[2026-11-21T09:00:00Z] b (not encrypted): theirs",
  ]);
});

test("Session tells at a history that what a verified user wrote is not encrypted", async () => {
  await using scene = await loggedIn();
  const { session, peer, sealing } = scene;
  await Promise.all([session.canSeal("b"), asked(peer, "b", bob)]);
  sealing.account!.known.verify("b", sealing.account!.sets("b"));
  void session.send({ cmd: "history", user: "b" });
  peer.ok(await peer.expect("history"), { messages: [said(1, "theirs", direct)] });
  await toldAll(scene);
  assert.match(scene.lines()[0], /b is verified, but a message from b is not encrypted/);
});
