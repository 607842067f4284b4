/** One connection's answers: counted by user or network, and given up where nobody reads them. */

import assert from "node:assert/strict";
import { peerOf } from "../../../lib/limits/peer.ts";
import { AnswerBudget } from "../../../lib/server/connection/answer_budget.ts";
import { AnswerShare } from "../../../lib/server/connection/answer_share.ts";
import { test } from "../../support/declare.ts";
import { settled } from "../../support/fake_clock.ts";

/** Connections of one server, each with a queue that a test fills. */
function scene() {
  const budget = new AnswerBudget(() => 100);
  const refused: string[] = [];
  const host = {
    answers: budget,
    config: { maxQueueBytes: 100 },
    services: { limits: { refused: (name: string) => void refused.push(name) } },
  };
  const connect = (address = "192.0.2.1") => {
    const outbox = {
      ...{ pending: 0, stalledMs: 0, answering: false, given: false },
      written: () => Promise.resolve(),
      giveUp() {
        this.given = true;
      },
    };
    return { outbox, share: new AnswerShare(outbox, peerOf(address), host) };
  };
  return { connect, refused };
}

/** Whether a promise is kept by now. */
async function isKept(promise: Promise<unknown>): Promise<boolean> {
  let kept = false;
  void promise.then(() => kept = true);
  await settled();
  return kept;
}

test("AnswerShare.tick() gives up a peer that takes nothing of an answer for 45 s, and none that only listens", () => {
  const { connect, refused } = scene();
  const { outbox, share } = connect();
  Object.assign(outbox, { pending: 10, stalledMs: 60_000 });
  share.tick();
  assert.equal(outbox.given, false, "what waits are events");
  Object.assign(outbox, { answering: true, stalledMs: 44_999 });
  share.tick();
  assert.equal(outbox.given, false);
  outbox.stalledMs = 45_000;
  share.tick();
  assert.deepEqual([outbox.given, refused], [true, ["answers"]]);
});

test("AnswerShare.make() waits for the connections of the same user, on this server, and for no others", async () => {
  const { connect } = scene();
  const [one, two, other, guest] = [connect(), connect(), connect(), connect()];
  one.share.user = "Eve";
  two.share.user = "eve";
  other.share.user = "bob";
  one.outbox.pending = 350;
  const made: string[] = [];
  const make = (name: string, { share }: typeof one) => share.make(100, () => Promise.resolve(void made.push(name)));
  const waiting = make("two", two);
  await Promise.all([make("other", other), make("guest", guest)]);
  assert.equal(await isKept(waiting), false);
  assert.deepEqual(made, ["other", "guest"]);
  one.share.user = undefined;
  await waiting;
  assert.deepEqual(made, ["other", "guest", "two"]);
  const again = make("two", two);
  await again;
});

test("AnswerShare.make() lets go of what it has reserved, however the answer ends", async () => {
  const { connect } = scene();
  const { share } = connect();
  for (let i = 0; i < 10; i++) {
    await assert.rejects(share.make(400, () => Promise.reject(new Error("a fault"))), /a fault/);
  }
  await share.make(400, () => Promise.resolve());
  share.leave();
  share.user = "eve"; // its login was under way
  await share.room();
});
