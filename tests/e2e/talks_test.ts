/** `history` of a talk, page by page, on both stores. */

import assert from "node:assert/strict";
import type { Json, JsonClient } from "../support/client.ts";
import { onEachStore } from "../support/server.ts";

function texts(messages: readonly Json[]): string[] {
  return messages.map(({ text }) => text as string);
}

/** Sends many messages at once, so that several share a millisecond. */
async function burst(client: JsonClient, to: string, texts: readonly string[]): Promise<void> {
  for (const text of texts) client.post("msg", { to, text });
  for (const _ of texts) assert.equal((await client.reply()).type, "ok");
}

function counted(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index}`);
}

onEachStore("history pages through a talk from its end, both ways, while new messages arrive", async (start) => {
  await using server = await start({ MESSAGES_PER_SECOND: "1000", MAX_INBOX_PER_SENDER: "1000" });
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  await using c = await server.jsonLogin("c");
  const sent = [...counted("a", 40), ...counted("b", 40)];
  await Promise.all([
    burst(a, "b", counted("a", 40)),
    burst(b, "a", counted("b", 40)),
    burst(c, "a", counted("c", 40)),
  ]);
  const all = (await a.ok("history", { user: "b", n: 500 })).messages as Json[];
  assert.deepEqual(texts(all).toSorted(), sent.toSorted());
  for (const name of ["a", "b"]) assert.deepEqual(texts(all.filter(({ from }) => from === name)), counted(name, 40));
  const received = (await a.ok("history", { topic: "inbox:a", n: 500 })).messages as Json[];
  assert.deepEqual(all.filter(({ from }) => from === "b"), received.filter(({ from }) => from === "b"));

  const found: Json[] = [];
  for (let n = 1;; n++) {
    const before = found.length === 0 ? {} : { before: found[0].pos };
    const { messages } = await a.ok("history", { user: "B", n, ...before }) as Json & { messages: Json[] };
    if (messages.length === 0) break;
    found.unshift(...messages);
    await Promise.all([burst(a, "b", [`later ${n}`]), burst(b, "a", [`later ${n}`]), burst(c, "b", ["more"])]);
  }
  assert.deepEqual(found, all);
});

onEachStore("history of a talk takes a pos of this talk, and of nothing else", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  await using c = await server.jsonLogin("c");
  await burst(c, "b", ["secret"]);
  await burst(a, "b", ["one", "two"]);
  await burst(a, "a", ["note"]);
  const [secret] = (await b.ok("history", { user: "c" })).messages;
  const [one, two] = (await a.ok("history", { user: "b" })).messages;
  assert.deepEqual((await a.ok("history", { user: "b", before: two.pos })).messages, [one]);
  assert.deepEqual((await b.ok("history", { user: "a", before: two.pos })).messages, [one]);
  assert.deepEqual((await b.ok("history", { user: "a", before: null })).messages, [one, two]);
  const { messages: [note, ...others] } = await a.ok("history", { user: "a" });
  assert.deepEqual([note.text, others], ["note", []]);
  assert.deepEqual((await a.ok("history", { user: "a", before: note.pos })).messages, []);
  for (
    const before of [secret.pos, note.pos, two.pos.replace(/^[^.]*.[^.]*./, "$&x"), "x", "", 2, 0, -1, 1.5, true, {}]
  ) {
    await a.refused("history", { user: "b", before }, "usage");
  }
  for (const topic of [{}, { room: "lobby" }, { topic: "inbox:a" }]) {
    await a.refused("history", { ...topic, before: note.pos }, "usage");
  }
  assert.deepEqual((await a.ok("history", { topic: "inbox:a", before: 1 })).messages, []);
  await a.refused("history", { user: "nobody" }, "unknown_user");
});

onEachStore(
  "what one has sent is a topic of one's own, and history goes on before any pos of a talk",
  async (start) => {
    await using server = await start();
    await using a = await server.jsonLogin("a");
    await using b = await server.jsonLogin("b");
    await b.ok("msg", { to: "a", text: "one" });
    const { topic, seq, time } = await a.ok("msg", { to: "b", text: "two", cid: "second" });
    await a.ok("msg", { to: "a", text: "a note" });
    await b.ok("msg", { to: "a", text: "three" });
    const { messages } = await a.ok("history", { user: "b" });
    assert.deepEqual(texts(messages), ["one", "two", "three"]);
    assert.deepEqual([messages[1].topic, messages[1].seq, messages[1].time], [topic, seq, time]);
    assert.deepEqual([topic, seq], ["inbox:b", 1]);
    const { messages: [copy, ...others] } = await a.ok("history", { topic: "sent:a" });
    const { pos: _, ...known } = copy;
    assert.deepEqual(known, {
      type: "direct",
      topic: "sent:a",
      seq: 1,
      from: "a",
      to: "b",
      text: "two",
      time,
      cid: "second",
    });
    assert.deepEqual(others, []);
    for (const [at, { pos }] of messages.entries()) {
      assert.deepEqual((await a.ok("history", { user: "b", before: pos })).messages, messages.slice(0, at));
    }
    assert.deepEqual((await a.ok("history", { user: "b", before: copy.pos })).messages, messages.slice(0, 1));
    await b.refused("history", { topic: "sent:a" }, "forbidden");
    await using side = await server.jsonLogin("b", { side: true });
    await side.refused("history", { topic: "sent:a" }, "forbidden");
  },
);

onEachStore("talks lists one's talks with what is unread in each, apart from the inbox's mark", async (start) => {
  await using server = await start();
  await using a = await server.jsonLogin("a");
  await using b = await server.jsonLogin("b");
  await using c = await server.jsonLogin("c");
  const talks = async (more = {}): Promise<Json[]> => (await a.ok("talks", more)).talks;
  const seen = async () => (await talks()).map(({ user, unread }) => [user, unread]);
  assert.deepEqual(await talks(), []);
  for (const text of ["one", "two"]) await b.ok("msg", { to: "a", text });
  await c.ok("msg", { to: "a", text: "three" });
  const received: Json[] = (await a.ok("history", { topic: "inbox:a" })).messages;
  await a.ok("seen", { pos: received[2].pos });
  assert.deepEqual(await seen(), [["c", 1], ["b", 2]]);
  await a.ok("seen", { user: "B", pos: received[0].pos });
  await a.ok("msg", { to: "b", text: "four" });
  assert.deepEqual(await seen(), [["b", 1], ["c", 1]]);
  const [mine, third] = await talks();
  const { messages: [copy] } = await a.ok("history", { topic: "sent:a" });
  assert.deepEqual([mine.pos, mine.time, third.pos], [copy.pos, copy.time, received[2].pos]);
  assert.deepEqual(await talks({ n: 1 }), [mine]);
  assert.deepEqual(await talks({ n: 1, before: mine.pos }), [third]);
  assert.deepEqual(await talks({ before: third.pos }), []);
  await a.ok("seen", { user: "b", pos: mine.pos });
  await a.ok("seen", { user: "b", pos: received[0].pos }); // never back
  assert.deepEqual(await seen(), [["b", 0], ["c", 1]]);
  await a.refused("seen", { user: "b", pos: received[2].pos }, "usage");
  await a.refused("seen", { user: "nobody", pos: mine.pos }, "unknown_user");
  await a.refused("talks", { before: "x" }, "usage");
});
