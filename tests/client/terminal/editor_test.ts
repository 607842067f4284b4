import assert from "node:assert/strict";
import fc from "fast-check";
import { Editor, inputView, submittedLines } from "../../../lib/client/terminal/editor.ts";
import type { Key, KeyName } from "../../../lib/client/terminal/keys.ts";
import { textWidth } from "../../../lib/client/terminal/width.ts";
import { test } from "../fakes.ts";

const key = (name: KeyName): Key => ({ kind: "key", name });
const text = (text: string): Key => ({ kind: "text", text });

/** What a text is after these keys, the cursor shown as |. */
function typed(...keys: Key[]): string {
  const editor = new Editor();
  for (const key of keys) editor.take(key);
  return editor.text.slice(0, editor.cursor) + "|" + editor.text.slice(editor.cursor);
}

const edits: [string, Key[], string][] = [
  ["inserts at the cursor", [text("ac"), key("left"), text("b")], "ab|c"],
  ["goes home and to the end", [text("abc"), key("home"), text("x"), key("end"), text("y")], "xabcy|"],
  ["deletes to both sides", [text("abc"), key("left"), key("backspace"), key("delete")], "a|"],
  ["deletes with ctrl-d where there is text", [text("ab"), key("home"), key("end_of_input")], "|b"],
  ["kills a word", [text("one two  "), key("kill_word")], "one |"],
  ["kills to the start", [text("one two"), key("word_left"), key("kill_to_start")], "|two"],
  ["kills to the end", [text("one two"), key("word_left"), key("kill_to_end")], "one |"],
  ["moves by words", [text("one two"), key("word_left"), key("word_left"), key("word_right")], "one| two"],
  ["moves by what a person takes for a character", [text("a👩‍👩‍👧é"), key("left"), key("left")], "a|👩‍👩‍👧é"],
  ["deletes what a person takes for a character", [text("a👩‍👩‍👧"), key("backspace")], "a|"],
  [
    "stays within the text",
    [key("left"), key("right"), key("backspace"), key("delete"), text("a"), key("right")],
    "a|",
  ],
  ["keeps a paste's line breaks, not its last", [{ kind: "paste", text: "a\r\nb\n\n" }], "a\nb|"],
  ["drops what no line may hold", [{ kind: "paste", text: "a\x1b[2J\tb\u202e" }], "a[2J b|"],
];
for (const [what, keys, expected] of edits) {
  test(`Editor ${what}`, () => assert.equal(typed(...keys), expected));
}

test("Editor recalls what was typed, and the draft behind it", () => {
  const editor = new Editor();
  for (const line of ["one", "two", "two", ""]) {
    editor.take(text(line));
    assert.deepEqual(editor.take(key("enter")), { kind: "submitted", text: line });
  }
  editor.take(text("draft"));
  const seen = (["up", "up", "up", "down", "down", "down"] as const).map((
    name,
  ) => (editor.take(key(name)), editor.text));
  assert.deepEqual(seen, ["two", "one", "one", "two", "draft", "draft"]);
});

test("Editor remembers no secret", () => {
  const editor = new Editor();
  editor.take(text("hunter2"), true);
  editor.take(key("enter"), true);
  editor.take(key("up"));
  assert.equal(editor.text, "");
  for (const line of ["/passwd 1 2", "hi\n/passwd 1 2", "hello"]) {
    editor.take({ kind: "paste", text: line });
    editor.take(key("enter"));
  }
  editor.forget("/passwd 1 2");
  editor.forget("//passwd 1 2");
  assert.deepEqual(editor.history, ["hello"], "also where others were typed behind it, or it was pasted among others");
});

test("Editor leaves on ctrl-c and ctrl-d where nothing is typed; else ctrl-c gives the line up", () => {
  const editor = new Editor();
  assert.equal(editor.take(key("end_of_input")).kind, "left");
  assert.equal(editor.take(key("leave")).kind, "left");
  editor.take(text("a"));
  assert.deepEqual([editor.take(key("leave")).kind, editor.text], ["changed", ""]);
  editor.take(key("undo"));
  assert.equal(editor.text, "a");
  assert.equal(editor.take(key("leave"), true).kind, "left", "a question is answered, or not");
});

test("submittedLines() says pasted lines one by one, and none of them is a command", () => {
  assert.deepEqual(submittedLines("/join x"), ["/join x"]);
  assert.deepEqual(submittedLines("one\n\n/quit\n//two"), ["one", "//quit", "///two"]);
  assert.deepEqual(submittedLines("//a comment\nb"), ["///a comment", "b"]);
});

test("submittedLines() keeps a pasted command in one piece", () => {
  assert.deepEqual(submittedLines("/msg b one\n  two\nthree"), ["/msg b one two three"]);
});

test("inputView() shows all of a short line", () => {
  assert.deepEqual(inputView("lobby> ", "日本", 1, 80), { row: "lobby> 日本", column: 9, width: 11 });
  assert.equal(inputView("> ", "a\nb", 3, 80).row, "> a↵b");
});

test("inputView() shows a question on a narrow terminal, and less of it the longer the answer is", () => {
  const question = "Log in or register? [login] ";
  assert.deepEqual(inputView(question, "", 0, 40), { row: question, column: 28, width: 28 });
  assert.equal(inputView(question, "register", 8, 40).row, question + "register");
  assert.equal(inputView(question, "", 0, 20).row, "Log in or registe…");
  assert.deepEqual(inputView(question, "x".repeat(50), 50, 40), {
    row: "Log in or register…" + "x".repeat(19),
    column: 38,
    width: 38,
  });
});

test("inputView() never fills the row, and always shows the cursor's place", () => {
  const line = fc.string({ unit: "grapheme", maxLength: 60 });
  fc.assert(fc.property(line, fc.nat(), fc.integer({ min: 10, max: 60 }), (typed, at, columns) => {
    const segments = [...new Intl.Segmenter().segment(typed)].map(({ index }) => index).concat(typed.length);
    for (const prompt of ["lobby> ", "(offline) 日本 and a long question? "]) {
      const view = inputView(prompt, typed, segments[at % segments.length], columns);
      assert.ok(view.width < columns, `${view.width} of ${columns}`);
      assert.ok(view.column <= view.width);
    }
  }));
});

test("textWidth() counts columns", () => {
  const widths: [string, number][] = [
    ["abc", 3],
    ["日本", 4],
    ["é", 1],
    ["e\u0301", 1],
    ["👍", 2],
    ["👩‍👩‍👧", 2],
    ["❤️", 2],
    ["🇩🇪", 2],
    ["한", 2],
    ["ｆ", 2],
    ["\u200b", 0],
  ];
  for (const [text, width] of widths) assert.equal(textWidth(text), width, text);
});

test("Editor.take() brings back what was killed, gathered, and takes back words and kills", () => {
  const words = text("one two three");
  assert.equal(typed(words, key("kill_word"), key("kill_word"), key("home"), key("yank")), "two three|one ");
  assert.equal(typed(words, key("kill_word"), key("left"), key("kill_word"), key("yank")), "one two| ");
  assert.equal(typed(words, key("home"), key("kill_word_right"), key("end"), key("yank")), " two threeone|");
  assert.equal(typed(text("a"), text("b"), text(" "), text("c"), key("undo")), "ab |");
  assert.equal(typed(words, key("kill_to_start"), key("undo")), "one two three|");
  assert.equal(typed(words, key("undo"), key("undo")), "|");
  assert.equal(typed(text("ba"), key("transpose")), "ab|");
  assert.equal(typed(text("ba"), key("left"), key("transpose")), "ab|");
});

test("Editor begins with the lines of earlier runs", () => {
  const editor = new Editor(["one", "two"]);
  editor.take(key("up"));
  editor.take(key("up"));
  assert.equal(editor.text, "one");
});
