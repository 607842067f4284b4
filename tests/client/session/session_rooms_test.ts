/**
 * A session in many rooms: which they are, what it comes back to, and what becomes of it where there may be one only.
 */

import assert from "node:assert/strict";
import type { ChatError } from "../../../lib/common/errors.ts";
import type { Session } from "../../../lib/client/session/session.ts";
import { FakeServers, type Json, type Peer, Recorder, said, settled, soon, test } from "../fakes.ts";
import { newSession, rejection } from "./scene.ts";

interface Scene extends AsyncDisposable {
  readonly servers: FakeServers;
  readonly session: Session;
  readonly told: Recorder;
  readonly peer: Peer;
}

const at = (...rooms: string[]) => Object.fromEntries(rooms.map((room) => [`room:${room}`, "e.0."]));
const inRooms = (...rooms: string[]) => ({ room: undefined, rooms, positions: { ...at(...rooms), "inbox:a": "e.0." } });
const inRoom = (room: string, seq: number, text: string) => said(seq, text, { topic: `room:${room}` });

/** A session that asked for many rooms and is logged in; by default in general and lobby. */
async function loggedIn(fields: Json = inRooms("general", "lobby"), rooms: "many" | "one" = "many"): Promise<Scene> {
  const servers = new FakeServers();
  if (rooms === "many") servers.rooms = { rooms: "many" };
  const session = newSession(servers, { manyRooms: "wanted" });
  const [peer] = await Promise.all([servers.accept(), session.connect()]);
  const told = new Recorder(session);
  await Promise.all([peer.admit(fields), session.login({ cmd: "login", user: "a", password: "1" })]);
  return {
    servers,
    session,
    told,
    peer,
    async [Symbol.asyncDispose]() {
      session.close();
      await soon(told.done, "the session's end");
    },
  };
}

async function back({ peer, servers }: Scene, fields: Json): Promise<[Peer, Json]> {
  peer.close("broken");
  const next = await servers.accept();
  return [next, await next.readmit({ room: undefined, ...fields })];
}

test("Session knows its rooms by what answers its login, joins and leaves", async () => {
  await using scene = await loggedIn();
  const { session, peer } = scene;
  assert.deepEqual([session.manyRooms, session.room, session.rooms], [true, undefined, ["general", "lobby"]]);
  const joined = session.send({ cmd: "join", room: "Ops" });
  peer.ok(await peer.expect("join"), { room: "ops", positions: at("ops") });
  await soon(joined);
  assert.deepEqual(session.rooms, ["general", "lobby", "ops"]);
  const left = session.send({ cmd: "leave", room: "lobby" });
  const request = await peer.expect("leave");
  assert.equal(request.room, "lobby");
  peer.ok(request, { room: "lobby", positions: {} });
  await soon(left);
  assert.deepEqual(session.rooms, ["general", "ops"]);
});

test("Session comes back to all of its rooms from where it was in each, and shows each message once", async () => {
  await using scene = await loggedIn();
  scene.peer.send(inRoom("lobby", 1, "l1"), inRoom("general", 1, "g1"), inRoom("general", 2, "g2"));
  await settled();
  const [peer, request] = await back(scene, { rooms: ["general", "lobby"], missed: 2 });
  assert.deepEqual(request.positions, { "room:lobby": "e.1.x", "room:general": "e.2.x", "inbox:a": "e.0." });
  peer.send(inRoom("general", 2, "g2"), inRoom("general", 3, "g3"), inRoom("lobby", 1, "l1"), inRoom("lobby", 2, "l2"));
  await settled();
  assert.deepEqual(scene.told.texts(), ["l1", "g1", "g2", "g3", "l2"]);
});

test("Session believes what its resume is answered, and forgets where it was in rooms that it has left", async () => {
  await using scene = await loggedIn();
  scene.peer.send(inRoom("lobby", 7, "of before"));
  await settled();
  const [second] = await back(scene, { rooms: ["general", "ops"], positions: at("general", "ops") });
  await scene.told.status("resumed");
  assert.deepEqual(scene.session.rooms, ["general", "ops"]);
  const joined = scene.session.send({ cmd: "join", room: "lobby" });
  second.ok(await second.expect("join"), { room: "lobby", positions: at("lobby") });
  await soon(joined);
  second.send(inRoom("lobby", 2, "of a new log"));
  await settled();
  const [, request] = await back({ ...scene, peer: second }, { rooms: [] });
  assert.deepEqual(request.positions, {
    ...at("general", "ops"),
    "room:lobby": "e.2.x",
    "inbox:a": "e.0.",
  });
  assert.deepEqual(scene.told.texts(), ["of before", "of a new log"]);
});

test("Session goes on from what it has shown of a room that it joins once more", async () => {
  await using scene = await loggedIn();
  const joined = scene.session.send({ cmd: "join", room: "lobby" });
  const request = await scene.peer.expect("join");
  scene.peer.send(inRoom("lobby", 1, "one"));
  scene.peer.ok(request, { room: "lobby", positions: { "room:lobby": "e.9.z" } });
  await soon(joined);
  const [, { positions }] = await back(scene, { rooms: ["general", "lobby"] });
  assert.equal(positions["room:lobby"], "e.1.x");
});

test("Session takes what another device does to the rooms of both, and passes it on", async () => {
  await using scene = await loggedIn();
  const membership = { type: "membership", room: "ops", state: "joined", positions: { "room:ops": "e.4.x" } };
  scene.peer.send(membership, inRoom("ops", 5, "hi"), { type: "membership", room: "lobby", state: "left" });
  await scene.told.until(({ kind, ...rest }) => {
    return kind === "event" && (rest as { event: Json }).event.state === "left";
  }, "the second membership");
  assert.deepEqual(scene.session.rooms, ["general", "ops"]);
  const [, { positions }] = await back(scene, { rooms: ["general", "ops"] });
  assert.deepEqual(positions, { "room:general": "e.0.", "room:ops": "e.5.x", "inbox:a": "e.0." });
  const told = scene.told.updates.find((update) => update.kind === "event" && update.event.type === "membership");
  assert.deepEqual(told, { kind: "event", event: membership });
});

test("Session passes on a membership with a state that it does not know, and changes nothing for it", async () => {
  await using scene = await loggedIn();
  const membership = { type: "membership", room: "ops", state: "invited", positions: {} };
  scene.peer.send(membership);
  const told = await scene.told.until(({ kind }) => kind === "unknown", "the event");
  assert.deepEqual(told, { kind: "unknown", event: membership });
  assert.deepEqual(scene.session.rooms, ["general", "lobby"]);
});

test("Session knows how far the account has read on other devices, and forgets it of rooms that it has left", async () => {
  await using scene = await loggedIn();
  const seen = (topic: string, pos: string) => ({ type: "seen", topic, pos });
  scene.peer.send(seen("room:lobby", "e.1.x"), seen("inbox:a", "e.7.x"), seen("room:lobby", "e.3.x"));
  await scene.told.until((update) => {
    return update.kind === "event" && update.event.type === "seen" && update.event.pos === "e.3.x";
  }, "the third mark");
  assert.deepEqual(Object.fromEntries(scene.session.seen), { "room:lobby": "e.3.x", "inbox:a": "e.7.x" });
  scene.peer.send({ type: "membership", room: "lobby", state: "left", positions: {} });
  await settled();
  assert.deepEqual(Object.fromEntries(scene.session.seen), { "inbox:a": "e.7.x" });
});

test("Session in one room takes nothing from what is told of many", async () => {
  await using scene = await loggedIn({ positions: at("lobby") }, "one");
  scene.peer.send(
    { type: "membership", room: "ops", state: "joined", positions: at("ops") },
    { type: "membership", room: "lobby", state: "left", positions: {} },
    { type: "seen", topic: "room:lobby", pos: "e.3.x" },
  );
  await settled();
  assert.deepEqual([scene.session.rooms, scene.session.seen.size], [["lobby"], 0]);
});

test("Session says again what had no answer in the room that it named, also where it is no longer in", async () => {
  await using scene = await loggedIn();
  const answers = ["lobby", "general"].map((room) => scene.session.send({ cmd: "say", room, text: `in ${room}` }));
  for (const _ of answers) await scene.peer.expect("say");
  const refused = rejection(answers[0]);
  const [peer] = await back(scene, { rooms: ["general"] });
  const [first, second] = [await peer.expect("say"), await peer.expect("say")];
  assert.deepEqual([first.room, second.room], ["lobby", "general"]);
  peer.error(first, "wrong_room");
  peer.ok(second, { topic: "room:general", seq: 1, time: "" });
  assert.equal((await refused as ChatError).code, "wrong_room");
  await soon(answers[1]);
});

test("Session keeps where it is in what it has sent, and marks nothing of it as read in its inbox", async () => {
  await using scene = await loggedIn();
  const sent = { type: "direct", topic: "sent:a", from: "a", to: "b" };
  scene.peer.send(
    said(1, "hi", sent),
    said(1, "hello", { type: "direct", topic: "inbox:a", to: "a", pos: "e.1.inbox" }),
  );
  assert.equal((await scene.peer.expect("seen")).pos, "e.1.inbox", "and nothing before it");
  const [, { positions }] = await back(scene, { rooms: ["general", "lobby"] });
  assert.deepEqual([positions["sent:a"], positions["inbox:a"]], ["e.1.x", "e.1.inbox"]);
});

test("Session names no room by itself where there are many", async () => {
  await using scene = await loggedIn(inRooms("lobby"));
  void scene.session.send({ cmd: "say", text: "where?" });
  assert.equal((await scene.peer.expect("say")).room, undefined);
});

test("Session goes on in one room where its server cannot do with many, and in many where it can again", async () => {
  await using scene = await loggedIn({}, "one");
  const { session, servers, peer } = scene;
  assert.deepEqual([session.manyRooms, session.room, session.rooms], [false, "lobby", ["lobby"]]);
  const joined = session.send({ cmd: "join", room: "ops" });
  peer.ok(await peer.expect("join"), { room: "ops", positions: at("ops") });
  await soon(joined);
  assert.deepEqual([session.room, session.rooms], ["ops", ["ops"]]);
  servers.rooms = { rooms: "many" };
  const [, { positions }] = await back(scene, { rooms: ["lobby", "ops"], positions: at("lobby", "ops") });
  assert.deepEqual(positions, { "room:ops": "e.0.", "inbox:a": "e.0." });
  await scene.told.status("resumed");
  assert.deepEqual([session.manyRooms, session.room, session.rooms], [true, undefined, ["lobby", "ops"]]);
});

test("Session is in one room fewer when its user is removed from one, and in the one that it is told where it has one", async () => {
  const removed = { type: "removed", room: "general", by: "b", reason: "", banned: false };
  await using many = await loggedIn();
  many.peer.send(removed);
  await settled();
  assert.deepEqual(many.session.rooms, ["lobby"]);

  await using one = await loggedIn({ room: "general", positions: { ...at("general"), "inbox:a": "e.0." } }, "one");
  assert.equal(one.session.room, "general");
  one.peer.send({ ...removed, now: "lobby", positions: { "room:lobby": "e.7.x" } }, inRoom("lobby", 8, "welcome"));
  await settled();
  assert.equal(one.session.room, "lobby");
  const [, request] = await back(one, { room: "lobby", rooms: undefined, missed: 0 });
  assert.deepEqual(request.positions, { "room:lobby": "e.8.x", "inbox:a": "e.0." });
});

test("Session.shown() says to the user what a change of a room that is about the user says", async () => {
  await using scene = await loggedIn();
  const change = { type: "room_changed", room: "general", by: "b", change: "mute", value: 600 } as const;
  const shownOf = (user: string) => {
    const update = scene.session.shown({ kind: "event", event: { ...change, user } });
    return update?.kind === "event" && update.event.type === "system" ? update.event.message : undefined;
  };
  assert.deepEqual([shownOf("A"), shownOf("c")], ["b muted you in general for 10m", undefined]);
});

test("Session passes on a change of a room that it does not know, and shows nothing of it", async () => {
  await using scene = await loggedIn();
  const strange = { type: "room_changed", room: "general", by: "b", change: "colour", value: "red" };
  const wrong = { type: "room_changed", room: "general", by: "b", change: "topic", value: { toString: 1 } };
  scene.peer.send(strange, wrong);
  await settled();
  const unknown = scene.told.updates.flatMap((update) => update.kind === "unknown" ? [update.event] : []);
  assert.deepEqual(unknown, [strange, wrong]);
});
