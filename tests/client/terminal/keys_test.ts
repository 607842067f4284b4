import assert from "node:assert/strict";
import fc from "fast-check";
import { type Key, KeyDecoder, type KeyName } from "../../../lib/client/terminal/keys.ts";
import { test } from "../fakes.ts";

const encoder = new TextEncoder();
const key = (name: KeyName): Key => ({ kind: "key", name });
const text = (text: string): Key => ({ kind: "text", text });

/** The keys in bytes that come in pieces; a number lets so many milliseconds pass. */
function decode(...pieces: (string | Uint8Array | number)[]): Key[] {
  let now = 0;
  const decoder = new KeyDecoder({ now: () => now });
  return pieces.flatMap((piece) => {
    if (typeof piece !== "number") return decoder.push(typeof piece === "string" ? encoder.encode(piece) : piece);
    now += piece;
    return [];
  });
}

/** The keys in bytes, each of which comes `ms` milliseconds after the one before. */
function decodeSlowly(bytes: Uint8Array, ms: number): Key[] {
  return decode(...Array.from(bytes).flatMap((byte) => [new Uint8Array([byte]), ms]));
}

/** Bytes, one for each character. */
const raw = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

test("KeyDecoder.push() waits for the rest of a character, a sequence or a paste", () => {
  const bytes = encoder.encode("é日👍\x1b[A\x1b[3~\x1b[200~one\ntwo\x1b[201~x\r");
  const whole = decode(bytes);
  const joined = (keys: Key[]) => JSON.stringify(keys).replaceAll('"},{"kind":"text","text":"', "");
  assert.equal(joined(decode(...Array.from(bytes, (byte) => new Uint8Array([byte])))), joined(whole));
  assert.deepEqual(whole, [
    text("é日👍"),
    key("up"),
    key("delete"),
    { kind: "paste", text: "one\ntwo" },
    text("x"),
    key("enter"),
  ]);
});

test("KeyDecoder.push() keeps so much of a paste, says that it was cut, and types nothing of the rest", () => {
  const most = 4 * 1024 * 1024;
  for (const [length, cut] of [[most, undefined], [most + 1, true]] as const) {
    const [paste, ...rest] = decode("\x1b[200~", "a".repeat(length), "\x1b[201~y");
    assert.ok(paste.kind === "paste");
    assert.deepEqual([paste.text.length, paste.cut], [most, cut]);
    assert.deepEqual(rest, [text("y")]);
  }
});

test("KeyDecoder.push() types no part of a sequence that it does not know", () => {
  for (const sequence of ["\x1b[15~", "\x1b[1;2P", "\x1bOP", "\x1b[<0;10;10M", "\x1bx", "\x1b\x1b[A", "\x1b[?1;2c"]) {
    const keys = decode(sequence + "a");
    assert.deepEqual(keys.filter(({ kind }) => kind === "text"), [text("a")], JSON.stringify(sequence));
  }
});

test("KeyDecoder.push() takes an escape alone for the key once 50 ms are over, and what follows for text", () => {
  for (const typed of ["hi", "OK thanks", "[x]", "]0;x", "Press", "\x1b[A"]) {
    assert.deepEqual(decode("\x1b", 51, typed), decode(typed), typed);
  }
  assert.deepEqual(decode("\x1b", 20, "b"), [key("word_left")]);
  assert.deepEqual(decode("\x1b", 49, "OA"), [key("up")]);
});

test("KeyDecoder.push() waits longer for the rest of a key where that was chosen", () => {
  let now = 0;
  const decoder = new KeyDecoder({ escapeMs: 400, now: () => now });
  decoder.push(raw("\x1b"));
  now = 400;
  assert.deepEqual(decoder.push(raw("f")), [key("word_right")]);
  decoder.push(raw("\x1b"));
  now = 801;
  assert.deepEqual(decoder.push(raw("f")), [text("f")]);
});

test("KeyDecoder.push() knows each key wherever it is cut, and between bytes that come 49 ms apart", () => {
  const known: [string, KeyName][] = [["\x1b[A", "up"], ["\x1bOA", "up"], ["\x1b[3;5~", "kill_word_right"]];
  known.push(["\x1bb", "word_left"], ["\x1b<", "scroll_home"], ["\x1b[<64;10;200M", "scroll_up"]);
  known.push(["\x1b[Ma\xe9\xff", "scroll_down"], ["\x1b[I", "focus_in"], ["\x1b[O", "focus_out"]);
  for (const [sequence, name] of known) {
    const bytes = raw(sequence + "x");
    for (let cut = 1; cut < bytes.length; cut++) {
      const keys = decode(bytes.subarray(0, cut), 49, bytes.subarray(cut));
      assert.deepEqual(keys, [key(name), text("x")], `${JSON.stringify(sequence)} cut at ${cut}`);
    }
    assert.deepEqual(decodeSlowly(bytes, 49), [key(name), text("x")], JSON.stringify(sequence));
  }
});

/** What terminals answer and report, and no key of the client's. */
const reports: readonly string[] = [
  "\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
  "\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\",
  "\x1b]l\xc3\x9cbersicht [x]\x1b\\",
  `\x1b]52;c;${"QUJD".repeat(100)}\x07`,
  "\x1bP>|XTerm(390)\x1b\\",
  "\x1bP1+r544e=787465726d\x1b\\",
  "\x1b_Gi=31;OK\x1b\\",
  "\x1b^private\x1b\\",
  "\x1bXstring\x1b\\",
  "\x1b[?62;1;2;4c",
  "\x1b[>41;390;0c",
  "\x1b[24;80R",
  "\x1b[?1;2$y",
  "\x1b[?0u",
  "\x1b[8;24;80t",
  "\x1b[M !!",
  "\x1b[M#\xe9\xff",
  "\x1b[M \xc3\xa9",
  "\x1b[<0;10;10m",
  "\x1b[32;10;10M",
  "\x1b[[A",
  "\x1bO1;2P",
  "\x1b[" + "1;".repeat(100) + "c",
  "\x1b\xc3\xa4",
  "\x1b\xf0\x9f\x91\x8d",
];

test("KeyDecoder.push() types nothing of what a terminal answers or reports, wherever it is cut", () => {
  for (const report of reports) {
    const bytes = raw(report + "x");
    for (let cut = 0; cut < bytes.length; cut++) {
      const keys = decode(bytes.subarray(0, cut), 49, bytes.subarray(cut));
      assert.deepEqual(keys, [text("x")], `${JSON.stringify(report)} cut at ${cut}`);
    }
    assert.deepEqual(decodeSlowly(bytes, 49), [text("x")], JSON.stringify(report));
  }
});

test("KeyDecoder.push() waits for a second for what has lost its rest, and for no key that nothing can hold", () => {
  for (const cut of ["\x1b]11;rgb:1e", "\x1bP1+r", "\x1b[?62;1", "\x1b[M ", "\x1bO", "\x1b]11;\x1b"]) {
    assert.deepEqual(decode(cut, 1001, "hello"), [text("hello")], JSON.stringify(cut));
    assert.deepEqual(decode(cut, 20, "\x1b", 20, "[A"), [key("up")], JSON.stringify(cut));
  }
  for (const cut of ["\x1b]11;rgb:1e", "\x1bP1+r", "\x1b[?62;1", "\x1b[12\x1b]"]) {
    assert.deepEqual(decode(cut + "\x03"), [key("leave")], JSON.stringify(cut));
    assert.deepEqual(decode(cut + "\rhi"), [key("enter"), text("hi")], JSON.stringify(cut));
  }
});

test("KeyDecoder.push() takes CR LF for one enter", () => {
  assert.deepEqual(decode("a\r\nb\n"), [text("a"), key("enter"), text("b"), key("enter")]);
});

test("KeyDecoder.push() types no control character, whatever bytes come", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("\x1b[", "\x1b[200~", "\x1b[201~", "\r", "\x1b"),
  );
  fc.assert(fc.property(fc.array(piece), (pieces) => {
    const keys = decode(pieces.join("") + "\x1b[201~");
    for (const key of keys) {
      // deno-lint-ignore no-control-regex
      if (key.kind === "text") assert.doesNotMatch(key.text, /[\x00-\x1f\x7f-\x9f]/);
    }
  }));
});
