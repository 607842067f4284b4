/**
 * The public keys of devices, and encrypted private messages on their way through the server, on both stores.
 */

import assert from "node:assert/strict";
import type { Json, JsonClient } from "../support/client.ts";
import { onEachStore, onRedis } from "../support/server.ts";

/** A key that no other device has. */
function newKey(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
}

const publics = ({ keys }: Json): string[] => keys.map((key: Json) => key.public);

/** What a client sends along that has just asked for the keys. */
async function versions(client: JsonClient, ...users: string[]): Promise<Json> {
  const found: Json = {};
  for (const user of users) {
    const { user: name, version } = await client.ok("keys", { user });
    found[name] = version;
  }
  return found;
}

const note = "[encrypted]";

onEachStore("keys are announced, listed in their order, and removed", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b", { side: true });
  const none = await b.ok("keys", { user: "A" });
  assert.deepEqual([none.user, none.keys], ["a", []]);
  const [one, two] = [newKey(), newKey()];
  const first = await a.ok("key", { public: one });
  const second = await a.ok("key", { public: two });
  assert.deepEqual([publics(first), publics(second)], [[one], [one, two]]);
  const { id: _1, ...seen } = await b.ok("keys", { user: "a" });
  const { id: _2, ...told } = second;
  assert.deepEqual(seen, told);
  assert.equal(new Date(seen.keys[0].added).toISOString(), seen.keys[0].added);
  const again = await a.ok("key", { public: one });
  assert.deepEqual([again.keys, again.version], [second.keys, second.version], "it is known");
  assert.equal(new Set([none.version, first.version, second.version]).size, 3);
  assert.equal((await a.ok("unkey", { public: two })).version, first.version);
  assert.deepEqual((await a.ok("unkey", { public: two })).keys, first.keys);
  assert.deepEqual((await b.ok("keys", { user: "b" })).keys, []);
  await b.refused("keys", { user: "nobody" }, "unknown_user");
});

onEachStore("a key beyond MAX_DEVICES is refused and pushes none out, until one is removed", async (start) => {
  for (const [settings, most] of [[{}, 16], [{ MAX_DEVICES: "3" }, 3]] as const) {
    await using server = await start(settings);
    const user = `user${most}`;
    await using a = await server.json();
    await a.ok("register", { user, password: "correct horse battery" });
    const keys = Array.from({ length: most + 1 }, newKey);
    for (const key of keys.slice(0, most)) await a.ok("key", { public: key });
    await a.ok("key", { public: keys[0] });
    const { message } = await a.refused("key", { public: keys[most] }, "forbidden");
    assert.match(message, new RegExp(`${most} device keys.*/keys`));
    assert.deepEqual(publics(await a.ok("keys", { user })), keys.slice(0, most));
    await a.ok("unkey", { public: keys[2] });
    assert.deepEqual(publics(await a.ok("key", { public: keys[most] })), keys.filter((key) => key !== keys[2]));
  }
});

onEachStore("a user's sessions are told of a key that is added or removed, but for who did it", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  await using b = await server.jsonLogin("b");
  await a.expect("b joined lobby");
  await using side = await server.jsonLogin("a", { side: true });
  const key = newKey();
  await side.ok("key", { public: key });
  assert.match(await a.line(), new RegExp(`^\\[SYSTEM\\] The key of a device was added .*: ${key.slice(0, 8)}…`));
  await side.ok("key", { public: key });
  await side.ok("unkey", { public: key });
  await side.ok("unkey", { public: key });
  assert.match(await a.line(), new RegExp(`^\\[SYSTEM\\] The key of a device was removed .*: ${key.slice(0, 8)}…`));
  assert.equal(await a.ask("no more"), "a: no more");
  assert.equal((await b.event()).text, "no more", "nobody else is told");
});

onEachStore("what is no public key is refused", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  const good = newKey();
  const wrong = ["", good.slice(1), `${good}A`, `${good}=`, `${good.slice(0, 42)}B`, `${good.slice(0, 41)}+E`, 7, null];
  for (const key of wrong) {
    await a.refused("key", { public: key }, "usage");
    await a.refused("unkey", { public: key }, "usage");
  }
  await a.refused("key", {}, "usage");
  await using stranger = await server.json();
  await stranger.refused("keys", { user: "a" }, "login_required");
});

onEachStore("an encrypted message passes word for word: live, after a resume, and in the history", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  await a.ok("key", { public: newKey() });
  await b.ok("key", { public: newKey() });
  const keys = await versions(a, "b", "a");
  const sealed = crypto.getRandomValues(new Uint8Array(12_288)).toBase64();
  assert.equal(sealed.length, 16_384);
  const sent = await a.ok("msg", { to: "B", text: note, sealed, keys, cid: "x" });
  assert.deepEqual([sent.topic, sent.text], ["inbox:b", note]);
  const event = await b.event();
  assert.deepEqual([event.type, event.from, event.text, event.sealed, event.cid], ["direct", "a", note, sealed, "x"]);
  const again = await a.ok("msg", { to: "b", text: note, sealed: "QUJD", keys, cid: "x" });
  assert.equal(again.seq, sent.seq, "its cid is known");

  const { positions, resume: token } = b.session;
  b.drop();
  await using back = await server.json();
  await back.ok("resume", { token, positions });
  assert.deepEqual(await back.event(), event);
  assert.deepEqual((await a.ok("history", { user: "b" })).messages, [event]);
  assert.deepEqual((await back.ok("history", { topic: "inbox:b" })).messages, [event]);
  await using person = await server.login("b");
  assert.equal(await person.line(), `DM from a: ${note}`);
});

onEachStore("a message for other devices than there are is refused with the present keys", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  const msg = { to: "B", text: note, sealed: "QUJD" };
  await a.refused("msg", msg, "keys_changed");
  await a.refused("msg", { ...msg, keys: {} }, "keys_changed");
  const before = await versions(a, "a", "b");
  await a.ok("msg", { ...msg, keys: before });
  assert.equal((await b.event()).sealed, "QUJD");
  const key = newKey();
  await b.ok("key", { public: key });
  for (const keys of [before, { ...before, b: null }, { ...before, b: {} }, { b: before.b }, { a: before.a }]) {
    await a.refused("msg", { ...msg, keys }, "keys_changed");
  }
  const { keys } = await a.refused("msg", { ...msg, keys: before, cid: "y" }, "keys_changed");
  assert.deepEqual(Object.keys(keys).sort(), ["a", "b"]);
  assert.deepEqual([publics(keys.b), publics(keys.a)], [[key], []]);
  const { id: _1, type: _2, ...listed } = await a.ok("keys", { user: "b" });
  assert.deepEqual(keys.b, listed);
  const present = { a: keys.a.version, b: keys.b.version };
  await a.ok("msg", { ...msg, keys: { ...present, c: "ignored" }, cid: "y" });
  await a.ok("key", { public: newKey() }); // a device of the sender's own
  await a.refused("msg", { ...msg, keys: present }, "keys_changed");
  await a.refused("msg", { ...msg, keys: "none" }, "usage");
  assert.equal((await b.event()).cid, "y", "what was refused is nowhere");
});

onEachStore("a message that is not encrypted is refused where its sender goes by other devices", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  const before = await versions(a, "a", "b");
  const msg = { to: "B", text: "in the open" };
  await a.ok("msg", msg);
  await a.ok("msg", { ...msg, keys: before });
  await a.ok("msg", { ...msg, keys: { b: before.b } });
  await a.ok("msg", { ...msg, keys: {} }); // who names nobody's devices goes by none
  await b.ok("key", { public: newKey() });
  for (const keys of [before, { b: before.b }, { b: null }]) await a.refused("msg", { ...msg, keys }, "keys_changed");
  const { keys } = await a.refused("msg", { ...msg, keys: { b: before.b }, cid: "x" }, "keys_changed");
  const { id: _1, type: _2, ...listed } = await a.ok("keys", { user: "b" });
  assert.deepEqual(keys.b, listed);
  assert.deepEqual(Object.keys(keys).sort(), ["a", "b"]);
  await a.refused("msg", { ...msg, keys: { a: "other", b: keys.b.version } }, "keys_changed");
  await a.refused("msg", { ...msg, keys: "none" }, "usage");
  await a.ok("msg", { ...msg, keys: { a: keys.a.version, b: keys.b.version }, cid: "x" });
  const events = await b.events(5);
  assert.deepEqual(events.map(({ text, sealed, cid }) => [text, sealed, cid]), [
    ...Array(4).fill(["in the open", undefined, undefined]),
    ["in the open", undefined, "x"],
  ]);
});

onEachStore("messages with and without the devices that they go by keep their order", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  const keys = await versions(a, "b");
  const texts = Array.from({ length: 40 }, (_, index) => `${index}`);
  for (const [index, text] of texts.entries()) a.post("msg", { to: "b", text, ...(index % 3 === 1 ? { keys } : {}) });
  assert.deepEqual((await b.events(texts.length)).map(({ text }) => text), texts);
});

onEachStore("what is no encrypted message is refused", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  const keys = await versions(a, "a", "b");
  const msg = { to: "b", text: note, keys };
  await a.refused("msg", { ...msg, sealed: "A".repeat(16_388) }, "message_too_long");
  for (const sealed of ["", "A", "AAA_", "AA A", 7]) await a.refused("msg", { ...msg, sealed }, "usage");
  await a.refused("msg", { ...msg, to: "nobody", sealed: "AAAA" }, "unknown_user");
  await a.refused("msg", { to: "b", sealed: "AAAA", keys }, "usage"); // those who cannot decrypt see the text
  await a.ok("msg", { ...msg, sealed: "A".repeat(16_384) });
});

onEachStore("encrypted messages and others keep their order, also to oneself", async (start) => {
  await using server = await start({ RATE_LIMIT: "off" });
  await using a = await server.jsonLogin("a");
  const keys = await versions(a, "a");
  const texts = Array.from({ length: 40 }, (_, index) => `${index}`);
  for (const [index, text] of texts.entries()) {
    a.post("msg", { to: "a", text, ...(index % 3 === 1 ? { sealed: "AAAA", keys } : {}) });
  }
  assert.deepEqual((await a.events(texts.length)).map(({ text }) => text), texts);
});

onRedis("keys that are announced at one server are what another compares", async (start) => {
  await using one = await start();
  await using two = await start();
  await using a = await one.jsonLogin("a");
  await using b = await two.jsonLogin("b");
  const before = await versions(a, "a", "b");
  await b.ok("key", { public: newKey() });
  await a.refused("msg", { to: "b", text: note, sealed: "AAAA", keys: before }, "keys_changed");
  await a.ok("msg", { to: "b", text: note, sealed: "AAAA", keys: await versions(a, "a", "b") });
  assert.equal((await b.event()).sealed, "AAAA");
});

onRedis("sessions on other servers are told of a key, and a key beyond the limit is refused on each", async (start) => {
  await using one = await start();
  await using two = await start();
  await using a = await one.jsonLogin("a");
  await using side = await two.jsonLogin("a", { side: true });
  await using other = await one.jsonLogin("a", { side: true });
  const keys = Array.from({ length: 20 }, newKey);
  const answers = await Promise.all([
    ...keys.slice(0, 10).map((key) => side.request("key", { public: key })),
    ...keys.slice(10).map((key) => other.request("key", { public: key })),
  ]);
  assert.equal(answers.filter(({ type }) => type === "ok").length, 16);
  assert.equal(answers.filter(({ code }) => code === "forbidden").length, 4);
  assert.equal(publics(await a.ok("keys", { user: "a" })).length, 16);
  const told = await a.events(16);
  assert.deepEqual(new Set(told.map(({ type, code }) => `${type} ${code}`)), new Set(["system device_key_added"]));
});
