// deno-lint-ignore-file no-control-regex -- control characters are what this is about

import assert from "node:assert/strict";
import fc from "fast-check";
import { cleanLine } from "../../lib/wire/clean.ts";
import { notification } from "../../lib/client/tui/notify.ts";
import { test } from "../client/fakes.ts";

/** All that a terminal could obey, or that could turn text around or hide it. */
const harmful =
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u2028\u2029\u200b\u2060-\u2064\ufeff\ud800-\udfff]/u;

const anything = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit))).map((units) => units.join("")),
  fc.array(
    fc.constantFrom("\x1b[2J", "\x9b", "\u202e", "\u200d", "\u0301", "a", "👩", "\u{e0041}", "क", "\u200f", "\r\n"),
  )
    .map((pieces) => pieces.join("")),
);

test("cleanLine() leaves nothing that a terminal obeys, whatever comes", () => {
  fc.assert(
    fc.property(anything, (text) => {
      const clean = cleanLine(text);
      assert.doesNotMatch(clean, harmful);
      assert.ok(clean.isWellFormed());
      assert.doesNotMatch(clean, /[\p{M}\u200c-\u200f]{9}/u);
      assert.doesNotMatch(clean, /\p{Cn}/u);
    }),
    { numRuns: 2000 },
  );
});

test("cleanLine() cleans what is clean no further", () => {
  fc.assert(
    fc.property(anything, (text) => assert.equal(cleanLine(cleanLine(cleanLine(text))), cleanLine(cleanLine(text)))),
  );
});

test("cleanLine() leaves what people write as it is", () => {
  const texts = [
    "hello, \tworld!",
    "Ünïcödé e\u0301 日本語 한국어",
    "مرحبا שלום नमस्ते क्‍ष می‌خواهم",
    "👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 ❤️‍🔥 🇩🇪 1️⃣ ☺️",
    "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "─│┌┐ ﷽ ½ ™",
  ];
  for (const text of texts) assert.equal(cleanLine(text), text);
});

test("cleanLine() takes a flood for what it is", () => {
  assert.equal(cleanLine("x" + "\u200d".repeat(5000) + ":"), "x:");
  assert.equal(cleanLine("\u0300".repeat(5000)), "");
  assert.equal(cleanLine("Z" + "\u0300".repeat(5000)), "Z" + "\u0300".repeat(8));
  assert.equal(cleanLine("\u200b\u2066".repeat(5000) + "a"), "a");
});

test("cleanLine() takes time in proportion to the text", () => {
  for (const piece of ["\u200d", "\u0300", "\u202e", "👩\u200d", "\u{e0067}", "\x1b[", "\u200d👩", "क\u200d"]) {
    const text = piece.repeat(100_000);
    const since = performance.now();
    cleanLine(text);
    assert.ok(performance.now() - since < 2000, JSON.stringify(piece));
  }
});

test("notification() is one sequence, whatever is in it", () => {
  fc.assert(fc.property(anything, anything, (title, text) => {
    assert.match(notification("osc9", title, text), /^\x1b\]9;[^\x00-\x1f\x7f-\x9f]*\x1b\\$/);
    assert.match(
      notification("osc777", title, text),
      /^\x1b\]777;notify;[^\x00-\x1f\x7f-\x9f;]*;[^\x00-\x1f\x7f-\x9f;]*\x1b\\$/,
    );
  }));
  assert.equal(notification("bell", "x", "y"), "\x07");
  assert.equal(notification("off", "x", "y"), "");
});
