/** What topic readers promise where the log does not go on from the reader's position: a gap, never silence. */

import assert from "node:assert/strict";
import type { LogPosition } from "../../../lib/store/log_position.ts";
import { test } from "../../support/declare.ts";
import type { FakeTopics } from "../../support/fake_topics.ts";
import { assertBegunAnew, makeTopicReaders, numbers } from "../../support/streams.ts";
import { turn } from "../../support/turns.ts";

const lobby = "room:lobby";

/** Writes messages that nobody hears of. */
function write(topics: FakeTopics, count: number): void {
  for (let i = 0; i < count; i++) topics.write(lobby);
}

/** The position of a reader that has had nothing yet. */
function beginning(topics: FakeTopics): LogPosition {
  return { epoch: topics.position(lobby).epoch, seq: 0, id: "" };
}

test("TopicReaders tells of a gap, from and to, where the log does not reach back to the position", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  write(topics, 2);
  const position = topics.position(lobby);
  write(topics, 8);
  topics.trim(lobby, 6);
  await readers.open(lobby);
  readers.start(lobby, position);
  await turn();
  topics.say(lobby);
  assert.deepEqual(reader.got, [`gap 3..5 then ${position.epoch}.5.`, ...numbers(6, 11)]);
});

test("TopicReaders tells of a gap without an end where the log was lost, and gives all of the new one", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  write(topics, 9);
  const position = topics.position(lobby);
  topics.lose(lobby);
  write(topics, 3);
  await readers.open(lobby);
  readers.start(lobby, position);
  await turn();
  topics.say(lobby);
  assert.deepEqual(reader.got, [`gap 10.. then ${topics.position(lobby).epoch}.0.`, ...numbers(1, 4)]);
});

for (const [messages, head] of Object.entries({ fewer: 3, "as many": 5, more: 8 })) {
  test(`TopicReaders tells of a gap where the log was rolled back and has gone on with ${messages}`, async () => {
    await using parts = makeTopicReaders();
    const { topics, readers, reader } = parts;
    write(topics, 5);
    const position = topics.position(lobby);
    topics.rollBack(lobby, 2);
    write(topics, head - 2);
    await readers.open(lobby);
    readers.start(lobby, position);
    await turn();
    topics.say(lobby);
    await turn();
    assertBegunAnew([...numbers(1, 5), ...reader.got], 5, topics, lobby);
  });
}

test("TopicReaders goes on where the log is lost in the middle of a replay, and the stream has not noticed yet", async () => {
  await using parts = makeTopicReaders();
  const { topics, readers, reader } = parts;
  write(topics, 250);
  await readers.open(lobby);
  reader.writing = Promise.withResolvers();
  readers.start(lobby, beginning(topics));
  await turn();
  const read = reader.got.length;
  topics.lose(lobby);
  write(topics, 2);
  reader.writing.resolve();
  await turn();
  topics.say(lobby);
  await turn();
  const gap = `gap ${read + 1}.. then ${topics.position(lobby).epoch}.0.`;
  assert.deepEqual(reader.got, [...numbers(1, read), gap, "1", "2", "3"]);
  assert(topics.count("read") < 12, `${topics.count("read")} reads`);
});
