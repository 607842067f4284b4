/** What topic readers promise: from a position on, no hole and no double between replay and stream, at the reader's pace. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ChatError } from "../../../lib/common/errors.ts";
import type { LogPosition } from "../../../lib/store/log_position.ts";
import { test } from "../../support/declare.ts";
import { FakeTopics } from "../../support/fake_topics.ts";
import { makeTopicReaders, numbers } from "../../support/streams.ts";
import { turn, until } from "../../support/turns.ts";

const lobby = "room:lobby";

/** Writes messages that nobody hears of. */
function write(topics: FakeTopics, count: number): void {
  for (let i = 0; i < count; i++) topics.write(lobby);
}

/** The position of a reader that has had nothing yet. */
function beginning(topics: FakeTopics): LogPosition {
  return { epoch: topics.position(lobby).epoch, seq: 0, id: "" };
}

test("TopicReaders.start() from the stream's position pushes what comes, without reading the log", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  write(topics, 3);
  readers.start(lobby, await readers.open(lobby));
  topics.say(lobby);
  topics.say(lobby);
  assert.deepEqual(reader.got, ["4", "5"]);
  assert.equal(topics.count("read"), 0);
});

test("TopicReaders pushes nothing before start(), and then what came since open()", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  const position = await readers.open(lobby);
  for (let i = 0; i < 5; i++) topics.say(lobby);
  await turn();
  assert.deepEqual(reader.got, []);
  readers.start(lobby, position);
  topics.say(lobby);
  await turn();
  topics.say(lobby);
  assert.deepEqual(reader.got, numbers(1, 7));
});

test("TopicReaders.start() from an earlier position replays the log and then goes on live", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  write(topics, 2);
  const position = topics.position(lobby);
  write(topics, 250);
  await readers.open(lobby);
  readers.start(lobby, position);
  topics.say(lobby);
  await turn();
  topics.say(lobby);
  assert.deepEqual(reader.got, numbers(3, 254));
});

test("TopicReaders replays at the pace of its reader: a page is read when the last is written", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  write(topics, 350);
  await readers.open(lobby);
  const pages = [];
  reader.writing = Promise.withResolvers();
  readers.start(lobby, beginning(topics));
  for (let page = 1; reader.got.length < 350; page++) {
    await turn();
    assert.equal(topics.count("read"), page);
    pages.push(reader.got.length);
    const { writing } = reader;
    reader.writing = Promise.withResolvers();
    writing.resolve();
    await turn();
  }
  assert(pages.length >= 3 && pages[0] <= 101, pages.join(" "));
  assert.deepEqual(reader.got, numbers(1, 350));
  reader.writing.resolve();
});

test("TopicReaders replays its topics in turns: one page of any of them at a time", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  const rooms = ["room:a", "room:b", "room:c"] as const;
  for (const room of rooms) for (let i = 0; i < 150; i++) topics.write(room);
  for (const room of rooms) await readers.open(room);
  reader.writing = Promise.withResolvers();
  for (const room of rooms) readers.start(room, { ...topics.position(room), seq: 0, id: "" });
  for (let page = 1; reader.got.length < 450; page++) {
    await turn();
    assert.equal(topics.count("read"), page, "the next is read when the last is written");
    const { writing } = reader;
    reader.writing = Promise.withResolvers();
    writing.resolve();
    await turn();
  }
  const begun = reader.got.slice(0, 310).filter((number) => number === "1");
  assert.equal(begun.length, 3, "each has its turn, before one has a second");
  reader.writing.resolve();
});

test("TopicReaders.stop() ends a replay, and what is live", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  write(topics, 250);
  await readers.open(lobby);
  reader.writing = Promise.withResolvers();
  readers.start(lobby, beginning(topics));
  await turn();
  const { length } = reader.got;
  readers.stop(lobby);
  reader.writing.resolve();
  await turn();
  topics.say(lobby);
  assert.equal(reader.got.length, length);
  assert.deepEqual([readers.has(lobby), topics.subscriptions, topics.count("read")], [false, 0, 1]);
  readers.start(lobby, await readers.open(lobby));
  readers.stop(lobby);
  topics.say(lobby);
  await turn();
  assert.deepEqual([reader.got.length, topics.subscriptions], [length, 0]);
  readers.stop(lobby);
  readers.start(lobby, topics.position(lobby));
  assert.deepEqual(readers.positions(), {});
});

test("TopicReaders.stop() while a page is read pushes nothing of it", async () => {
  const topics: FakeTopics = new FakeTopics((what, work) => {
    if (what.startsWith("answer to read")) parts.readers.stop(lobby);
    return Promise.resolve().then(work);
  });
  await using parts = makeTopicReaders(topics);
  write(topics, 5);
  await parts.readers.open(lobby);
  parts.readers.start(lobby, beginning(topics));
  await turn();
  assert.deepEqual([parts.reader.got, topics.count("read"), topics.subscriptions], [[], 1, 0]);
});

test("TopicReaders ends a replay when its connection is closed", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  write(topics, 250);
  await readers.open(lobby);
  reader.writing = Promise.withResolvers();
  readers.start(lobby, beginning(topics));
  await turn();
  reader.closed = true;
  reader.writing.resolve();
  await turn();
  assert.equal(topics.count("read"), 1);
});

test("TopicReaders.open() rejects where the store is away, and can be tried again", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers } = parts;
  topics.failures = 1;
  await assert.rejects(readers.open(lobby), (error) => (error as ChatError).code === "store_unavailable");
  assert.equal(readers.has(lobby), false);
  await readers.open(lobby);
  assert.equal(topics.subscriptions, 1);
});

test("TopicReaders.open() rejects, and leaves nothing open, where it was stopped meanwhile", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers } = parts;
  const opening = readers.open(lobby);
  readers.stopAll();
  await assert.rejects(opening, ChatError);
  await turn();
  assert.equal(topics.subscriptions, 0);
});

test("TopicReaders.open() twice keeps one subscription, which ends with the one stop()", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers } = parts;
  await readers.open(lobby);
  await readers.open(lobby);
  readers.stop(lobby);
  await turn();
  assert.equal(topics.subscriptions, 0);
});

test("TopicReaders goes on with a replay after reads that failed, without a hole", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  write(topics, 150);
  await readers.open(lobby);
  topics.failures = 1;
  readers.start(lobby, beginning(topics));
  await until("the replay has gone on", () => reader.got.length === 150);
  assert.deepEqual(reader.got, numbers(1, 150));
});

test("TopicReaders closes the connection, and says why, where a replay fails though the store is there", async () => {
  const fault = new TypeError("an entry that nobody can read");
  const topics: FakeTopics = new FakeTopics((what, work) =>
    what.startsWith("read") ? Promise.reject(fault) : Promise.resolve().then(work)
  );
  await using parts = makeTopicReaders(topics);
  const { readers, reader, faults } = parts;
  write(topics, 5);
  await readers.open(lobby);
  readers.start(lobby, beginning(topics));
  await turn();
  assert.deepEqual([topics.count("read"), reader.failures, reader.got], [1, 1, []]);
  assert.deepEqual(faults, [[lobby, fault, "fault 1"]]);
});

test("TopicReaders keeps a feed's copy of what was said in a room from who is in that room, replayed and live", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  const from = { ...topics.position("feed:a") };
  for (const room of ["lobby", "general", undefined]) topics.write("feed:a", room === undefined ? {} : { room });
  await readers.open("feed:a");
  readers.start("feed:a", from);
  await turn();
  for (const room of ["lobby", "general"]) topics.say("feed:a", { room });
  assert.deepEqual(reader.got, ["2", "3", "5"]);
});

test("TopicReaders.positions() gives the position in each topic: opened, replaying, live", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  write(topics, 250);
  const opened = topics.position(lobby);
  const opening = readers.open(lobby);
  assert.deepEqual(readers.positions(), {});
  await opening;
  topics.say(lobby);
  assert.deepEqual(readers.positions(), { [lobby]: opened });
  reader.writing = Promise.withResolvers();
  readers.start(lobby, beginning(topics));
  await turn();
  assert.equal(readers.positions()[lobby].seq, reader.got.length);
  reader.writing.resolve();
  await turn();
  topics.say(lobby);
  assert.deepEqual(readers.positions(), { [lobby]: topics.position(lobby) });
});

test("TopicReaders.positions() says so where a replay has overtaken the stream", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  write(topics, 1);
  await readers.open(lobby);
  const unheard = topics.write(lobby);
  readers.start(lobby, beginning(topics));
  await turn();
  assert.deepEqual(reader.got, ["1", "2"]);
  assert.deepEqual(readers.positions(), { [lobby]: topics.position(lobby) });
  topics.tell(lobby, unheard);
  topics.say(lobby);
  assert.deepEqual(readers.positions(), { [lobby]: topics.position(lobby) });
  assert.deepEqual(reader.got, ["1", "2", "3"]);
});

test("TopicReaders pushes every message once and in order, however replay, stream and answers interleave", async () => {
  const step = fc.constantFrom("say", "say", "lose the signal", "twice", "interrupted", "check", "settle");
  const from = fc.nat({ max: 5 });
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(step, { maxLength: 25 }), from, async (s, steps, from) => {
      const topics = new FakeTopics((what, work) => s.schedule(Promise.resolve(), what).then(work));
      const parts = makeTopicReaders(topics);
      const { relay, reader, readers } = parts;
      const live = parts.other();
      reader.drained = live.reader.drained = () => s.schedule(Promise.resolve(), "drained");
      const positions = [topics.position(lobby)];
      for (let i = 0; i < 5; i++) {
        topics.write(lobby);
        positions.push(topics.position(lobby));
      }
      const now = await s.waitFor(live.readers.open(lobby));
      live.readers.start(lobby, now);
      const opening = readers.open(lobby).then(() => readers.start(lobby, positions[from]));
      for (const step of steps) {
        if (step === "settle") await s.waitIdle();
        else if (step === "check") void relay.check();
        else if (step === "interrupted") topics.signal(lobby, { kind: "interrupted" });
        else {
          const entry = topics.write(lobby);
          if (step !== "lose the signal") topics.tell(lobby, entry);
          if (step === "twice") topics.tell(lobby, entry);
        }
        if (s.count() > 0) await s.waitOne();
      }
      await s.waitFor(opening);
      await s.waitFor(relay.check());
      await s.waitIdle();
      const { seq } = topics.position(lobby);
      assert.deepEqual(reader.got, numbers(from + 1, seq));
      assert.deepEqual(live.reader.got, numbers(now.seq + 1, seq));
      assert.deepEqual(readers.positions(), { [lobby]: topics.position(lobby) });
      await s.waitFor(Promise.resolve(parts[Symbol.asyncDispose]()));
      assert.equal(topics.subscriptions, 0);
    }),
    { numRuns: 300 },
  );
});

test("TopicReaders.stopAll() lets go of every topic", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers } = parts;
  for (const topic of [lobby, "feed:a", "inbox:b"] as const) readers.start(topic, await readers.open(topic));
  await readers.open("feed:c");
  assert.equal(topics.subscriptions, 4);
  readers.stopAll();
  await turn();
  assert.equal(topics.subscriptions, 0);
});
