import assert from "node:assert/strict";
import type { Item, SaidItem } from "../../../lib/client/tui/text/item.ts";
import { type Range, search } from "../../../lib/client/tui/search.ts";
import { test } from "../fakes.ts";

const minute = (n: number) => new Date(2026, 10, 21, 9, n);

function said(seq: number | undefined, text: string, fields: Partial<SaidItem> = {}): SaidItem {
  const at = minute(seq ?? 0);
  return {
    kind: "said",
    how: "room",
    user: "b",
    text,
    mention: false,
    own: false,
    at,
    topic: "room:ops",
    seq,
    ...fields,
  };
}

/** A server that has these messages of a room or a talk, and what it was asked for. */
function server(...messages: SaidItem[]) {
  const asked: Range[] = [];
  const history = (range: Range) => {
    asked.push(range);
    const end = messages.findIndex(({ seq, pos }) => range.before === (range.user === undefined ? seq : pos));
    return Promise.resolve(messages.slice(0, end < 0 ? undefined : end).slice(-range.n));
  };
  return { asked, history };
}

const textsOf = (items: readonly SaidItem[]) => items.map(({ text }) => text);

test("search() looks through the room page by page, and at all that was said on the screen", async () => {
  const messages = Array.from({ length: 1_200 }, (_, index) => said(index + 1, index % 600 === 0 ? "a Needle" : "hay"));
  const { asked, history } = server(...messages);
  const onScreen: Item[] = [
    said(1_200, "hay"),
    said(601, "needle of another room", { topic: "room:lobby" }),
    said(7, "needle for you", { how: "direct", topic: "inbox:a" }),
    said(undefined, "needle for carol", { how: "direct_sent", user: "carol", topic: undefined, at: minute(2_000) }),
    { kind: "line", tone: "note", text: "a needle of the client's own", at: minute(0) },
  ];
  const { items, read } = await search("nEEDLE", undefined, onScreen, history);
  assert.deepEqual(textsOf(items), [
    "a Needle",
    "needle for you",
    "a Needle",
    "needle of another room",
    "needle for carol",
  ]);
  assert.equal(read, 1_200);
  assert.deepEqual(asked, [{ n: 500 }, { n: 500, before: 701 }, { n: 500, before: 201 }]);
});

test("search() of a talk finds what the two said to each other, once each, and nothing else", async () => {
  const talk = { topic: "inbox:a" };
  const { asked, history } = server(
    said(5, "needle one", { how: "direct", ...talk }),
    said(6, "needle two", { how: "direct_sent", topic: "inbox:b" }),
  );
  const onScreen = [
    said(5, "needle one", { how: "direct", ...talk }),
    said(undefined, "needle two", { how: "direct_sent", topic: undefined, at: minute(6) }),
    said(undefined, "needle two", { how: "direct_sent", topic: undefined, at: minute(7) }), // said once more
    said(9, "needle in the room"),
    said(4, "needle from carol", { how: "direct", user: "carol", ...talk }),
  ];
  const { items } = await search("needle", "B", onScreen, history);
  assert.deepEqual(textsOf(items), ["needle one", "needle two", "needle two"]);
  assert.deepEqual(asked, [{ n: 500, user: "B" }]);
  // Without a server there is the screen.
  const there = await search("needle", "carol", onScreen, () => Promise.resolve(undefined));
  assert.deepEqual([textsOf(there.items), there.read], [["needle from carol"], 0]);
});

test("search() looks through a talk page by page, by the positions of its messages", async () => {
  const messages = Array.from({ length: 700 }, (_, index) => {
    const text = index % 400 === 0 ? "a needle" : "hay";
    return said(index % 2, text, { how: "direct", pos: `pos ${index}`, at: minute(index), topic: `inbox:${index}` });
  });
  const { asked, history } = server(...messages);
  const { items, read } = await search("needle", "b", [], history);
  assert.deepEqual([textsOf(items), read], [["a needle", "a needle"], 700]);
  assert.deepEqual(asked, [{ n: 500, user: "b" }, { n: 500, before: "pos 200", user: "b" }]);
});

test("search() shows the newest of very many, and asks for no more than it shows", async () => {
  const { asked, history } = server(
    ...Array.from({ length: 900 }, (_, index) => said(index + 1, `needle ${index + 1}`)),
  );
  const { items } = await search("needle", undefined, [], history);
  assert.deepEqual([items.length, items[0].text, items.at(-1)!.text], [200, "needle 701", "needle 900"]);
  assert.equal(asked.length, 1);
});

test("search() goes on behind a page that is short because its messages are long", async () => {
  const messages = Array.from(
    { length: 500 },
    (_, index) => said(index + 1, index === 0 ? "needle" : "x".repeat(4_000)),
  );
  const { history } = server(...messages);
  const { items } = await search("needle", undefined, [], async (range) => (await history(range))?.slice(-200));
  assert.deepEqual(textsOf(items), ["needle"]);
});
