import assert from "node:assert/strict";
import { InputLine } from "../../../lib/client/terminal/input_line.ts";
import { LineSearch } from "../../../lib/client/terminal/line_search.ts";
import type { Key, KeyName } from "../../../lib/client/terminal/keys.ts";
import { test } from "../fakes.ts";

const typed = ["/join ops", "build green", "/msg bob Green light", "lunch?", "build green"];
const text = (text: string): Key => ({ kind: "text", text });
const key = (name: KeyName): Key => ({ kind: "key", name });

test("LineSearch.take() narrows down to the newest line that fits, in whatever case", () => {
  const search = new LineSearch(typed);
  assert.deepEqual([search.text, search.prompt], ["", '(search "") ']);
  for (const letter of "GREEN") search.take(text(letter));
  assert.deepEqual([search.text, search.cursor, search.prompt], ["build green", 6, '(search "GREEN") ']);
  search.take(text(" l"));
  assert.deepEqual([search.text, search.cursor], ["/msg bob Green light", 9]);
});

test("LineSearch.take() goes on to older lines, past those that say the same", () => {
  const search = new LineSearch(typed);
  search.take(text("green"));
  search.take(key("search_back"));
  assert.equal(search.text, "/msg bob Green light");
  search.take(key("search_back"));
  assert.equal(search.text, "build green");
  search.take(key("search_back"));
  assert.deepEqual([search.text, search.prompt], ["build green", '(nothing like "green") ']);
  search.take(key("backspace"));
  assert.equal(search.prompt, '(search "gree") ', "and a shorter word begins with the newest again");
});

test("LineSearch.take() passes over a line that says the same as the one before, and begins anew for a shorter word", () => {
  const search = new LineSearch(["one more", "two more", "two more", "three move", "two more"]);
  search.take(text("more"));
  search.take(key("search_back"));
  assert.equal(search.text, "one more");
  search.take(key("backspace"));
  search.take(key("backspace"));
  assert.deepEqual([search.text, search.prompt], ["two more", '(search "mo") ']);
  search.take(key("search_back"));
  assert.equal(search.text, "three move");
});

test("LineSearch.take() takes what is pasted as one line, so much of it as can be meant, and letters as people see them", () => {
  const search = new LineSearch(["so 👩‍👩‍👧 be it"]);
  search.take({ kind: "paste", text: "so \x1b👩‍👩‍👧\nbe" });
  assert.deepEqual([search.text, search.prompt], ["so 👩‍👩‍👧 be it", '(search "so 👩‍👩‍👧 be") ']);
  for (let time = 0; time < 4; time++) search.take(key("backspace"));
  assert.equal(search.prompt, '(search "so ") ');
  search.take({ kind: "paste", text: "x".repeat(300) });
  assert.equal(search.prompt, '(search "so ") ');
});

test("LineSearch.take() ends with the line that was found, or with none", () => {
  const found = new LineSearch(typed);
  found.take(text("lunch"));
  assert.deepEqual(found.take(key("enter")), { kind: "found", text: "lunch?", again: true });
  for (const name of ["cancel", "leave"] as const) {
    const search = new LineSearch(typed);
    search.take(text("lunch"));
    assert.deepEqual(search.take(key(name)), { kind: "given_up" });
  }
  assert.deepEqual(new LineSearch(typed).take(key("left")), { kind: "given_up" });
  const empty = new LineSearch([]);
  assert.deepEqual([empty.take(text("x")).kind, empty.text], ["searching", ""]);
});

/** An input line that is fed bytes; what it hands out, and its row. */
function inputLine(): { line: InputLine; press(bytes: string): Promise<void>; read(): Promise<string | undefined> } {
  const line = new InputLine({ changed: () => {}, kept: () => {}, hint: () => {} }, { history: typed });
  return {
    line,
    async press(bytes) {
      let given = false;
      const read = (buffer: Uint8Array) => {
        if (given) return new Promise<null>(() => {});
        given = true;
        return Promise.resolve(new TextEncoder().encodeInto(bytes, buffer).written);
      };
      void line.listen(read, () => true);
      await Promise.resolve().then(() => {});
    },
    read: () => line.read({ prompt: "> " }),
  };
}

test("InputLine searches with ctrl-r, and enter submits what was found", async () => {
  const { line, press, read } = inputLine();
  const submitted = read();
  await press("half\x12lunch");
  assert.match(line.view(60).row, /^\(search "lunch"\) lunch\?$/);
  await press("\x1b[I\x1b[5~");
  assert.match(line.view(60).row, /^\(search/, "looking away and scrolling end no search");
  await press("\r");
  assert.equal(await submitted, "lunch?");
});

test("InputLine gives the half-typed line back when a search is given up, and edits what was found", async () => {
  const { line, press, read } = inputLine();
  const submitted = read();
  await press("half\x12lunch\x07");
  assert.equal(line.editor.text, "half");
  await press("\x12join\x05 now\r");
  assert.equal(await submitted, "/join ops now");
});
