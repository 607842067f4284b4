import assert from "node:assert/strict";
import type { Key } from "../../../lib/client/terminal/keys.ts";
import { UnmarkedPaste } from "../../../lib/client/terminal/unmarked_paste.ts";

const enter: Key = { kind: "key", name: "enter" };
const tab: Key = { kind: "key", name: "tab" };
const text = (text: string): Key => ({ kind: "text", text });
const paste = (text: string): Key => ({ kind: "paste", text });

Deno.test("UnmarkedPaste.gather() makes a paste of several lines in one read, and keeps the Enter at their end", () => {
  const gather = (...keys: Key[]) => new UnmarkedPaste().gather(keys);
  assert.deepEqual(gather(text("one"), enter, tab, text("two")), [paste("one\n\ttwo")]);
  assert.deepEqual(gather(text("one"), enter, enter, text("two"), enter), [paste("one\n\ntwo\n"), enter]);
  for (
    const typed of [
      [text("one"), enter],
      [enter, enter],
      [enter, text("one"), enter],
      [text("one"), enter, { kind: "key", name: "up" } as const, enter],
      [text("one"), enter, paste("two\nthree"), enter],
    ]
  ) {
    assert.deepEqual(gather(...typed), typed);
  }
});

Deno.test("UnmarkedPaste.gather() takes what comes at once for more of the same paste", () => {
  let now = 0;
  const pasted = new UnmarkedPaste(() => now);
  pasted.gather([text("one"), enter, text("tw")]);
  now += 20;
  assert.deepEqual(pasted.gather([text("o"), enter]), [{ ...paste("o\n"), goesOn: true }, enter]);
  now += 40;
  const typed = [text("three"), enter];
  assert.deepEqual(pasted.gather(typed), typed);
});
