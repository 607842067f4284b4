/** When turns end. */

import assert from "node:assert/strict";
import { FlushScheduler, paceMs } from "../../../lib/server/delivery/flush_scheduler.ts";
import { Outbox } from "../../../lib/server/delivery/outbox.ts";
import { test } from "../../support/declare.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A flusher with a clock of the test's, and a way to have something flushed that takes its time. */
function start(): {
  flusher: FlushScheduler;
  flushed: string[];
  pass: (ms: number) => void;
  flush: (word: string, ms?: number) => void;
} {
  let time = 1_000;
  const flushed: string[] = [];
  const pass = (ms: number) => void (time += ms);
  const flusher = new FlushScheduler(() => time);
  const flush = (word: string, ms = 0) =>
    flusher.schedule({
      flush: () => {
        flushed.push(word);
        pass(ms);
      },
    });
  return { flusher, flushed, pass, flush };
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
  const { flusher, flushed, flush } = start();
  flusher.schedule({ flush: () => flush("b") });
  flush("a");
  await turn();
  assert.deepEqual(flushed, ["a", "b"]);
});

test("FlushScheduler keeps a time between flushes under load", async () => {
  const { flushed, pass, flush } = start();
  flush("a");
  await turn();
  flush("b");
  await turn();
  await turn();
  assert.deepEqual(flushed, ["a"], "too soon");
  while (flushed.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  pass(paceMs);
  flush("c");
  await turn();
  assert.deepEqual(flushed, ["a", "b", "c"], "late enough");
});

test("FlushScheduler lets as much time pass as the last flush took", async () => {
  const { flushed, pass, flush } = start();
  flush("a", 30);
  await turn();
  pass(29);
  flush("b");
  await turn();
  assert.deepEqual(flushed, ["a"]);
  while (flushed.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  flush("c", 30);
  while (flushed.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  pass(30);
  flush("d");
  await turn();
  assert.deepEqual(flushed, ["a", "b", "c", "d"]);
});

test("FlushScheduler has each of many outboxes write once a turn", async () => {
  const flusher = new FlushScheduler();
  const writes: string[][] = [[], [], []];
  const outboxes = writes.map((written) =>
    new Outbox(
      { write: (bytes) => Promise.resolve(written.push(new TextDecoder().decode(bytes)) && bytes.length) },
      flusher,
      100,
    )
  );
  for (const part of ["a", "b"]) for (const outbox of outboxes) outbox.push(new TextEncoder().encode(part));
  await turn();
  assert.deepEqual(writes, [["ab"], ["ab"], ["ab"]]);
});

test("FlushScheduler does not stand still for as long as the process did that was stopped in the middle of a flush", async () => {
  const { flushed, flush } = start();
  flush("a", 3_600_000);
  await turn();
  flush("b");
  const end = performance.now() + 2_000;
  while (flushed.length < 2 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(flushed, ["a", "b"]);
});
