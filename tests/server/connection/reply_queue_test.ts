/** One connection's answers: their order, what comes before and after them, and how many may be missing. */

import assert from "node:assert/strict";
import { ReplyQueue } from "../../../lib/server/connection/reply_queue.ts";
import { test } from "../../support/declare.ts";
import { settled, turn } from "../../support/turns.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function start(): {
  answers: ReplyQueue;
  went: string[];
  /** Whether a line of so many bytes is let in at once. */
  admitted: (bytes: number) => Promise<boolean>;
} {
  const went: string[] = [];
  const answers = new ReplyQueue({
    before: () => void went.push("before"),
    send: (bytes) => void went.push(`send ${new TextDecoder().decode(bytes)}`),
    finish: (bytes) => void went.push(`finish ${new TextDecoder().decode(bytes)}`),
  });
  const admitted = (bytes: number) => settled(answers.admit(bytes) ?? Promise.resolve());
  return { answers, went, admitted };
}

test("ReplyQueue.emit() sends answers in the order of their requests, whichever is known first", () => {
  const { answers, went } = start();
  const [one, two, three] = [answers.add(), answers.add(), answers.add()];
  two.bytes = encode("2");
  answers.emit();
  three.bytes = encode("3");
  answers.emit();
  assert.deepEqual(went, []);
  answers.add({ bytes: encode("4") });
  assert.deepEqual(went, [], "nor does one overtake that is known from the beginning");
  one.bytes = encode("1");
  answers.emit();
  assert.deepEqual(went, ["before", "send 1", "send 2", "send 3", "send 4"]);
  assert.ok(answers.complete);
});

test("ReplyQueue.emit() has what came before read first, and what follows an answer done behind it", () => {
  const { answers, went } = start();
  const after = (text: string) => ({ bytes: encode(text), after: () => void went.push(`after ${text}`) });
  const first = answers.add();
  answers.add(after("2"));
  Object.assign(first, after("1"));
  answers.emit();
  assert.deepEqual(went.splice(0), ["before", "send 1", "after 1", "send 2", "after 2"]);
  answers.emit();
  assert.deepEqual(went, [], "nothing is read before nothing");
  answers.add({ bytes: new Uint8Array() });
  assert.deepEqual(went, ["send "], "nor before an answer that says nothing");
});

test("ReplyQueue.emit() ends the connection with its last answer", () => {
  const { answers, went } = start();
  answers.add({ bytes: encode("1") });
  answers.add({ bytes: encode("bye"), last: true, after: () => void went.push("after") });
  assert.deepEqual(went, ["before", "send 1", "before", "finish bye"]);
  assert.ok(answers.complete);
});

test("ReplyQueue.settled() resolves once no answer is missing", async () => {
  const { answers } = start();
  await answers.settled();
  const [one, two] = [answers.add(), answers.add()];
  let settled = 0;
  for (let waiting = 0; waiting < 2; waiting++) void answers.settled().then(() => settled++);
  one.bytes = encode("1");
  answers.emit();
  await turn();
  assert.deepEqual([settled, answers.complete], [0, false]);
  two.bytes = encode("2");
  answers.emit();
  await turn();
  assert.deepEqual([settled, answers.complete], [2, true]);
});

test("ReplyQueue.admit() lets 256 requests in, and then waits until all of them are answered", async () => {
  const { answers, admitted } = start();
  const places = [];
  for (let line = 0; line < 256; line++) {
    assert.ok(await admitted(10));
    places.push(answers.add());
  }
  let done = false;
  void answers.admit(10)!.then(() => done = true);
  for (const place of places.slice(0, -1)) place.bytes = encode("x");
  answers.emit();
  await turn();
  assert.ok(!done);
  places.at(-1)!.bytes = encode("x");
  answers.emit();
  await turn();
  assert.ok(done);
});

test("ReplyQueue.admit() waits as well behind 128 KiB of lines that are not answered, and counts anew", async () => {
  const { answers, admitted } = start();
  for (let round = 0; round < 2; round++) {
    assert.ok(await admitted(65_536));
    const one = answers.add();
    assert.ok(await admitted(65_536));
    const two = answers.add();
    assert.ok(!await admitted(1));
    one.bytes = two.bytes = encode("x");
    answers.emit();
    assert.ok(answers.complete);
  }
  assert.ok(await admitted(1_000_000), "a long line with nothing before it");
});

test("ReplyQueue.emit() passes on what an answer's after throws, and leaves nobody waiting", async () => {
  const { answers, went } = start();
  const after = () => {
    throw new TypeError("a bug");
  };
  const first = answers.add();
  answers.add({ bytes: encode("2") });
  const settled = answers.settled();
  Object.assign(first, { bytes: encode("1"), after });
  assert.throws(() => answers.emit(), /a bug/);
  await settled;
  assert.deepEqual([went, answers.complete], [["before", "send 1"], true]);
});
