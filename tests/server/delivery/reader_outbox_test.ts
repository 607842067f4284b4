/** What joins an outbox to the topics: read marks of those who read text, and what a fault tells a reader. */

import assert from "node:assert/strict";
import { Outbox } from "../../../lib/server/delivery/outbox.ts";
import { ReaderOutbox } from "../../../lib/server/delivery/reader_outbox.ts";
import type { ErrorEvent, Format } from "../../../lib/wire/event.ts";
import { test } from "../../support/declare.ts";
import { microturns } from "../../support/streams.ts";
import { turn } from "../../support/turns.ts";

const line = new TextEncoder().encode("line\n");

/** A reader whose sink takes what the test lets it take, and all that came of it. */
function makeReader(format: Format, markRead?: () => Promise<boolean>) {
  const marks: [string, number][] = [];
  const ends: ErrorEvent[] = [];
  let take = () => {};
  const sink = { write: ({ length }: Uint8Array) => new Promise<number>((resolve) => take = () => resolve(length)) };
  const outbox = new Outbox(sink, microturns, 1_000);
  const topics = {
    markRead: (inbox: string, seq: number) => {
      marks.push([inbox, seq]);
      return markRead?.() ?? Promise.resolve(true);
    },
  };
  const connection = { id: "c", format, outbox, end: (last: ErrorEvent) => void ends.push(last) };
  const reader = new ReaderOutbox({ user: "Eve", many: false, connection, topics, replayBelow: 4 });
  return { reader, outbox, marks, ends, take: () => take() };
}

test("ReaderOutbox.push() moves the read mark of an inbox once the text is written", async () => {
  const { reader, marks, take } = makeReader("text");
  reader.push(line, "inbox:eve", 3);
  reader.push(line, "room:lobby", 8);
  reader.push(line, "inbox:eve", 4);
  reader.push(line, "inbox:eve", undefined);
  await turn();
  assert.deepEqual(marks, []);
  take();
  await turn();
  assert.deepEqual(marks, [["inbox:eve", 4]]);
});

test("ReaderOutbox.push() leaves the read mark of a program to the program", async () => {
  const { reader, marks, take } = makeReader("json");
  reader.push(line, "inbox:eve", 3);
  await turn();
  take();
  await turn();
  assert.deepEqual(marks, []);
});

test("ReaderOutbox goes on where the store cannot take a read mark", async () => {
  const { reader, marks, take } = makeReader("text", () => Promise.reject(new Error("away")));
  for (const seq of [1, 2]) {
    reader.push(line, "inbox:eve", seq);
    await turn();
    take();
    await turn();
  }
  assert.deepEqual([marks.length, reader.closed], [2, false]);
});

test("ReaderOutbox.drained() resolves when all but so many bytes are written", async () => {
  const { reader, outbox, take } = makeReader("json");
  reader.push(line, "room:lobby", 1);
  let drained = false;
  void reader.drained().then(() => drained = true);
  await turn();
  assert.equal(drained, false);
  take();
  await turn();
  assert.deepEqual([drained, reader.closed], [true, false]);
  outbox.close();
  assert.equal(reader.closed, true);
});

test("ReaderOutbox.fail() closes the connection and gives both sides one reference", () => {
  const { reader, ends } = makeReader("json");
  const reference = reader.fail();
  const message = `Something went wrong; its reference is ${reference}`;
  assert.deepEqual(ends, [{ type: "error", code: "internal", message }]);
});
