/** One connection's lines: how much is read at once, and that nothing is lost between reads. */

import assert from "node:assert/strict";
import { LineReader } from "../../../lib/server/connection/line_reader.ts";
import type { Line } from "../../../lib/wire/lines.ts";
import { test } from "../../support/declare.ts";

/** A reader over pieces, each of which arrives at once; `rooms` are the sizes that were read into. */
function over(pieces: readonly string[], limit = 100_000): { reader: LineReader; rooms: number[] } {
  const rooms: number[] = [];
  const waiting = pieces.map((piece) => new TextEncoder().encode(piece));
  const read = (into: Uint8Array): Promise<number | null> => {
    rooms.push(into.length);
    const piece = waiting.shift();
    if (!piece) return Promise.resolve(null);
    const taken = piece.subarray(0, into.length);
    if (taken.length < piece.length) waiting.unshift(piece.subarray(taken.length));
    into.set(taken);
    return Promise.resolve(taken.length);
  };
  return { reader: new LineReader({ read }, { bytes: limit }), rooms };
}

async function all(reader: LineReader): Promise<Line[]> {
  const lines: Line[] = [];
  for (let read; (read = await reader.read());) lines.push(...read.lines);
  return lines;
}

test("LineReader.read() reads more at once from a client that says much, and little again when it falls silent", async () => {
  const { reader, rooms } = over(["hi\n", "x".repeat(100_000) + "\n", "hi\n", "x".repeat(300) + "\n"]);
  const lines = await all(reader);
  assert.deepEqual(lines.map((line) => line.kind === "line" && line.bytes), [2, 100_000, 2, 300]);
  assert.deepEqual(rooms.slice(0, 6), [512, 512, 4_096, 32_768, 32_768, 32_768], "and never more than 32 KiB");
  assert.deepEqual(rooms.slice(-3), [32_768, 512, 512], "a small line makes it small");
});

test("LineReader.read() leaves a byte order mark out of the first line, and of no other", async () => {
  const mark = "\ufeff";
  const lines = await all(over([`${mark}LOGIN a 1\n${mark}hi\n`, `${mark}\n`]).reader);
  assert.deepEqual(lines.map((line) => line.kind === "line" && line.text), ["LOGIN a 1", `${mark}hi`, mark]);
});

test("LineReader.read() keeps what was read, whatever it is read into next", async () => {
  const texts = Array.from({ length: 50 }, (_, index) => `${index}é`.repeat(1 + index * 7 % 300));
  const whole = texts.join("\n") + "\n";
  for (const size of [7, 100, 512, 513, 5_000, whole.length]) {
    const pieces = [];
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.slice(at, at + size));
    const lines = await all(over(pieces).reader);
    assert.deepEqual(lines.map((line) => line.kind === "line" && line.text), texts, `pieces of ${size}`);
  }
});

test("LineReader.limits hold from the next line on", async () => {
  const { reader } = over(["x".repeat(20) + "\n", "x".repeat(20) + "\n", "x".repeat(20) + "\n"], 10);
  const kinds: string[] = [];
  for (const limit of [20, 10, 10]) {
    kinds.push(...[...(await reader.read())!.lines].map(({ kind }) => kind));
    reader.limits = { bytes: limit };
  }
  assert.deepEqual(kinds, ["too_long", "line", "too_long"]);
});

test("LineReader.read() takes no large buffer for somebody who may send short lines only", async () => {
  const { reader, rooms } = over(["x".repeat(10_000) + "\n"], 1_000);
  await all(reader);
  assert.equal(Math.max(...rooms), 1_000);
});

test("LineReader.held is what a line takes that is not complete, until it is skipped", async () => {
  const { reader } = over(["hi\nx", "y".repeat(300), "z\nhi\n"]);
  assert.equal([...(await reader.read())!.lines].length, 1);
  assert.ok(reader.held >= 1);
  assert.equal([...(await reader.read())!.lines].length, 0);
  assert.ok(reader.held >= 301 && reader.held < 700, `${reader.held}`);
  reader.skip();
  assert.equal(reader.held, 0);
  assert.deepEqual([...(await reader.read())!.lines], [{ kind: "line", text: "hi", bytes: 2 }]);
});
