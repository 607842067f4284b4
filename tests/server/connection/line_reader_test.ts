/** One connection's lines: how much is read at once, and that nothing is lost between reads. */

import assert from "node:assert/strict";
import { LineReader } from "../../../lib/server/connection/line_reader.ts";
import type { Line } from "../../../lib/wire/lines.ts";
import { test } from "../../support/declare.ts";

/** A reader over pieces, each of which arrives at once, and how its lines are read; `rooms` are the sizes that were read into. */
interface Reading {
  readonly reader: LineReader;
  readonly rooms: number[];
  /** The lines that the next bytes complete; undefined at the end. */
  next(): Line[] | undefined;
}

function over(pieces: readonly string[], limit = 100_000): Reading {
  const rooms: number[] = [];
  const waiting = pieces.map((piece) => new TextEncoder().encode(piece));
  const reader = new LineReader({ bytes: limit });
  const next = () => {
    const { buffer } = reader;
    rooms.push(buffer.length);
    const piece = waiting.shift();
    if (!piece) return undefined;
    const taken = piece.subarray(0, buffer.length);
    if (taken.length < piece.length) waiting.unshift(piece.subarray(taken.length));
    buffer.set(taken);
    return [...reader.take(taken.length)];
  };
  return { reader, rooms, next };
}

function all({ next }: Reading): Line[] {
  const lines: Line[] = [];
  for (let read; (read = next());) lines.push(...read);
  return lines;
}

test("LineReader.take() reads more at once from a client that says much, and little again when it falls silent", () => {
  const reading = over(["hi\n", "x".repeat(100_000) + "\n", "hi\n", "x".repeat(300) + "\n"]);
  const { rooms } = reading;
  const lines = all(reading);
  assert.deepEqual(lines.map((line) => line.kind === "line" && line.bytes), [2, 100_000, 2, 300]);
  assert.deepEqual(rooms.slice(0, 6), [512, 512, 4_096, 32_768, 32_768, 32_768], "and never more than 32 KiB");
  assert.deepEqual(rooms.slice(-3), [32_768, 512, 512], "a small line makes it small");
});

test("LineReader.take() leaves a byte order mark out of the first line, and of no other", () => {
  const mark = "\ufeff";
  const lines = all(over([`${mark}LOGIN a 1\n${mark}hi\n`, `${mark}\n`]));
  assert.deepEqual(lines.map((line) => line.kind === "line" && line.text), ["LOGIN a 1", `${mark}hi`, mark]);
});

test("LineReader.take() keeps what was read, whatever it is read into next", () => {
  const texts = Array.from({ length: 50 }, (_, index) => `${index}é`.repeat(1 + index * 7 % 300));
  const whole = texts.join("\n") + "\n";
  for (const size of [7, 100, 512, 513, 5_000, whole.length]) {
    const pieces = [];
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.slice(at, at + size));
    const lines = all(over(pieces));
    assert.deepEqual(lines.map((line) => line.kind === "line" && line.text), texts, `pieces of ${size}`);
  }
});

test("LineReader.limits hold from the next line on", () => {
  const { reader, next } = over(["x".repeat(20) + "\n", "x".repeat(20) + "\n", "x".repeat(20) + "\n"], 10);
  const kinds: string[] = [];
  for (const limit of [20, 10, 10]) {
    kinds.push(...next()!.map(({ kind }) => kind));
    reader.limits = { bytes: limit };
  }
  assert.deepEqual(kinds, ["too_long", "line", "too_long"]);
});

test("LineReader.take() takes no large buffer for somebody who may send short lines only", () => {
  const reading = over(["x".repeat(10_000) + "\n"], 1_000);
  all(reading);
  assert.equal(Math.max(...reading.rooms), 1_000);
});

test("LineReader.held is what a line takes that is not complete, until it is skipped", () => {
  const { reader, next } = over(["hi\nx", "y".repeat(300), "z\nhi\n"]);
  assert.equal(next()!.length, 1);
  assert.ok(reader.held >= 1);
  assert.equal(next()!.length, 0);
  assert.ok(reader.held >= 301 && reader.held < 700, `${reader.held}`);
  reader.skip();
  assert.equal(reader.held, 0);
  assert.deepEqual(next()!, [{ kind: "line", text: "hi", bytes: 2 }]);
});
