/**
 * A session that encrypts its private messages, and what a server that the test plays says to it.
 */

import assert from "node:assert/strict";
import { render } from "../../../lib/client/terminal/render.ts";
import { Session } from "../../../lib/client/session/session.ts";
import { decodeContent, encodeContent } from "../../../lib/client/e2ee/content.ts";
import { type DevicePair, makePair } from "../../../lib/client/e2ee/device.ts";
import { openEnvelope, sealEnvelope } from "../../../lib/client/e2ee/envelope.ts";
import { sealer } from "../../../lib/client/e2ee/sealer.ts";
import { Sealing } from "../../../lib/client/e2ee/sealing.ts";
import type { Update } from "../../../lib/client/session/update.ts";
import type { CommandHelp } from "../../../lib/wire/event.ts";
import { sealedNote } from "../../../lib/wire/sealed.ts";
import { FakeClock, fakeCommands, FakeServers, type Json, type Peer, Recorder, said, settled, soon } from "../fakes.ts";

/** When everything happens. */
export const time = "2026-11-21T09:00:00.123Z";
/** Devices: two of b's, one of c's, and one that nobody owns up to. */
export const [bob, bobToo, carol, stranger] = await Promise.all([makePair(), makePair(), makePair(), makePair()]);

const keyCommand = (name: string): CommandHelp => ({ name, aliases: [], arguments: [], help: name, typed: false });
/** The commands of a server that knows of keys. */
export const commands = [...fakeCommands, ...["keys", "key", "unkey"].map(keyCommand)];

/** The server's answer about a user's devices. */
export function devices(user: string, ...pairs: readonly { public: string }[]): Json {
  const version = `v-${user}-${pairs.map((pair) => pair.public.slice(0, 4)).join("-")}`;
  return { user, keys: pairs.map((pair) => ({ public: pair.public, added: time })), version };
}

/** See the file's first line. */
export interface Scene extends AsyncDisposable {
  readonly servers: FakeServers;
  readonly session: Session;
  readonly clock: FakeClock;
  readonly sealing: Sealing;
  readonly told: Recorder;
  readonly peer: Peer;
  /** The public key that the session announced. */
  readonly own: { readonly public: string };
  /** What a person was shown, the login excepted. */
  lines(): string[];
}

/**
 * A session that is logged in as `a`, and has announced its key.
 *
 * @param folder where it remembers things; without one, it cannot
 */
export async function loggedIn(folder?: string): Promise<Scene> {
  const servers = new FakeServers();
  const clock = new FakeClock();
  const sealing = new Sealing({ folder, server: { host: "one", port: 1 }, now: () => Date.parse(time) });
  const session = new Session({
    servers: [{ host: "one", port: 1 }],
    dial: servers.dial,
    client: "test/1",
    clock,
    random: () => 1,
    sealing: sealer(sealing),
  });
  const [peer] = await Promise.all([servers.accept(commands), session.connect()]);
  const told = new Recorder(session);
  await Promise.all([peer.admit(), session.login({ cmd: "login", user: "a", password: "1" })]);
  const own = await announced(peer);
  return {
    servers,
    session,
    clock,
    sealing,
    told,
    peer,
    own,
    lines: () => told.updates.flatMap((update) => render(update).lines).slice(1),
    async [Symbol.asyncDispose]() {
      session.close();
      await soon(told.done, "the session's end");
    },
  };
}

let barriers = 0;

/** Waits until all that has come in is told: what is told keeps its order, so that a notice behind it comes last. */
export async function toldAll({ peer, told }: Pick<Scene, "peer" | "told">): Promise<void> {
  const message = `barrier ${++barriers}`;
  peer.send({ type: "system", code: "notice", message });
  const isBarrier = (update: Update) =>
    update.kind === "event" && update.event.type === "system" && update.event.message === message;
  told.updates.splice(told.updates.indexOf(await told.until(isBarrier, message)), 1);
}

/** Answers the announcement of a's key. @param others other devices of a's */
export async function announced(peer: Peer, ...others: readonly { public: string }[]): Promise<{ public: string }> {
  const request = await peer.expect("key");
  peer.ok(request, devices("a", { public: request.public }, ...others));
  await settled();
  return { public: request.public };
}

/** Answers the question for a user's keys. */
export async function asked(peer: Peer, user: string, ...pairs: readonly { public: string }[]): Promise<void> {
  const request = await peer.expect("keys");
  assert.equal(request.user, user);
  peer.ok(request, devices(user, ...pairs));
}

/** What an encrypted request says, to a device that it is for. */
export async function read({ sealed, cid, to }: Json, device: DevicePair): Promise<Json> {
  const opening = await openEnvelope(sealed, { from: "a", to, cid }, device);
  assert.equal(opening.kind, "opened");
  return opening.kind === "opened" && decodeContent(opening.content);
}

/** An encrypted message to a, as an event. */
export async function secret(
  scene: Scene,
  seq: number,
  text: string,
  from: DevicePair,
  fields: Json = {},
): Promise<Json> {
  const cid = `c${seq}`;
  const { inside = {}, ...outside } = fields;
  const content = encodeContent({ text, time: Date.parse(time), ...inside });
  const address = { from: outside.from ?? "b", to: "a", cid };
  const sealed = await sealEnvelope(content, address, from, [scene.own.public, from.public]);
  return { ...said(seq, sealedNote, { type: "direct", topic: "inbox:a", to: "a", cid }), sealed, ...outside };
}

/** The server's answer to a message. */
export function accepted(request: Json, seq = 1): Json {
  return { topic: "inbox:b", seq, time, to: request.to, text: request.text };
}
