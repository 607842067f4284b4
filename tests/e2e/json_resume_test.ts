/**
 * Coming back: resume tokens, positions, replay and gaps, on both stores.
 */

import { peerOf } from "../../lib/limits/peer.ts";
import assert from "node:assert/strict";
import { eventually, type Json, type JsonClient } from "../support/client.ts";
import { onEachStore, type TestServer } from "../support/server.ts";

/** Cuts a client off, and waits until its server has noticed. */
async function cut(client: JsonClient, server: TestServer): Promise<void> {
  const before = server.service.connections;
  client.drop();
  await eventually(() => server.service.connections < before, "the server has noticed that a client went");
}

const texts = (events: Json[]) => events.map(({ topic, text }) => `${topic} ${text}`);

onEachStore(
  "a client that was cut off is back in its room, and gets what it missed in order, then goes on",
  async (start) => {
    await using server = await start();
    await using b = await server.login("b");
    await using first = await server.jsonLogin("a");
    await first.ok("subscribe", { user: "b" });
    const { positions } = await first.ok("join", { room: "general" });
    await b.until("a left lobby");
    await b.ask("/join general");
    await b.ask("seen");
    const seen = (await first.events(2))[1];
    assert.equal(seen.text, "seen");
    await cut(first, server);
    for (const line of ["1", "/publish 2", "/msg a 3", "4", "/publish 5"]) await b.ask(line);

    await using again = await server.json();
    again.session = await again.ok("resume", {
      token: first.session.resume,
      positions: { ...first.session.positions, ...positions, "room:general": seen.pos, "inbox:b": "x", nonsense: 1 },
    });
    assert.deepEqual([again.session.user, again.session.room], ["a", "general"]);
    assert.deepEqual(Object.keys(again.session.positions).sort(), ["feed:b", "inbox:a", "room:general"]);
    const missed = texts(await again.events(5));
    assert.deepEqual(missed.filter((text) => text.startsWith("room")), ["room:general 1", "room:general 4"]);
    assert.deepEqual(missed.filter((text) => text.startsWith("feed")), ["feed:b 2", "feed:b 5"]);
    assert.ok(missed.includes("inbox:a 3"));
    await b.ask("live");
    assert.deepEqual(texts([await again.event()]), ["room:general live"]);
    assert.equal((await again.ok("say", { text: "back" })).topic, "room:general");
    await b.expect("a: back"); // and nothing of its going and coming
  },
);

onEachStore("a session that was quit goes on, with its token, from where it stood", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  await using first = await server.jsonLogin("a");
  await b.expect("a joined lobby");
  await b.ask("before");
  assert.equal((await first.event()).text, "before");
  await first.ok("quit");
  await b.expect("a left lobby");
  await b.ask("meanwhile");
  await using again = await server.json();
  const back = await again.ok("resume", { token: first.session.resume });
  assert.equal(back.missed, 1);
  assert.deepEqual(texts(await again.events(1)), ["room:lobby meanwhile"]);
});

onEachStore("a resume into a log that was begun anew does not say how much was missed", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  await using first = await server.jsonLogin("a");
  await b.expect("a joined lobby");
  await b.ask("before");
  assert.equal((await first.event()).text, "before");
  await cut(first, server);
  await b.ask("meanwhile");
  await b.ask("/join general"); // nobody reads the room any more
  const { epoch } = await server.store.topics.head("room:lobby");
  await server.store.topics.renewEpoch("room:lobby", epoch);
  await using again = await server.json();
  const back = await again.ok("resume", { token: first.session.resume });
  assert.equal(back.missed, null);
  assert.equal((await again.event()).type, "gap");
});

onEachStore("what a resume does not name goes on from where the session stood", async (start) => {
  await using server = await start();
  await using b = await server.login("b");
  await using first = await server.jsonLogin("a");
  await b.expect("a joined lobby");
  await b.ask("before");
  assert.equal((await first.event()).text, "before");
  await cut(first, server);
  await b.ask("meanwhile");
  await using again = await server.json();
  await again.ok("resume", { token: first.session.resume });
  assert.equal((await again.event()).text, "meanwhile");
});

onEachStore("rooms hear of a cut-off client only when it has not come back within 5 s", async (start) => {
  await using server = await start();
  await using watcher = await server.login("c");
  await using b = await server.jsonLogin("b");
  await using a = await server.jsonLogin("a");
  await watcher.expect("b joined lobby", "a joined lobby");
  await cut(a, server);
  await cut(b, server);
  const since = performance.now();
  assert.equal(await watcher.ask("/users"), "Users online: a, b, c");
  await using again = await server.json();
  await again.ok("resume", { token: a.session.resume });
  await watcher.expect("b left lobby"); // not a, who went first
  const waited = performance.now() - since;
  assert.ok(waited > 4_500 && waited < 7_000, `b's place was kept for ${waited} ms`);
  assert.equal(await watcher.ask("/users"), "Users online: a, c");
  await using late = await server.json();
  assert.equal((await late.ok("resume", { token: b.session.resume })).room, "lobby"); // its token is good all the same
  await watcher.expect("b joined lobby");
});

onEachStore("a token is good until its successor is used", async (start) => {
  await using server = await start();
  const resume = async (token: string, expected: "ok" | "refused"): Promise<string> => {
    await using client = await server.json();
    const reply = await client.request("resume", { token });
    assert.equal(reply.code, expected === "ok" ? undefined : "invalid_credentials");
    return reply.resume;
  };
  await using client = await server.jsonLogin("a");
  const lost = await resume(client.session.resume, "ok"); // its answer is taken for lost
  const second = await resume(client.session.resume, "ok");
  await resume(lost, "refused");
  const third = await resume(second, "ok");
  await resume(client.session.resume, "refused");
  await resume(third, "ok");
});

onEachStore("a resume takes the place of its own live connection, whatever the policy", async (start) => {
  await using server = await start({ DUPLICATE_LOGIN: "reject" });
  await using watcher = await server.login("b");
  await using dead = await server.jsonLogin("a");
  await watcher.expect("a joined lobby");
  await using client = await server.json();
  await client.ok("resume", { token: dead.session.resume });
  await watcher.ask("hello");
  assert.equal((await client.event()).text, "hello");
  const last = (await dead.rest()).map((line) => JSON.parse(line)).filter(({ type }) => type === "system");
  assert.deepEqual(last.map(({ code }) => code), ["forced_logout"]);
});

onEachStore("a newer login, a logout and a new password make tokens worthless", async (start) => {
  await using server = await start();
  await using client = await server.json();
  const worthless = (token: string) => client.refused("resume", { token }, "invalid_credentials");
  for (const token of ["", "nonsense", "a.", "a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "nobody.x", "a\n.x"]) {
    await client.refused("resume", { token }, token === "" || token.includes("\n") ? "usage" : "invalid_credentials");
  }
  await using forced = await server.jsonLogin("a");
  await using newer = await server.login("a");
  await worthless(forced.session.resume);
  assert.equal(await newer.ask("/whoami"), "a in lobby on server1");

  await using b = await server.jsonLogin("b");
  await b.ok("logout");
  await worthless(b.session.resume);

  await using c = await server.jsonLogin("c");
  const { resume } = await c.ok("passwd", { old: "1", new: "long enough" });
  await worthless(c.session.resume);
  await client.ok("resume", { token: resume });
});

onEachStore("under reject, a token that a newer login revoked is told that there is one", async (start) => {
  await using server = await start({ DUPLICATE_LOGIN: "reject" });
  await using first = await server.jsonLogin("a");
  await cut(first, server);
  await using newer = await server.login("a"); // a dropped connection does not stand against a login
  await using again = await server.json();
  await again.refused("resume", { token: first.session.resume }, "already_logged_in");
  assert.equal(await newer.ask("/whoami"), "a in lobby on server1");
});

onEachStore("the longest name can resume", async (start) => {
  await using server = await start();
  const user = "n".repeat(32);
  await server.accounts.register(user, "long enough", peerOf("127.0.0.1"));
  await using client = await server.jsonLogin(user, { password: "long enough" });
  await using again = await server.json();
  await again.ok("resume", { token: client.session.resume });
});

onEachStore("where the log no longer reaches back, a gap comes first", async (start) => {
  await using server = await start({ HISTORY_MAX_MESSAGES: "10", RATE_LIMIT: "off" });
  await using b = await server.login("b");
  await using a = await server.jsonLogin("a");
  await b.expect("a joined lobby");
  await b.ask("seen");
  const { pos } = await a.event();
  await cut(a, server);
  for (let n = 2; n <= 200; n++) await b.send(`${n}`);
  await b.until("b: 200");
  await using again = await server.json();
  await again.ok("resume", { token: a.session.resume, positions: { "room:lobby": pos } });
  const { pos: next, ...gap } = await again.event();
  const first = gap.to + 1;
  assert.deepEqual(gap, { type: "gap", topic: "room:lobby", from: 2, to: gap.to });
  assert.ok(first > 100 && first <= 191, `the log begins with ${first}`);
  const kept = await again.events(200 - first + 1);
  assert.deepEqual(kept.map(({ seq }) => seq), Array.from(kept, (_, index) => first + index));
  assert.deepEqual(kept.at(-1)!.text, "200");
  assert.equal(typeof next, "string");
});

onEachStore("a resume with 300 follows, and one of 256 KiB, goes through; a longer one does not", async (start) => {
  await using server = await start();
  const { accounts, topics } = server.store;
  const feeds = Array.from({ length: 300 }, (_, index) => `user${index}`);
  for (const name of feeds) {
    await accounts.create({ name, hash: "", role: "user", created: 0 });
    await accounts.follow("a", name, 1000);
  }
  await using client = await server.jsonLogin("a");
  assert.equal(Object.keys(client.session.positions).length, 302);
  await cut(client, server);
  for (const name of feeds) await topics.publish(`feed:${name}`, { from: name, text: "missed" }, undefined);
  let { resume: token } = client.session;
  const { positions } = client.session;
  {
    await using again = await server.json();
    token = (await again.ok("resume", { token, positions })).resume;
    const missed = new Set((await again.events(300)).map(({ topic }) => topic));
    assert.equal(missed.size, 300);
    await cut(again, server);
  }
  await using again = await server.json();
  const request = (bytes: number) => {
    const short = JSON.stringify({ id: "long", cmd: "resume", token, pad: "" });
    return JSON.stringify({ id: "long", cmd: "resume", token, pad: "x".repeat(bytes - short.length) });
  };
  await again.send(request(256 * 1024 + 1));
  assert.equal((await again.event()).code, "line_too_long");
  await again.send(request(256 * 1024));
  assert.deepEqual([(await again.reply()).type], ["ok"]);
});
