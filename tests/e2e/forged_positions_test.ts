/**
 * Positions that a client made up: they are evidence about that client alone. One that a server has signed still shows
 * what the log has lost.
 */

import assert from "node:assert/strict";
import { eventually, type Json, JsonClient } from "../support/client.ts";
import { onEachStore, type Settings, type TestServer } from "../support/server.ts";
import type { Topic } from "../../lib/wire/names.ts";

const settings: Settings = { RATE_LIMIT: "off" };

const bystanders = ["b1", "b2", "b3", "b4", "b5"];

/** A program of a user who is made for it. */
async function programOf(server: TestServer, user: string): Promise<JsonClient> {
  const client = await JsonClient.open(server);
  client.session = await client.ok("register", { user, password: `${user} has a long one` });
  return client;
}

/** Drops a connection and comes back with positions of one's own. @returns the new connection, with the answer */
async function comeBack(server: TestServer, client: JsonClient, positions: Json): Promise<JsonClient> {
  client.drop();
  const again = await JsonClient.open(server);
  again.session = await again.ok("resume", { token: client.session.resume, positions });
  return again;
}

/** Everything that somebody without the servers' secret may try. */
async function forgeries(server: TestServer, topic: Topic, known: Json): Promise<string[]> {
  const [epoch, seq, id, signature] = (known.pos as string).split(".");
  const foreign = server.store.topics.positions.encode("room:other", { epoch, seq: 99_999_999, id: "aaaaaa" });
  return [
    `${epoch}.99999999.aaaaaa`,
    `${epoch}.9999999999999999.aaaaaa`,
    `${epoch}.${(await server.store.topics.head(topic)).seq + 1}.`,
    `${epoch}.${seq}.aaaaaa`,
    `${epoch}.${seq}.aaaaaa.${signature}`,
    `${epoch}.99999999.${id}.${signature}`,
    `${epoch}.99999999.aaaaaa.aaaaaaaaaaaaa`,
    foreign,
  ];
}

/** The next event of a topic. */
async function next(client: JsonClient, topic: Topic): Promise<Json> {
  for (;;) {
    const event = await client.event();
    if (event.topic === topic) return event;
  }
}

for (const kind of ["room", "feed"] as const) {
  const topic: Topic = kind === "room" ? "room:lobby" : "feed:speaker";
  const cmd = kind === "room" ? "say" : "publish";
  onEachStore(`who shows an impossible position of a ${kind} is alone told of a gap`, async (start) => {
    await using parts = new AsyncDisposableStack();
    const server = parts.use(await start(settings));
    const speaker = parts.use(await programOf(server, "speaker"));
    const readers: JsonClient[] = [];
    for (const user of [...bystanders, "away", "forger"]) {
      const client = parts.use(await programOf(server, user));
      if (kind === "feed") await client.ok("subscribe", { user: "speaker" });
      readers.push(client);
    }
    const say = (text: string) => speaker.ok(cmd, { text });
    for (const text of ["1", "2"]) await say(text);
    const seen = await Promise.all(
      readers.map(async (client) => [await next(client, topic), await next(client, topic)]),
    );
    const away = readers[5];
    await cut(server, away);
    for (const text of ["3", "4", "5"]) await say(text);
    for (const client of readers.slice(0, 5)) {
      for (const text of ["3", "4", "5"]) assert.equal((await next(client, topic)).text, text);
    }
    const before = await server.store.topics.head(topic);

    let forger = readers[6];
    for (const forged of await forgeries(server, topic, seen[6][0])) {
      forger = parts.use(await comeBack(server, forger, { [topic]: forged }));
      assert.equal(forger.session.missed, null, forged);
      const gap = await next(forger, topic);
      assert.deepEqual([gap.type, gap.to], ["gap", null], forged);
      for (const text of ["1", "2", "3", "4", "5"]) assert.equal((await next(forger, topic)).text, text, forged);
      // It is told where the log is from now on, and comes back from there like everybody.
      forger = parts.use(await comeBack(server, forger, { [topic]: gap.pos }));
      assert.equal(forger.session.missed, 5);
      for (const text of ["1", "2", "3", "4", "5"]) assert.equal((await next(forger, topic)).text, text);
      assert.equal((await server.store.topics.head(topic)).epoch, before.epoch, forged);
    }
    // What the server was told is not signed by being kept, and given back.
    const echoed = parts.use(await comeBack(server, forger, { [topic]: `${before.epoch}.99999999.aaaaaa` }));
    const again = parts.use(await comeBack(server, echoed, { [topic]: echoed.session.positions[topic] }));
    assert.equal(again.session.missed, null);
    const unnamed = parts.use(await comeBack(server, again, {}));
    assert.equal((await server.store.topics.head(topic)).epoch, before.epoch);
    unnamed.drop();

    const back = parts.use(await comeBack(server, away, { [topic]: seen[5][1].pos }));
    assert.equal(back.session.missed, 3);
    for (const text of ["3", "4", "5"]) assert.equal((await next(back, topic)).text, text);
    await say("6");
    for (const client of [...readers.slice(0, 5), back]) {
      const event = await next(client, topic);
      assert.deepEqual([event.text, event.seq], ["6", 6]);
    }
  });
}

onEachStore("an impossible position of an inbox marks nothing as read, and loses nothing", async (start) => {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await start(settings));
  const speaker = parts.use(await programOf(server, "speaker"));
  let stranger = parts.use(await programOf(server, "stranger"));
  let owner = parts.use(await programOf(server, "owner"));
  const inbox: Topic = "inbox:owner";
  await speaker.ok("msg", { to: "owner", text: "1" });
  const first = await next(owner, inbox);
  await owner.ok("seen", { pos: first.pos });
  for (const text of ["2", "3", "4"]) await speaker.ok("msg", { to: "owner", text });
  for (const text of ["2", "3", "4"]) assert.equal((await next(owner, inbox)).text, text);
  const { epoch } = await server.store.topics.head(inbox);
  for (const forged of await forgeries(server, inbox, first)) {
    await owner.ok("seen", { pos: forged });
    owner = parts.use(await comeBack(server, owner, { [inbox]: forged }));
    assert.equal(owner.session.missed, null, forged);
    // Another's inbox is not theirs to say anything of.
    stranger = parts.use(await comeBack(server, stranger, { [inbox]: forged }));
    assert.equal((await server.store.topics.head(inbox)).epoch, epoch, forged);
    assert.equal(await server.store.topics.readMark(inbox), 1, forged);
  }
  owner = parts.use(await comeBack(server, owner, { [inbox]: first.pos }));
  assert.equal(owner.session.missed, 3);
  for (const text of ["2", "3", "4"]) assert.equal((await next(owner, inbox)).text, text);
});

onEachStore("a signed position of what no log has any more tells all readers of the loss", async (start) => {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await start(settings));
  const bystander = parts.use(await programOf(server, "bystander"));
  const witness = parts.use(await programOf(server, "witness"));
  for (const text of ["1", "2"]) await bystander.ok("say", { text });
  for (const text of ["1", "2"]) assert.equal((await next(bystander, "room:lobby")).text, text);
  const { topics } = server.store;
  const { epoch } = await topics.head("room:lobby");
  const lost = topics.positions.encode("room:lobby", { epoch, seq: 3, id: "islost" });
  const back = parts.use(await comeBack(server, witness, { "room:lobby": lost }));
  assert.equal(back.session.missed, null);
  const gaps = [await next(bystander, "room:lobby"), await next(back, "room:lobby")];
  assert.deepEqual(gaps.map(({ type, from, to }) => [type, from, to]), [["gap", 3, null], ["gap", 4, null]]);
  for (const text of ["1", "2"]) assert.equal((await next(back, "room:lobby")).text, text);
  await bystander.ok("say", { text: "3" });
  for (const client of [bystander, back]) assert.equal((await next(client, "room:lobby")).text, "3");
  assert.notEqual((await topics.head("room:lobby")).epoch, epoch);
});

onEachStore("whose position is two generations old gets all that the log has, after a gap", async (start) => {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await start(settings));
  const speaker = parts.use(await programOf(server, "speaker"));
  let reader = parts.use(await programOf(server, "reader"));
  await reader.ok("subscribe", { user: "speaker" });
  const { topics } = server.store;
  const say = async (text: string) => {
    await speaker.ok("say", { text });
    await speaker.ok("publish", { text });
    await speaker.ok("msg", { to: "reader", text });
  };
  const all: Topic[] = ["room:lobby", "feed:speaker", "inbox:reader"];
  for (const text of ["1", "2"]) await say(text);
  const positions: Json = {};
  for (const topic of all) {
    const at = await topics.read(topic, { limit: 1 });
    positions[topic] = topics.positions.encode(topic, at.head);
  }
  await cut(server, reader);
  for (const text of ["3", "4"]) {
    for (const topic of all) await topics.renewEpoch(topic, (await topics.head(topic)).epoch);
    await say(text);
  }
  reader = parts.use(await comeBack(server, reader, positions));
  assert.equal(reader.session.missed, null);
  const got = new Map<string, Json[]>(all.map((topic) => [topic, []]));
  for (let count = 0; count < 15; count++) {
    const event = await reader.event();
    got.get(event.topic)!.push(event);
  }
  for (const topic of all) {
    const [gap, ...rest] = got.get(topic)!;
    assert.deepEqual([gap.type, gap.from, gap.to], ["gap", 3, null]);
    assert.deepEqual(rest.map(({ text }) => text), ["1", "2", "3", "4"]);
  }
});

/** Cuts a client off; its session stays. */
async function cut(server: TestServer, client: JsonClient): Promise<void> {
  const before = server.service.connections;
  client.drop();
  await eventually(() => server.service.connections < before, "the server has noticed that a client went");
}
