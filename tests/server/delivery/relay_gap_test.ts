/** What the relay promises where a log is shorter than a hole, lost or rolled back: a gap, never silence. */

import assert from "node:assert/strict";
import { test } from "../../support/declare.ts";
import type { FakeTopics } from "../../support/fake_topics.ts";
import type { Relay } from "../../../lib/server/delivery/relay.ts";
import { assertBegunAnew, makeRelay, numbers } from "../../support/streams.ts";
import { turn } from "../../support/turns.ts";

const lobby = "room:lobby";

/** Writes messages that nobody hears of, until the log has so many. */
function writeUpTo(topics: FakeTopics, seq: number): void {
  while (topics.position(lobby).seq < seq) topics.write(lobby);
}

test("Relay tells of a gap, from and to, where the log is shorter than the hole", async () => {
  await using parts = makeRelay();
  const { topics, relay, outlet } = parts;
  await relay.acquire(lobby);
  topics.say(lobby);
  writeUpTo(topics, 9);
  topics.trim(lobby, 6);
  topics.say(lobby);
  await turn();
  const { epoch } = topics.position(lobby);
  assert.deepEqual(outlet.said, ["1", `gap 2..5 then ${epoch}.5.`, ...numbers(6, 10)]);
});

/** How a relay can come to know that its log is another. */
const notices: Record<string, (relay: Relay, topics: FakeTopics) => unknown> = {
  "by check()": (relay) => relay.check(),
  "by refresh()": (relay) => relay.refresh(lobby),
  "after an interruption": (_, topics) => topics.signal(lobby, { kind: "interrupted" }),
  "by the next message": (_, topics) => topics.say(lobby),
};

for (const [how, notice] of Object.entries(notices)) {
  test(`Relay finds ${how} that the log was lost: a gap without an end, then all of the new one`, async () => {
    await using parts = makeRelay({ pageSize: 2 });
    const { topics, relay, outlet } = parts;
    await relay.acquire(lobby);
    for (let i = 0; i < 5; i++) topics.say(lobby);
    topics.lose(lobby);
    writeUpTo(topics, 3);
    await notice(relay, topics);
    await turn();
    topics.say(lobby);
    const { epoch, seq } = topics.position(lobby);
    assert.deepEqual(outlet.said, [...numbers(1, 5), `gap 6.. then ${epoch}.0.`, ...numbers(1, seq)]);
  });

  for (const [messages, head] of Object.entries({ "fewer messages": 3, "as many messages": 5, "more messages": 8 })) {
    // The number of a message that is old by it may as well be a late one's: only its successor tells.
    if (how === "by the next message" && head === 3) continue;
    test(`Relay finds ${how} that the log was rolled back and has gone on with ${messages}: a gap`, async () => {
      await using parts = makeRelay();
      const { topics, relay, outlet } = parts;
      await relay.acquire(lobby);
      for (let i = 0; i < 5; i++) topics.say(lobby);
      topics.rollBack(lobby, 2);
      writeUpTo(topics, head);
      await notice(relay, topics);
      await turn();
      topics.say(lobby);
      await turn();
      assertBegunAnew(outlet.said, 5, topics, lobby);
    });
  }
}

test("Relay finds that the log was rolled back when another message comes under the last number", async () => {
  await using parts = makeRelay();
  const { topics, relay, outlet } = parts;
  await relay.acquire(lobby);
  topics.say(lobby);
  topics.say(lobby);
  topics.rollBack(lobby, 1);
  topics.say(lobby);
  await turn();
  topics.say(lobby);
  await turn();
  assertBegunAnew(outlet.said, 2, topics, lobby);
});

test("Relay is not kept busy by a late message of a log that is no more", async () => {
  await using parts = makeRelay();
  const { topics, relay, outlet } = parts;
  await relay.acquire(lobby);
  const { epoch } = topics.position(lobby);
  for (let i = 0; i < 50; i++) topics.say(lobby);
  const late = topics.write(lobby);
  topics.lose(lobby);
  topics.say(lobby);
  await turn();
  topics.tell(lobby, late, epoch);
  await turn();
  const reads = topics.count("read");
  topics.say(lobby);
  assert.equal(outlet.said.at(-1), "2", "passed on at once, so nothing is being filled");
  assert.equal(topics.count("read"), reads);
});
