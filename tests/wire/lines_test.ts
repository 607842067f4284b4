/** What the framing promises: the same lines however the bytes arrive, every bound at its exact byte, nothing repaired. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeLine, type Line, LineFramer } from "../../lib/wire/lines.ts";
import { test } from "../support/declare.ts";

const encoder = new TextEncoder();
const tooLong: Line = { kind: "too_long" };
const invalid: Line = { kind: "invalid_utf8" };

function line(text: string): Line {
  return { kind: "line", text, bytes: encoder.encode(text).length };
}

function bytesOf(data: string | readonly number[]): Uint8Array {
  return typeof data === "string" ? encoder.encode(data) : Uint8Array.from(data);
}

/** Frames chunks, each in the same buffer, as a connection's reads are. */
function frame(limit: number, chunks: readonly Uint8Array[]): Line[] {
  const framer = new LineFramer(limit);
  const buffer = new Uint8Array(Math.max(1, ...chunks.map(({ length }) => length)));
  return chunks.flatMap((chunk) => {
    buffer.fill(0x2e);
    buffer.set(chunk);
    return [...framer.push(buffer.subarray(0, chunk.length))];
  });
}

function inOneGulp(limit: number, data: string | readonly number[]): Line[] {
  return frame(limit, [bytesOf(data)]);
}

function byteByByte(limit: number, data: string | readonly number[]): Line[] {
  return frame(limit, Array.from(bytesOf(data), (byte) => Uint8Array.of(byte)));
}

/** Both ways to feed it must give the same. */
function assertLines(limit: number, data: string | readonly number[], expected: readonly Line[]): void {
  assert.deepEqual(inOneGulp(limit, data), expected, "in one gulp");
  assert.deepEqual(byteByByte(limit, data), expected, "one byte at a time");
}

test("LineFramer.push() gives each line without its LF, or CR LF", () => {
  assertLines(100, "one\ntwo\r\nthree", [line("one"), line("two")]);
});

test("LineFramer.push() drops one CR before the LF, and keeps every other", () => {
  assertLines(100, "a\rb\n\rc\nd\r\r\n\r\n\r\r\n", [line("a\rb"), line("\rc"), line("d\r"), line(""), line("\r")]);
});

test("LineFramer.push() gives empty lines", () => {
  assertLines(100, "\n\n\r\na\n\n", [line(""), line(""), line(""), line("a"), line("")]);
});

test("LineFramer.push() of nothing gives nothing", () => {
  const framer = new LineFramer(10);
  assert.deepEqual([...framer.push(new Uint8Array(0))], []);
  assert.deepEqual([...framer.push(bytesOf("a"))], []);
  assert.deepEqual([...framer.push(new Uint8Array(0))], []);
  assert.deepEqual([...framer.push(bytesOf("\n"))], [line("a")]);
});

test("LineFramer.push() takes a line of exactly the limit, with and without CR, and refuses one byte more", () => {
  for (const limit of [1, 2, 5, 16, 8192]) {
    const full = "x".repeat(limit);
    assertLines(limit, `${full}\n`, [line(full)]);
    assertLines(limit, `${full}\r\n`, [line(full)]);
    assertLines(limit, `${full}x\n`, [tooLong]);
    assertLines(limit, `${full}x\r\n`, [tooLong]);
    assertLines(limit, `${full}\r\r\n`, [tooLong]);
    assertLines(limit, `${full}\rx\n`, [tooLong]);
  }
});

test("LineFramer.push() counts bytes, not characters", () => {
  assertLines(4, "éé\néé!\n€!\n€!!\n😀\n😀!\n", [
    line("éé"),
    tooLong,
    line("€!"),
    tooLong,
    line("😀"),
    tooLong,
  ]);
});

test("LineFramer.push() skips a long line up to its LF, and the next is good", () => {
  assertLines(5, `${"x".repeat(100)}\nok\r\n${"y".repeat(6)}\n${"z".repeat(5)}\n`, [
    tooLong,
    line("ok"),
    tooLong,
    line("zzzzz"),
  ]);
});

test("LineFramer.push() reports a long line once, with the first byte too many", () => {
  const framer = new LineFramer(5);
  assert.deepEqual([...framer.push(bytesOf("12345"))], []);
  assert.deepEqual([...framer.push(bytesOf("6"))], [tooLong]);
  for (let i = 0; i < 1000; i++) assert.deepEqual([...framer.push(bytesOf("more of it"))], []);
  assert.deepEqual([...framer.push(bytesOf("\nnext\n"))], [line("next")]);
});

test("LineFramer.push() waits with a line of the limit and a CR until it knows whether an LF follows", () => {
  for (const [rest, expected] of [["\n", line("12345")], ["6", tooLong], ["\r", tooLong]] as const) {
    const framer = new LineFramer(5);
    assert.deepEqual([...framer.push(bytesOf("12345\r"))], []);
    assert.deepEqual([...framer.push(new Uint8Array(0))], []);
    assert.deepEqual([...framer.push(bytesOf(rest))], [expected]);
  }
});

test("LineFramer.push() does not look into a line that it skips", () => {
  assertLines(3, [0x61, 0x61, 0x61, 0x61, 0xff, 0xfe, 0x0a, 0x62, 0x0a], [tooLong, line("b")]);
});

test("LineFramer.push() joins characters that are split over chunks", () => {
  const text = "añ€😀\u0000\u0085\u2028é\u0301";
  assertLines(100, `${text}\n`, [line(text)]);
  const bytes = bytesOf(`${text}\n`);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assert.deepEqual(frame(100, [bytes.subarray(0, cut), bytes.subarray(cut)]), [line(text)]);
  }
});

test("LineFramer.push() keeps a byte order mark, which is a character like others", () => {
  assertLines(100, [0xef, 0xbb, 0xbf, 0x61, 0x0a], [line("\uFEFFa")]);
});

test("LineFramer.push() reports what is not UTF-8, and the next line is good", () => {
  const bad: Record<string, number[]> = {
    "a lone continuation": [0x80],
    "a lone first byte": [0xc3],
    "Latin-1": [0x66, 0xfc, 0x72],
    "bytes that are never UTF-8": [0xff, 0xfe],
    "an overlong slash of 2 bytes": [0xc0, 0xaf],
    "an overlong slash of 3 bytes": [0xe0, 0x80, 0xaf],
    "an overlong slash of 4 bytes": [0xf0, 0x80, 0x80, 0xaf],
    "an overlong zero": [0xc0, 0x80],
    "an overlong LF": [0xc0, 0x8a],
    "a high surrogate": [0xed, 0xa0, 0x80],
    "a low surrogate": [0xed, 0xb0, 0x80],
    "a pair of surrogates": [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
    "beyond U+10FFFF": [0xf4, 0x90, 0x80, 0x80],
    "5 bytes": [0xf8, 0x88, 0x80, 0x80, 0x80],
    "cut after 1 of 3": [0x61, 0xe2],
    "cut after 2 of 3": [0x61, 0xe2, 0x82],
    "cut after 3 of 4": [0xf0, 0x9f, 0x98],
    "cut and gone on": [0xe2, 0x82, 0x61],
  };
  for (const [what, bytes] of Object.entries(bad)) {
    for (const end of [[0x0a], [0x0d, 0x0a]]) {
      const data = [0x6f, 0x6b, 0x0a, ...bytes, ...end, 0xc3, 0xa9, 0x0a];
      assert.deepEqual(inOneGulp(100, data), [line("ok"), invalid, line("é")], what);
      assert.deepEqual(byteByByte(100, data), [line("ok"), invalid, line("é")], what);
    }
  }
});

test("LineFramer.limit changed between two lines of one chunk holds from the next line on", () => {
  const framer = new LineFramer(10);
  const seen: Line[] = [];
  for (const next of framer.push(bytesOf("1234567890\n123456\n12345\n1234567890\n12345678901\n"))) {
    seen.push(next);
    if (seen.length === 1) framer.limit = 5;
    if (seen.length === 3) framer.limit = 10;
  }
  assert.deepEqual(seen, [line("1234567890"), tooLong, line("12345"), line("1234567890"), tooLong]);
});

test("LineFramer.limit raised or lowered while a line is unfinished holds for that line", () => {
  const framer = new LineFramer(5);
  assert.deepEqual([...framer.push(bytesOf("12345"))], []);
  framer.limit = 300;
  assert.deepEqual([...framer.push(bytesOf(`${"6".repeat(295)}\n`))], [line("12345" + "6".repeat(295))]);
  assert.deepEqual([...framer.push(bytesOf("1234567"))], []);
  framer.limit = 5;
  assert.deepEqual([...framer.push(bytesOf("8\nnext\n"))], [tooLong, line("next")]);
});

/** Any bytes, rich in what the framing turns on. */
const stream = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(0x0a, 0x0d) },
    { weight: 4, arbitrary: fc.integer({ min: 0x61, max: 0x7a }) },
    { weight: 2, arbitrary: fc.constantFrom(0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xed, 0xa0) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xff }) },
  ),
  { maxLength: 200 },
);

const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 20 });

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

/** What the lines of a whole stream are, said in the plainest way. */
function plainly(limit: number, bytes: Uint8Array): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (let end; start <= bytes.length; start = end + 1) {
    end = bytes.indexOf(0x0a, start);
    const finished = end >= 0;
    if (!finished) end = bytes.length;
    let piece = bytes.subarray(start, end);
    if (piece.at(-1) === 0x0d) piece = piece.subarray(0, -1);
    if (piece.length > limit) lines.push(tooLong);
    else if (finished) {
      try {
        const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(piece);
        lines.push({ kind: "line", text, bytes: piece.length });
      } catch {
        lines.push(invalid);
      }
    }
  }
  return lines;
}

test("LineFramer.push() gives the same lines for every split of the same bytes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), stream, cuts, (limit, data, cuts) => {
      const bytes = Uint8Array.from(data);
      const expected = plainly(limit, bytes);
      assertLines(limit, data, expected);
      assert.deepEqual(frame(limit, split(bytes, cuts)), expected);
    }),
    { numRuns: 500 },
  );
});

test("LineFramer.push() gives back what encodeLine() made, however it is split", () => {
  const text = fc.string({ unit: "binary", maxLength: 30 }).map((text) => text.toWellFormed().replace(/\n|\r$/g, ""));
  fc.assert(fc.property(fc.array(text), cuts, (texts, cuts) => {
    const sent = texts.flatMap((text) => [...encodeLine(text)]);
    assert.deepEqual(frame(8192, split(Uint8Array.from(sent), cuts)), texts.map(line));
  }));
});

test("LineFramer.push() keeps no more of an unfinished line than the limit and a CR", () => {
  const limit = 1000;
  const grew: number[] = [];
  const { set } = Uint8Array.prototype;
  // Every buffer that it keeps bytes in is filled by set().
  Uint8Array.prototype.set = function (this: Uint8Array, ...args) {
    grew.push(this.length);
    return set.apply(this, args);
  };
  try {
    for (const size of [1, 7, 500, 999, 1000]) {
      const framer = new LineFramer(limit);
      for (let sent = 0; sent < 5 * limit; sent += size) [...framer.push(new Uint8Array(size).fill(0x61))];
    }
  } finally {
    Uint8Array.prototype.set = set;
  }
  assert(grew.length > 0);
  assert(Math.max(...grew) <= limit + 1, `${Math.max(...grew)}`);
});

test("LineFramer.push() takes time in proportion to a line's bytes, however small its pieces", () => {
  let copied = 0;
  const { set } = Uint8Array.prototype;
  Uint8Array.prototype.set = function (this: Uint8Array, from, ...args) {
    copied += from.length;
    return set.call(this, from, ...args);
  };
  try {
    const framer = new LineFramer(100_000);
    for (let i = 0; i < 100_000; i++) [...framer.push(Uint8Array.of(0x61))];
  } finally {
    Uint8Array.prototype.set = set;
  }
  assert(copied < 400_000, `${copied} bytes copied`);
});

const skipped = (beginning: string): Line => ({ kind: "too_long", beginning });

test("LineFramer.push() allows a longer line where its beginning fits, however it is split, and that one alone", () => {
  const limits = {
    bytes: 8,
    longer: { bytes: 20, fits: (beginning: string) => beginning.startsWith("long") },
  };
  const data = `${"long".padEnd(20, "x")}\nshort\n${"other".padEnd(9, "x")}\n${"long".padEnd(21, "x")}\nlong\n`;
  const expected = [
    line("long".padEnd(20, "x")),
    line("short"),
    skipped("otherxxx"),
    { kind: "too_long" },
    line("long"),
  ];
  for (const size of [1, 3, 8, 9, 1_000]) {
    const framer = new LineFramer(limits);
    const lines: Line[] = [];
    for (let at = 0; at < data.length; at += size) lines.push(...framer.push(bytesOf(data.slice(at, at + size))));
    assert.deepEqual(lines, expected, `pieces of ${size}`);
  }
});
