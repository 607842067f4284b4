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
  assert.deepEqual(all.map(({ time }) => time), all.map(({ time }) => time as string).toSorted());

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
