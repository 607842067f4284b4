/**
 * Private messages over lost connections, and questions that are not answered.
 */

import assert from "node:assert/strict";
import { KeyRequests } from "../../../lib/client/e2ee/key_requests.ts";
import { makePair } from "../../../lib/client/e2ee/device.ts";
import { privacyOf } from "../../../lib/client/e2ee/privacy.ts";
import { type Json, type Peer, said, settled, soon, test } from "../fakes.ts";
import {
  accepted,
  announced,
  asked,
  bob,
  carol,
  commands,
  devices,
  loggedIn,
  read,
  type Scene,
  secret,
  stranger,
  toldAll,
} from "./scene.ts";

/** The next connection, resumed. */
async function back({ servers }: Scene): Promise<Peer> {
  const next = await servers.accept(commands);
  await next.readmit({ missed: 0 });
  return next;
}

/** The private messages that were told: how private they were, and what they say. */
function told({ told }: Scene): string[] {
  return told.updates.flatMap((update) => {
    if (update.kind !== "event" || update.event.type !== "direct") return [];
    return [`${privacyOf(update.event)?.state}: ${update.event.text}`];
  });
}

test("Session sends again what was to follow an answer that was told after the connection was lost", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  void session.send({ cmd: "rooms" });
  const rooms = await peer.expect("rooms");
  for (const to of ["b", "c"]) void session.send({ cmd: "msg", to, text: `to ${to}` });
  // What holds up the answer is a message whose writer is asked for.
  peer.send(await secret(scene, 1, "hi", bob));
  await peer.expect("keys");
  peer.ok(rooms, { rooms: [] });
  peer.close("broken");
  const next = await back(scene);
  await announced(next);
  await asked(next, "b", bob);
  const first = await next.expect("msg");
  assert.equal((await read(first, bob)).text, "to b");
  next.ok(first, accepted(first));
  await asked(next, "c", carol);
  assert.equal((await read(await next.expect("msg"), carol)).text, "to c");
});

test("Session sends again what it encrypted while the connection was lost", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  await Promise.all([session.canSeal("b"), asked(peer, "b", bob)]);
  void session.send({ cmd: "rooms" });
  const rooms = await peer.expect("rooms");
  void session.send({ cmd: "msg", to: "b", text: "hello" });
  peer.send(await secret(scene, 1, "hi", carol, { from: "c" }));
  await peer.expect("keys");
  peer.ok(rooms, { rooms: [] });
  peer.close("broken");
  const next = await back(scene);
  await announced(next);
  const again = await next.expect("msg");
  assert.equal((await read(again, bob)).text, "hello");
});

test("Session asks again whose device wrote a message when the connection was lost before the answer", async () => {
  await using scene = await loggedIn();
  const { peer } = scene;
  const first = await secret(scene, 1, "psst", bob);
  const second = said(2, "plain", { type: "direct", topic: "inbox:a", to: "a" });
  peer.send(first, second, said(1, "after"));
  await peer.expect("keys");
  peer.close("broken");
  const next = await scene.servers.accept(commands);
  const resume = await next.readmit({ missed: 2 });
  assert.equal(resume.positions["inbox:a"], "e.0.", "what was not told is not known");
  assert.deepEqual(scene.told.texts(), ["after"]);
  await announced(next);
  next.send(first, second);
  await asked(next, "b", bob);
  next.ok(await next.expect("seen"));
  await toldAll({ ...scene, peer: next });
  assert.deepEqual(told(scene), ["sealed: psst", "undefined: plain"]);
});

test("Session asks again for a history when the connection was lost before it was known who wrote it", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  const answer = session.send({ cmd: "history", user: "b" });
  const message = await secret(scene, 1, "old", bob);
  peer.ok(await peer.expect("history"), { messages: [message] });
  await peer.expect("keys");
  peer.close("broken");
  const next = await back(scene);
  await announced(next);
  next.ok(await next.expect("history"), { messages: [message] });
  await asked(next, "b", bob);
  const { messages: [opened] } = await soon(answer) as Json;
  assert.deepEqual([opened.text, opened.privacy.state], ["old", "sealed"]);
});

test("Session does not say that nothing was sent where a message may have arrived before", async () => {
  await using scene = await loggedIn();
  const { session, peer, sealing } = scene;
  await Promise.all([session.canSeal("b"), asked(peer, "b", bob)]);
  sealing.account!.known.verify("b", sealing.account!.sets("b"));
  const sent = session.send({ cmd: "msg", to: "b", text: "sent" });
  const refused = Promise.all([
    assert.rejects(sent, /since you verified b.*\. It is not known whether this was sent before/),
    assert.rejects(session.send({ cmd: "msg", to: "b", text: "not sent" }), (error: Error) => {
      return error.message.includes("since you verified b") && !error.message.includes("not known");
    }),
  ]);
  await peer.expect("msg");
  peer.close("broken");
  const next = await back(scene);
  await announced(next);
  const again = await next.expect("msg");
  next.error(again, "keys_changed", { keys: { b: devices("b", bob, stranger), a: devices("a", scene.own) } });
  await soon(refused);
});

test("Session asks whose devices there are where a refusal for other devices does not tell", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  void session.send({ cmd: "msg", to: "b", text: "one" });
  await asked(peer, "b", bob);
  peer.error(await peer.expect("msg"), "keys_changed", { keys: { b: { keys: "nonsense" } } });
  await asked(peer, "b", stranger);
  await announced(peer);
  assert.equal((await read(await peer.expect("msg"), stranger)).text, "one");
});

test("Session asks about everybody's devices, however many unknown ones somebody writes with", async () => {
  await using scene = await loggedIn();
  const { peer } = scene;
  let seq = 0;
  /** @returns whether it was asked whose device it was */
  async function isAsked(from: string, claimed: { public: string }[]): Promise<boolean> {
    const writer = await makePair();
    peer.send(await secret(scene, ++seq, "x", writer, { from }));
    const next = JSON.parse((await peer.line())!);
    if (next.cmd === "seen") {
      peer.ok(next);
      return false;
    }
    peer.ok(next, devices(from, ...claimed, ...(claimed.length > 0 ? [writer] : [])));
    peer.ok(await peer.expect("seen"));
    return true;
  }
  const asks: boolean[] = [];
  for (let time = 0; time < 5; time++) asks.push(await isAsked("mallory", []));
  assert.deepEqual(asks, [true, true, true, false, false]);
  // Who has the devices that they write with is asked about each time.
  for (let time = 0; time < 5; time++) assert.ok(await isAsked("b", [bob]), `${time}`);
  await settled();
});

test("KeyRequests.askWhose() bounds what is asked in vain, for each sender, until the connection is lost", () => {
  const known = new Set<string>();
  const account = { isOwn: () => false, known: { has: (_: string, key: string) => known.has(key) } } as Json;
  const questions = new KeyRequests({ request() {} }, { account });
  /** @returns whether it was asked; the answer comes at once */
  function may(sender: string, key: string): boolean {
    const question = questions.askWhose(sender, key);
    if (question) questions.answered(question);
    return question !== undefined;
  }
  assert.deepEqual(["k1", "k1", "k2", "k3", "k4"].map((key) => may("B", key)), [true, false, true, true, false]);
  assert.ok(may("c", "k4"));
  known.add("k2");
  assert.deepEqual(["k4", "k5"].map((key) => may("b", key)), [true, false]);
  questions.clear();
  assert.ok(may("b", "k1"));
  for (let sender = 0; sender < 10_000; sender++) may(`u${sender}`, "k");
  assert.equal(may("one-more", "k"), false);
});
