/** When turns end. */

import assert from "node:assert/strict";
import { FlushScheduler, leastWaitMs } from "../../../lib/server/delivery/flush_scheduler.ts";
import { Outbox } from "../../../lib/server/delivery/outbox.ts";
import { test } from "../../support/declare.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A scheduler whose time the test lets pass. */
interface Scene {
  readonly scheduler: FlushScheduler;
  readonly flushed: string[];
  /** Lets time pass; timers that are due run, each when it is due. */
  pass(ms: number): void;
  /** Has a word flushed, which takes so many milliseconds. */
  flush(word: string, ms?: number): void;
}

function start(): Scene {
  let time = 1_000;
  const flushed: string[] = [];
  const timers = new Set<{ at: number; run: () => void }>();
  const scheduler = new FlushScheduler(() => time, (ms, run) => {
    const timer = { at: time + ms, run };
    timers.add(timer);
    return () => timers.delete(timer);
  });
  const pass = (ms: number) => {
    const end = time + ms;
    for (let due; (due = [...timers].find(({ at }) => at <= end));) {
      timers.delete(due);
      time = Math.max(time, due.at);
      due.run();
    }
    time = Math.max(time, end);
  };
  const flush = (word: string, ms = 0) =>
    scheduler.schedule({
      flush: () => {
        flushed.push(word);
        time += ms;
      },
    });
  return { scheduler, flushed, pass, flush };
}

test("FlushScheduler.schedule() flushes all of a turn together, and at once after a pause", async () => {
  const { flushed, flush } = start();
  flush("a");
  flush("b");
  assert.deepEqual(flushed, []);
  await turn();
  assert.deepEqual(flushed, ["a", "b"]);
});

test("FlushScheduler.schedule() while it flushes is of the same turn", async () => {
  const { scheduler, flushed, flush } = start();
  scheduler.schedule({ flush: () => flush("b") });
  flush("a");
  await turn();
  assert.deepEqual(flushed, ["a", "b"]);
});

test("FlushScheduler lets as much time pass as the last flush took", async () => {
  const { flushed, pass, flush } = start();
  flush("a", 30);
  await turn();
  pass(28);
  flush("b");
  pass(1);
  await turn();
  assert.deepEqual(flushed, ["a"], "too soon");
  pass(1);
  assert.deepEqual(flushed, ["a", "b"]);
  flush("c", 30);
  await turn();
  pass(30);
  flush("d");
  await turn();
  assert.deepEqual(flushed, ["a", "b", "c", "d"]);
});

test("FlushScheduler sets no timer after a short flush: nobody waits where little is to be written", async () => {
  const { flushed, flush } = start();
  for (const word of ["a", "b", "c"]) {
    flush(word, leastWaitMs / 2);
    await turn();
  }
  assert.deepEqual(flushed, ["a", "b", "c"]);
});

test("FlushScheduler has each of many outboxes write once a turn", async () => {
  const scheduler = new FlushScheduler();
  const writes: string[][] = [[], [], []];
  const outboxes = writes.map((written) =>
    new Outbox(
      { write: (bytes) => Promise.resolve(written.push(new TextDecoder().decode(bytes)) && bytes.length) },
      scheduler,
      100,
    )
  );
  for (const part of ["a", "b"]) for (const outbox of outboxes) outbox.push(new TextEncoder().encode(part));
  await turn();
  assert.deepEqual(writes, [["ab"], ["ab"], ["ab"]]);
});

test("FlushScheduler does not stand still for as long as the process did that was stopped in the middle of a flush", async () => {
  const { flushed, pass, flush } = start();
  flush("a", 3_600_000);
  await turn();
  flush("b");
  pass(99);
  assert.deepEqual(flushed, ["a"]);
  pass(1);
  assert.deepEqual(flushed, ["a", "b"]);
});

test("FlushScheduler flushes nothing more when it is disposed of, though a flush was due", async () => {
  const { scheduler, flushed, pass, flush } = start();
  flush("a", 10);
  await turn();
  flush("b");
  scheduler[Symbol.dispose]();
  pass(1_000);
  await turn();
  assert.deepEqual(flushed, ["a"]);
});
