/** What a writer of lines promises: it never waits, forgets nothing silently, and never writes into another line. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type LineTarget, LineWriter } from "../../lib/observability/line_writer.ts";
import { test } from "../support/declare.ts";
import { turn, until } from "../support/turns.ts";

const decoder = new TextDecoder();

/** A place that takes what it is told to take. */
class Target implements LineTarget {
  text = "";
  writes = 0;
  /** How many bytes the next writes take; an error is thrown. Without one left, all is taken. */
  readonly plan: (number | Error)[] = [];
  #free: Promise<void> = Promise.resolve();
  #open: () => void = () => {};

  constructor(readonly shared = false) {}

  /** Takes nothing until `open()`. */
  close(): void {
    this.#free = new Promise((resolve) => this.#open = resolve);
  }

  open(): void {
    this.#open();
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.writes++;
    await this.#free;
    const next = this.plan.shift() ?? bytes.length;
    if (next instanceof Error) throw next;
    const taken = bytes.subarray(0, next);
    this.text += decoder.decode(taken);
    return taken.length;
  }
}

test("LineWriter.write() returns at once where nobody reads, and what does not fit is counted and told later", async () => {
  const target = new Target();
  target.close();
  const dropped: number[] = [];
  const writer = new LineWriter(target, {
    maxBytes: 100,
    onDropped: (lines) => {
      dropped.push(lines);
      writer.write(`dropped ${lines}\n`);
    },
  });
  for (let i = 0; i < 50; i++) writer.write(`line ${i % 10}***\n`); // ten bytes each
  writer.write("urgent\n", true);
  await turn();
  assert.deepEqual([target.text, dropped], ["", []]);
  assert.equal(await writer.flush(0), false);
  target.open();
  assert.equal(await writer.flush(5_000), true);
  const kept = Array.from({ length: 10 }, (_, i) => `line ${i}***\n`).join("");
  assert.deepEqual([target.text, dropped], [`${kept}urgent\ndropped 40\n`, [40]]);
});

test("LineWriter writes at most 4096 bytes at once, unless a line is longer", async () => {
  const target = new Target();
  const writer = new LineWriter(target);
  for (let i = 0; i < 100; i++) writer.write("x".repeat(99) + "\n");
  writer.write("y".repeat(9_999) + "\n");
  await writer.flush(5_000);
  assert.equal(target.text.length, 20_000);
  assert.equal(target.writes, 5); // the first alone, three with at most forty lines each, the long one
});

test("LineWriter writes a line that was torn again, on a line of its own, and tells the failure once", async () => {
  const target = new Target(true);
  target.plan.push(8, new Error("full"), new Error("full"));
  const told: string[] = [];
  const writer = new LineWriter(target, {
    retryMs: 1,
    onFailed: (error) => told.push((error as Error).message),
    onBack: () => told.push("back"),
  });
  writer.write("one\n");
  await until("it is written", () => target.text.length > 0);
  writer.write("two\n");
  await until("it is back", () => told.includes("back"));
  await writer.flush(5_000);
  assert.deepEqual(told, ["full", "back"]);
  assert.equal(target.text, "one\ntwo\n");

  target.plan.push(2);
  writer.write("three\n");
  writer.write("four\n");
  await until("it is written", () => target.text.endsWith("four\n"));
  assert.equal(target.text, "one\ntwo\nth\nthree\nfour\n");
});

test("LineWriter begins on a line of its own where the target ends in the middle of one", async () => {
  const target = Object.assign(new Target(true), { torn: () => !/(^|\n)$/.test(target.text) });
  target.text = '{"time":"2026';
  const writer = new LineWriter(target);
  writer.write("one\n");
  writer.write("two\n");
  await writer.flush(5_000);
  assert.equal(target.text, '{"time":"2026\none\ntwo\n');
});

test("LineWriter waits a little for a stream that is full and does not block", async () => {
  const target = new Target();
  target.plan.push(2, new Deno.errors.WouldBlock(), new Deno.errors.WouldBlock());
  const writer = new LineWriter(target, { onFailed: () => assert.fail("it is no failure") });
  writer.write("one\n");
  await writer.flush(5_000);
  assert.equal(target.text, "one\n");
});

test("LineWriter writes every line, whole and in order, however writes are cut and fail", async () => {
  const lines = fc.array(fc.string({ maxLength: 30 }).map((line) => `${line.replace(/\n/g, "")}.\n`), {
    maxLength: 20,
  });
  const step = fc.oneof(fc.nat(40), fc.constant(new Error("full")));
  await fc.assert(
    fc.asyncProperty(lines, fc.array(step, { maxLength: 20 }), fc.boolean(), async (lines, plan, shared) => {
      const target = new Target(shared);
      target.plan.push(...plan);
      const writer = new LineWriter(target, { retryMs: 0 });
      for (const line of lines) writer.write(line);
      while (!await writer.flush(5_000)) await turn();
      // What is torn is no line that was given: it has no end of its own, and is left out in order.
      const left = [...lines];
      for (const line of target.text.split("\n").slice(0, -1)) if (`${line}\n` === left[0]) left.shift();
      assert.deepEqual(left, []);
    }),
  );
});
