/** How fast lines are taken: by user, fairly among connections, with one timer for all who wait. */

import assert from "node:assert/strict";
import { Limits } from "../../../lib/limits/limits.ts";
import { peerOf } from "../../../lib/limits/peer.ts";
import { LinePace, PaceQueues } from "../../../lib/server/connection/pace.ts";
import { test } from "../../support/declare.ts";
import { FakeClock, settled } from "../../support/fake_clock.ts";
import { makeLimits } from "../../support/limits.ts";

/** Connections at limits whose time a test moves, and which of them took how many lines. */
function scene(messagesPerSecond: string) {
  const clock = new FakeClock();
  let sleeps = 0;
  const counted = {
    now: () => clock.now(),
    sleep(ms: number, signal?: AbortSignal) {
      sleeps++;
      return clock.sleep(ms, signal);
    },
  };
  const { config, refusals } = makeLimits({ MESSAGES_PER_SECOND: messagesPerSecond });
  const limits = new Limits(config, refusals, () => clock.now());
  const queues = new PaceQueues(limits, counted);
  let connections = 0;
  const connect = (user?: string, address = "192.0.2.1") => {
    const pace = new LinePace(queues, `c${++connections}`, peerOf(address));
    if (user !== undefined) pace.user = user;
    return pace;
  };
  return { clock, config, refusals, limits, connect, sleeps: () => sleeps };
}

/** Takes line after line, for ever; tells how many so far. */
function talk(pace: LinePace, bytes = 0): { count: number } {
  const lines = { count: 0 };
  void (async () => {
    for (; lines.count < 1_000_000; lines.count++) {
      pace.received(bytes);
      await pace.line();
    }
  })();
  return lines;
}

test("LinePace.line() counts by user: ten connections take no more lines than one, and each its share", async () => {
  const { clock, connect, refusals } = scene("10");
  const alone = talk(connect("other"));
  const many = Array.from({ length: 10 }, (_, index) => talk(connect(index % 2 === 0 ? "Eve" : "eve")));
  await settled();
  const total = () => many.reduce((sum, { count }) => sum + count, 0);
  assert.deepEqual([alone.count, total()], [100, 100]);
  const before = many.map(({ count }) => count);
  await clock.advance(10_000);
  assert.deepEqual([alone.count, total()], [200, 200]);
  assert.deepEqual(many.map(({ count }, index) => count - before[index]), Array(10).fill(10), "turns go round");
  assert.ok(refusals.messages.value > 0);
});

test("LinePace.line() has one timer for all connections of a user that wait, and none while nobody does", async () => {
  const { clock, connect, sleeps } = scene("10");
  const connections = Array.from({ length: 32 }, () => connect("eve"));
  const lines = connections.map((pace) => talk(pace));
  await settled();
  const before = sleeps();
  await clock.advance(1_000);
  assert.ok(sleeps() - before <= 11, `${sleeps() - before} sleeps for 10 lines`);
  for (const pace of connections) pace.end();
  await settled();
  const at = sleeps();
  await clock.advance(5_000);
  assert.equal(sleeps(), at);
  assert.ok(lines.every(({ count }) => count > 0));
});

test("LinePace.line() costs as much as its bytes do, and what is owed is waited for by the next", async () => {
  const { clock, connect } = scene("1");
  const eve = connect("eve");
  eve.received(9 * 4_096);
  await eve.line();
  const next = talk(eve, 4_096);
  await settled();
  assert.equal(next.count, 0);
  await clock.advance(1_000);
  assert.equal(next.count, 1);
  await clock.advance(2_000);
  assert.equal(next.count, 2);
});

test("LinePace.unfinished() counts what comes of a line without an end", async () => {
  const { clock, connect } = scene("1");
  const eve = connect(undefined);
  let pieces = 0;
  void (async () => {
    for (; pieces < 100; pieces++) {
      eve.received(4_096);
      await eve.unfinished();
    }
  })();
  await settled();
  assert.equal(pieces, 10);
  await clock.advance(5_000);
  assert.equal(pieces, 15);
});

test("LinePace.refund() gives back what bytes have cost", async () => {
  const { connect } = scene("1");
  const eve = connect("eve");
  for (let chunk = 0; chunk < 9; chunk++) {
    eve.received(4 * 4_096);
    await eve.line();
    eve.refund(4 * 4_096);
  }
  const last = talk(eve);
  await settled();
  assert.equal(last.count, 1);
});

test("LinePace.line() counts guests by connection, and those of a network together", async () => {
  const { clock, connect } = scene("1");
  const one = talk(connect(undefined, "192.0.2.1"));
  await settled();
  assert.equal(one.count, 10);
  const others = Array.from({ length: 50 }, () => talk(connect(undefined, "::ffff:192.0.2.1")));
  await settled();
  const total = () => others.reduce((sum, { count }) => sum + count, one.count);
  assert.equal(total(), 100);
  const elsewhere = talk(connect(undefined, "192.0.2.2"));
  const member = talk(connect("eve", "192.0.2.1"));
  await settled();
  assert.deepEqual([elsewhere.count, member.count], [10, 10]);
  await clock.advance(10_000);
  assert.equal(total(), 200);
});

test("LinePace.end() lets a connection go that waits, and the others have its turn", async () => {
  const { clock, connect } = scene("0.1");
  const [first, gone, last] = [connect("eve"), connect("eve"), connect("eve")];
  await first.line();
  let left = false;
  void gone.line()!.then(() => left = true);
  const lines = talk(last);
  await settled();
  assert.equal(left, false);
  gone.end();
  await settled();
  assert.equal(left, true);
  await clock.advance(10_000);
  assert.equal(lines.count, 1);
});

test("LinePace.line() waits no longer than the limit as it is now says", async () => {
  const { clock, connect, config } = scene("0.1");
  const eve = connect("eve");
  await eve.line();
  let taken = false;
  void eve.line()!.then(() => taken = true);
  await clock.advance(2_000);
  assert.equal(taken, false);
  Object.assign(config, { rateLimit: false });
  await clock.advance(1_000);
  assert.equal(taken, true);
});

const history = { answerBytes: 1_048_576, carriesFile: false };

test("LinePace.ran() has long answers cost their bytes, and parts of files and short answers none", async () => {
  const { clock, connect } = scene("10");
  const pace = connect("eve");
  for (
    const [command, bytes] of [[{ ...history, carriesFile: true }, 4e6], [{ ...history, answerBytes: 0 }, 4e6]] as const
  ) {
    pace.ran(command, bytes, undefined);
  }
  for (let i = 0; i < 50; i++) await pace.line();
  pace.ran(history, 100 * 4_096, undefined);
  await pace.line(); // it owes the rest: 101 tokens of the 50 that were left
  const next = talk(pace);
  await settled();
  assert.equal(next.count, 0);
  await clock.advance(5_000);
  assert.equal(next.count, 0);
  await clock.advance(300);
  assert.ok(next.count >= 1 && next.count <= 3, `${next.count}`);
});

test("LinePace.ran() slows a connection down whose attempts to log in are refused, and no other", async () => {
  const { clock, connect } = scene("10");
  const [guesser, other] = [connect(), connect()];
  guesser.ran(history, 0, "invalid_credentials");
  await guesser.line();
  for (let i = 0; i < 2; i++) guesser.ran(history, 0, "too_many_attempts");
  const [slow, quick] = [talk(guesser), talk(other)];
  await settled();
  assert.deepEqual([slow.count, quick.count], [0, 100]);
  await clock.advance(11_000);
  assert.ok(slow.count >= 1 && slow.count <= 15, `${slow.count}`);
});
