/** What the relay promises: each topic in the order of its numbers, each message once, from as long as it is followed. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Follower } from "../../../lib/server/delivery/hub.ts";
import { test } from "../../support/declare.ts";
import { FakeTopics } from "../../support/fake_topics.ts";
import { makeRelay, numbers } from "../../support/streams.ts";
import { turn, until } from "../../support/turns.ts";

const lobby = "room:lobby";

test("Relay.acquire() subscribes once for all followers, until the last is gone", async () => {
  await using parts = makeRelay();
  const { topics, relay } = parts;
  await Promise.all([relay.acquire(lobby), relay.acquire(lobby)]);
  await relay.acquire(lobby);
  relay.release(lobby);
  relay.release(lobby);
  await turn();
  assert.deepEqual([topics.count("subscribe"), topics.subscriptions], [1, 1]);
  relay.release(lobby);
  await turn();
  assert.equal(topics.subscriptions, 0);
  await relay.acquire(lobby);
  assert.deepEqual([topics.count("subscribe"), topics.subscriptions], [2, 1]);
});

test("Relay.release() before the subscription runs takes it away as well", async () => {
  await using parts = makeRelay();
  const acquired = parts.relay.acquire(lobby);
  parts.relay.release(lobby);
  await acquired;
  await turn();
  assert.equal(parts.topics.subscriptions, 0);
});

test("Relay.acquire() rejects where the store is away, leaves nothing behind, and works again later", async () => {
  await using parts = makeRelay();
  const { topics, relay } = parts;
  topics.failures = 1;
  const both = await Promise.allSettled([relay.acquire(lobby), relay.acquire(lobby)]);
  assert.deepEqual(both.map(({ status }) => status), ["rejected", "rejected"]);
  await turn();
  assert.equal(topics.subscriptions, 0);
  await relay.acquire(lobby);
  assert.equal(topics.subscriptions, 1);
});

test("Relay.acquire() closes the subscription again where the head cannot be read", async () => {
  let allowed = 1; // the subscription, and no more
  const topics = new FakeTopics((what, work) => {
    if (what.startsWith("head") && allowed-- > 0) return Promise.reject(new Error("away"));
    return Promise.resolve().then(work);
  });
  await using parts = makeRelay({ topics });
  await assert.rejects(parts.relay.acquire(lobby), /away/);
  await turn();
  assert.deepEqual([topics.count("subscribe"), topics.subscriptions], [1, 0]);
  await parts.relay.acquire(lobby);
});

test("Relay passes on what comes after the position of a topic, in order, each once", async () => {
  await using parts = makeRelay();
  const { topics, relay, outlet } = parts;
  for (let i = 0; i < 3; i++) topics.say(lobby);
  await relay.acquire(lobby);
  assert.deepEqual(relay.position(lobby), topics.position(lobby));
  const fourth = topics.say(lobby);
  const fifth = topics.say(lobby);
  assert.deepEqual(outlet.said, ["4", "5"]);
  assert.deepEqual(relay.position(lobby), topics.position(lobby));
  for (const entry of [fifth, fourth, fourth]) topics.tell(lobby, entry);
  await turn();
  assert.deepEqual(outlet.said, ["4", "5"]);
  assert.equal(topics.count("read"), 0);
});

test("Relay passes on once what is published while it subscribes", async () => {
  const topics = new FakeTopics();
  await using parts = makeRelay({ topics });
  const acquired = parts.relay.acquire(lobby);
  // Between each two steps of the start, one message: some before the head is read, some heard and in the head.
  const said = [];
  for (let i = 0; i < 12; i++) {
    said.push(topics.say(lobby).seq);
    await Promise.resolve();
  }
  await acquired;
  await turn();
  const { seq } = topics.position(lobby);
  assert.equal(parts.relay.position(lobby).seq, seq);
  const first = Number(parts.outlet.said[0]);
  assert(first > 1 && first < seq, `from ${first}`);
  assert.deepEqual(parts.outlet.said, numbers(first, seq));
});

test("Relay passes on what is published between the reading of the head and its answer, and nothing after it", async () => {
  const topics: FakeTopics = new FakeTopics((what, work) => {
    if (what.startsWith("answer to head")) topics.say(lobby);
    return Promise.resolve().then(work);
  });
  await using parts = makeRelay({ topics });
  await parts.relay.acquire(lobby);
  assert.deepEqual(parts.outlet.said, ["1"]);
});

test("Relay fills a hole from the log before it passes on anything newer", async () => {
  await using parts = makeRelay({ pageSize: 2 });
  const { topics, relay, outlet } = parts;
  await relay.acquire(lobby);
  topics.say(lobby);
  for (let i = 0; i < 5; i++) topics.write(lobby);
  topics.say(lobby);
  assert.deepEqual(outlet.said, ["1"]);
  topics.say(lobby);
  topics.say(lobby);
  await turn();
  assert.deepEqual(outlet.said, numbers(1, 9));
  topics.say(lobby);
  assert.deepEqual(outlet.said, numbers(1, 10), "what comes next goes straight on");
});

test("Relay.check() finds a lost last message, and reads no log where nothing is missing", async () => {
  await using parts = makeRelay();
  const { topics, relay, outlet } = parts;
  await relay.acquire(lobby);
  topics.say(lobby);
  topics.write(lobby);
  topics.write(lobby);
  await relay.check();
  await turn();
  assert.deepEqual(outlet.said, numbers(1, 3));
  const reads = topics.count("read");
  await relay.check();
  await turn();
  assert.equal(topics.count("read"), reads);
});

test("Relay fills what was missed after an interruption, before anything that is heard then", async () => {
  await using parts = makeRelay();
  const { topics, relay, outlet } = parts;
  await relay.acquire(lobby);
  topics.say(lobby);
  topics.write(lobby);
  topics.signal(lobby, { kind: "interrupted" });
  topics.say(lobby);
  topics.signal(lobby, { kind: "interrupted" });
  await turn();
  assert.deepEqual(outlet.said, numbers(1, 3));
});

test("Relay tries again until a hole can be read, and says what failed", async () => {
  await using parts = makeRelay();
  const { topics, relay, outlet, faults } = parts;
  await relay.acquire(lobby);
  topics.write(lobby);
  topics.failures = 3;
  topics.say(lobby);
  await until("the hole is filled", () => outlet.said.length === 2);
  assert.deepEqual(outlet.said, ["1", "2"]);
  assert.equal(faults.length, 3);
});

test("Relay.check() reports a store that is away and finds the message the next time", async () => {
  await using parts = makeRelay();
  const { topics, relay, outlet, faults } = parts;
  await relay.acquire(lobby);
  topics.write(lobby);
  topics.failures = 1;
  await relay.check();
  assert.deepEqual([outlet.said, faults.length], [[], 1]);
  await relay.check();
  await turn();
  assert.deepEqual(outlet.said, ["1"]);
});

test("Relay passes presence on to everybody but its subject", async () => {
  await using parts = makeRelay();
  await parts.relay.acquire("room:general");
  parts.topics.signal("room:general", { kind: "presence", user: "a", state: "left", claim: 1 });
  assert.deepEqual(parts.outlet.said, ["a left general"]);
  const follower = (user: string): Follower => ({
    encoding: "text",
    connection: "c",
    user,
    isIn: (room) => room === "general",
    push: () => {},
  });
  assert.deepEqual(["a", "b"].map((user) => parts.outlet.skips!(follower(user))), [true, false]);
});

test("Relay keeps a feed's copy of what was said in a room from those in that room", async () => {
  await using parts = makeRelay();
  await parts.relay.acquire("feed:a");
  parts.topics.say("feed:a", { room: "general" });
  const follower = (room: string | undefined): Follower => ({
    encoding: "text",
    connection: "c",
    user: "b",
    isIn: (name) => name === room,
    push: () => {},
  });
  const rooms = ["general", "lobby", undefined];
  assert.deepEqual(rooms.map((room) => parts.outlet.skips!(follower(room))), [true, false, false]);
});

test("Relay delivers nothing after it is released or disposed of, though it was filling a hole", async () => {
  for (const end of ["release", "dispose"] as const) {
    const { topics, relay, outlet } = makeRelay();
    await relay.acquire(lobby);
    topics.write(lobby);
    topics.say(lobby);
    if (end === "release") relay.release(lobby);
    await relay[Symbol.asyncDispose]();
    topics.say(lobby);
    await turn();
    assert.deepEqual([outlet.said, topics.subscriptions], [[], 0]);
  }
});

test("Relay is disposed of while it waits to try again", async () => {
  const { topics, relay } = makeRelay({ retryMs: 3_600_000 });
  await relay.acquire(lobby);
  topics.write(lobby);
  topics.failures = 1;
  topics.say(lobby);
  await turn();
  await relay[Symbol.asyncDispose]();
  assert.equal(topics.subscriptions, 0);
});

test("Relay passes on every message once and in order, however signals, losses and answers interleave", async () => {
  const step = fc.constantFrom("say", "say", "lose the signal", "twice", "late", "interrupted", "check", "settle");
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(step, { maxLength: 30 }),
      fc.integer({ min: 1, max: 3 }),
      async (s, steps, pageSize) => {
        const topics = new FakeTopics((what, work) => s.schedule(Promise.resolve(), what).then(work));
        const { relay, outlet } = makeRelay({ pageSize, topics });
        topics.write(lobby);
        const acquired = relay.acquire(lobby);
        await s.waitFor(acquired);
        let late = topics.write(lobby);
        for (const step of steps) {
          if (step === "settle") await s.waitIdle();
          else if (step === "check") void relay.check();
          else if (step === "interrupted") topics.signal(lobby, { kind: "interrupted" });
          else if (step === "late") topics.tell(lobby, late);
          else if (step === "lose the signal") late = topics.write(lobby);
          else {for (let times = step === "twice" ? 2 : 1, entry = topics.write(lobby); times > 0; times--) {
              topics.tell(lobby, entry);
            }}
          if (s.count() > 0) await s.waitOne();
        }
        await s.waitFor(relay.check());
        await s.waitIdle();
        assert.deepEqual(outlet.said, numbers(2, topics.position(lobby).seq));
        assert.deepEqual(relay.position(lobby), topics.position(lobby));
        await s.waitFor(relay[Symbol.asyncDispose]());
      },
    ),
    { numRuns: 300 },
  );
});
