/** Messages that are deleted: on both stores, from outside. */

import assert from "node:assert/strict";
import { eventually, type Json, JsonClient, type TextClient } from "../support/client.ts";
import { makeFile, upload } from "../support/files.ts";
import { onEachStore, onRedis, type TestServer } from "../support/server.ts";

/** The next event of that type. */
async function next(client: JsonClient, type: string): Promise<Json> {
  for (;;) {
    const event = await client.event();
    if (event.type === type) return event;
  }
}

async function history(client: JsonClient, fields: Json): Promise<Json[]> {
  return (await client.ok("history", fields)).messages;
}

/** What a history shows of each message. */
function shown(messages: Json[]): unknown[] {
  return messages.map(({ seq, text, deleted }) => [seq, text, deleted ?? false]);
}

/** Typed deletions, with the people on one server or on two. */
async function typed(one: TestServer, a: TextClient, b: TextClient): Promise<void> {
  await a.until("b joined lobby");
  assert.match(await a.ask("/delete"), /^\[ERROR\] usage: There is no message of yours in lobby/);
  for (const text of ["first", "second", "third"]) {
    await a.ask(text);
    await b.expect(`a: ${text}`);
  }
  assert.equal(await a.ask("/delete"), "Deleted a message of a");
  await b.expect("[SYSTEM] a deleted a message of a");
  assert.equal(await a.ask("/delete A 2"), "Deleted a message of a");
  await b.expect("[SYSTEM] a deleted a message of a");
  assert.match(await b.ask("/delete a"), /^\[ERROR\] forbidden: Only a and the moderators may delete that$/);
  assert.match(await b.ask("/delete a 2"), /^\[ERROR\] usage: There are not so many messages of a in lobby/);
  await b.send("/history");
  const lines = [await b.line(), await b.line(), await b.line()].map((line) => line.replace(/^\[[^\]]*\] /, ""));
  assert.deepEqual(lines, ["a: (deleted)", "a: second", "a: (deleted)"]);
  assert.ok(await one.store.admin.setRole("b", "moderator"));
  assert.equal(await b.ask("/delete a"), "Deleted a message of a");
  await a.expect("[SYSTEM] b deleted a message of a");
}

onEachStore("people delete what they wrote, and moderators what others wrote", async (start) => {
  await using server = await start();
  await using a = await server.login("a");
  await using b = await server.login("b");
  await typed(server, a, b);
});

onRedis("people of two servers delete what they wrote, and moderators what others wrote", async (start) => {
  await using one = await start();
  await using two = await start();
  await using a = await one.login("a");
  await using b = await two.login("b");
  await typed(one, a, b);
});

onEachStore("a deleted message keeps its number, and its text, file and copies are gone", async (start) => {
  await using server = await start({ FOLLOW_ROOM_MESSAGES: "on" });
  await using a = await JsonClient.many(server, "a");
  await using b = await server.jsonLogin("b");
  await using c = await server.jsonLogin("c");
  await c.ok("subscribe", { user: "a" });
  await c.ok("join", { room: "away" });
  const file = await makeFile(2_000);
  const id = await upload(a, file, { room: "lobby" });
  const said = await a.ok("say", { room: "lobby", text: "secret", cid: "c1", file: id });
  const copy = await next(c, "notification");
  assert.equal(copy.text, "secret");
  await a.ok("say", { room: "lobby", text: "more" });
  const { pos: _, ...deleted } = await a.ok("delete", { topic: said.topic, seq: said.seq });
  assert.deepEqual([deleted.topic, deleted.seq, deleted.user], ["room:lobby", 1, "a"]);
  assert.deepEqual(shown(await history(b, {})), [[1, "", true], [2, "more", false]]);
  const [message] = await history(b, { n: 2 });
  assert.deepEqual([message.file, message.from, message.cid], [undefined, "a", "c1"]);
  await b.refused("download", { file: id, n: 0 }, "unknown_file");
  assert.deepEqual(shown(await history(c, { topic: "feed:a" })), [[1, "", true], [2, "more", false]]);

  const event = await next(b, "deleted");
  assert.deepEqual({ ...event, pos: "" }, {
    type: "deleted",
    topic: "room:lobby",
    seq: 1,
    by: "a",
    from: "a",
    pos: "",
  });
  const inFeed = await next(c, "deleted");
  assert.deepEqual([inFeed.topic, inFeed.seq], ["feed:a", copy.seq]);
  const again = await a.ok("say", { room: "lobby", text: "secret", cid: "c1" });
  assert.equal(again.seq, 1);
  assert.equal((await a.ok("delete", { topic: said.topic, seq: said.seq })).seq, 1);
  await b.refused("delete", { topic: "room:lobby", seq: 2 }, "forbidden");
  await a.refused("delete", { topic: "room:lobby", seq: 9 }, "usage");
  await a.refused("delete", { topic: "room:lobby" }, "usage");
  await c.refused("delete", { topic: "room:lobby", seq: 2 }, "wrong_room");
  // The feed's number stands for the room's message.
  assert.deepEqual((await a.ok("delete", { topic: "feed:a", seq: 2 })).topic, "room:lobby");
});

onEachStore(
  "a private message is deleted by its author alone, on all devices and at the recipient's",
  async (start) => {
    await using server = await start({ DUPLICATE_LOGIN: "share" });
    await using a = await JsonClient.many(server, "a", { device: "one" });
    await using other = await JsonClient.many(server, "a", { device: "two" });
    await using b = await JsonClient.many(server, "b");
    const said = await a.ok("msg", { to: "b", text: "secret" });
    await a.ok("msg", { to: "b", text: "more" });
    const sent = await next(other, "direct");
    assert.deepEqual([sent.topic, sent.text], ["sent:a", "secret"]);
    assert.equal((await next(b, "direct")).text, "secret");
    await b.refused("delete", { topic: "inbox:b", seq: said.seq }, "forbidden");
    await b.refused("delete", { topic: "inbox:a", seq: 1 }, "usage");
    assert.equal((await a.ok("delete", { topic: sent.topic, seq: sent.seq })).topic, "inbox:b");
    for (const client of [a, b]) {
      const messages = await history(client, { user: client === a ? "b" : "a" });
      assert.deepEqual(messages.map(({ text, deleted }) => [text, deleted]), [["", true], ["more", undefined]]);
    }
    assert.deepEqual((await next(b, "deleted")).topic, "inbox:b");
    assert.deepEqual((await next(other, "deleted")).topic, "sent:a");
    const mine = await a.ok("msg", { to: "a", text: "note" });
    assert.equal((await a.ok("delete", { topic: mine.topic, seq: mine.seq })).user, "a");
  },
);

onEachStore("who resumes hears what was deleted of what it has, and gets the rest as deleted", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  const { resume: token, positions } = a.session;
  await using b = await server.jsonLogin("b");
  await b.ok("say", { text: "one" });
  const had = await next(a, "message");
  await a[Symbol.asyncDispose]();
  await b.ok("say", { text: "two" });
  await b.ok("say", { text: "three" });
  for (const seq of [1, 2]) await b.ok("delete", { topic: "room:lobby", seq });

  const resume = async (token: string, known: Json) => {
    const client = await JsonClient.open(server);
    client.session = await client.ok("resume", { token, positions: known });
    return client;
  };
  let kept = { ...positions, "room:lobby": had.pos };
  await using back = await resume(token, kept);
  const seen: Json[] = [];
  while (!(seen.some(({ seq }) => seq === 3) && seen.some(({ type, seq }) => type === "deleted" && seq === 2))) {
    seen.push(await back.event());
  }
  const replayed = seen.filter(({ type }) => type === "message");
  assert.deepEqual(shown(replayed), [[2, "", true], [3, "three", false]]);
  const told = seen.filter(({ type }) => type === "deleted");
  assert.deepEqual(told.map(({ seq }) => seq), [1, 2]);

  // What the deletion told as its position is safe to keep.
  kept = { ...kept, "room:lobby": told[0].pos };
  const { resume: newer } = back.session;
  await back[Symbol.asyncDispose]();
  await using again = await resume(newer, kept);
  assert.equal(again.session.missed, 0);
  await b.ok("say", { text: "four" });
  const message = await next(again, "message");
  assert.equal(message.text, "four");
});

onEachStore("authors may delete for as long as the configuration says, moderators always", async (start) => {
  await using server = await start({ DELETE_OWN_SECONDS: "0" });
  await using a = await server.login("a");
  await a.ask("hello");
  await eventually(async () => /^\[ERROR\] forbidden: /.test(await a.ask("/delete")), "the message is too old");
  await server.store.admin.setRole("a", "moderator");
  assert.equal(await a.ask("/delete"), "Deleted a message of a");
});
