import assert from "node:assert/strict";
import { test } from "../support/declare.ts";
import { ptys } from "../support/pty.ts";
import { LineModel, messagesOf } from "./line_model.ts";
import { runMonkey } from "./monkey.ts";

test(
  "a monkey at the client loses, doubles and reorders nothing while its server dies, and leaves the terminal as it was",
  async () => {
    const seed = 15;
    const { violations, counts } = await runMonkey({ seconds: 60, seed });
    const figures = `seed ${seed}: ${[...counts].map(([what, times]) => `${what} ${times}`).join(", ")}`;
    assert.deepEqual(violations, [], figures);
    assert.ok(counts.get("messages stored")! > 0, figures);
  },
  ptys,
);

Deno.test("LineModel is a line as people know it", () => {
  const line = new LineModel();
  line.type("one twö 👍");
  line.press("backspace");
  line.press("wordLeft");
  line.press("killToEnd");
  line.press("home");
  line.type("to ");
  line.press("wordRight");
  line.press("left");
  line.press("delete");
  assert.equal(line.text, "to on ");
});

Deno.test("messagesOf() says the lines of a text, one by one or in one", () => {
  assert.deepEqual(messagesOf("one\n\n /two\nthree ", "one"), ["one ⏎ /two ⏎ three"]);
  assert.deepEqual(messagesOf("one\n\n/two", "several"), ["one", "/two"]);
  assert.deepEqual(messagesOf("//me", "one"), ["/me"]);
  assert.deepEqual(messagesOf("  ", "one"), []);
  assert.deepEqual(messagesOf("x".repeat(4097), "one"), []);
});
