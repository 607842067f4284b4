/** What answers may take that nobody reads, for all connections of a user together. */

import assert from "node:assert/strict";
import { AnswerBudget, type Answered } from "../../../lib/server/connection/answer_budget.ts";
import { test } from "../../support/declare.ts";
import { FakeClock, settled } from "../../support/fake_clock.ts";

/** A connection with so much waiting. */
function connection(pending: number, stalledMs = 0): Answered & { pending: number; stalledMs: number; given: boolean } {
  return {
    pending,
    stalledMs,
    given: false,
    giveUp() {
      this.given = true;
      this.pending = 0;
    },
  };
}

/** A budget of 400 bytes a key, and what of its promises was kept. */
function scene(...connections: Answered[]) {
  const clock = new FakeClock();
  const budget = new AnswerBudget(() => 100, clock);
  for (const each of connections) budget.join("a", each);
  const asked: (boolean | undefined)[] = [];
  const ask = (from: Answered, bytes: number) => {
    const index = asked.push(undefined) - 1;
    void Promise.resolve(budget.reserve("a", from, bytes)).then((reserved) => asked[index] = reserved);
  };
  return { clock, budget, asked, ask };
}

test("AnswerBudget.reserve() gives no more than the limit at once, first come first", async () => {
  const [a, b, c] = [connection(0), connection(0), connection(0)];
  const { clock, budget, asked, ask } = scene(a, b, c);
  ask(a, 300);
  ask(b, 300);
  ask(c, 50);
  await settled();
  assert.deepEqual(asked, [true, undefined, undefined], "who came later does not overtake");
  budget.release("a", 300);
  a.pending = 150;
  await clock.advance(100);
  assert.deepEqual(asked, [true, undefined, undefined]);
  a.pending = 50;
  await clock.advance(100);
  assert.deepEqual(asked, [true, true, true]);
});

test("AnswerBudget.reserve() lets any answer be made where nothing waits, and short ones up to the limit", async () => {
  const [a, b] = [connection(0), connection(0)];
  const { budget, asked, ask } = scene(a, b);
  ask(a, 1_000);
  await settled();
  budget.release("a", 1_000);
  a.pending = 400;
  ask(b, 0);
  await settled();
  a.pending = 401;
  ask(b, 0);
  await settled();
  assert.deepEqual(asked, [true, true, undefined]);
  budget.leave("a", b);
  await settled();
  assert.deepEqual(asked, [true, true, false], "who leaves waits no more");
});

test("AnswerBudget.reserve() ends the connection with the most waiting whose peer does not read", async () => {
  const [deaf, slow, b] = [connection(300), connection(200), connection(0)];
  const { clock, asked, ask } = scene(deaf, slow, b);
  ask(b, 0);
  await clock.advance(4_000);
  assert.deepEqual([asked[0], deaf.given], [undefined, false]);
  deaf.stalledMs = 5_000;
  await clock.advance(100);
  assert.deepEqual([asked[0], deaf.given, slow.given], [true, true, false]);
});

test("AnswerBudget.reserve() counts each key by itself", async () => {
  const [a, other] = [connection(1_000), connection(0)];
  const { budget, asked, ask } = scene(a);
  budget.join("b", other);
  assert.equal(budget.reserve("b", other, 400), true);
  budget.release("b", 400);
  ask(a, 1);
  await settled();
  assert.equal(asked[0], undefined);
  budget.leave("a", a);
});
