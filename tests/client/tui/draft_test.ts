/** The line that is being typed survives the end of the program, and no secret is kept with it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { InputLine } from "../../../lib/client/terminal/input_line.ts";
import { Draft } from "../../../lib/client/tui/draft.ts";
import { permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";
import { test as testWith } from "../../support/server.ts";
import { test } from "../fakes.ts";

testWith(
  "Draft keeps what is typed for its owner alone until it is sent, and nothing that may not be kept",
  async () => {
    await using folder = await temporaryFolder();
    const begin = (server = "one:1") =>
      new Draft({ folder: folder.path, server, mayKeep: (text) => !text.startsWith("/login") });
    const file = join(folder.path, "drafts", "a%40one%3A1");
    const first = begin();
    first.take("typed before the login");
    assert.equal(first.open("A"), "");
    first.take("half a thought,\nin two lines");
    first.save();
    if (Deno.build.os !== "windows") assert.equal(Deno.statSync(file).mode! & 0o777, 0o600);
    assert.equal(begin("two:2").open("a"), "", "it was typed for another server");
    assert.equal(begin().open("b"), "");
    const second = begin();
    assert.equal(second.open("a"), "half a thought,\nin two lines");
    assert.equal(second.open("a"), "", "once is enough");
    second.take("");
    assert.equal(begin().open("a"), "", "it was sent, and is forgotten at once");
    second.take("/login a pw");
    second.save();
    assert.deepEqual([...Deno.readDirSync(join(folder.path, "drafts"))], []);
    second.take("open");
    second.save();
    second.take("/login a pw");
    second.save();
    assert.deepEqual([...Deno.readDirSync(join(folder.path, "drafts"))], [], "nor what stood there before");
    const nowhere = new Draft({ folder: join(file, "x"), server: "one:1", mayKeep: () => true });
    assert.equal(nowhere.open("a"), "");
    nowhere.take("x");
    nowhere.save();
  },
  await permitted("read", "write"),
);

test("InputLine.restore() brings a draft back where nothing is typed, also behind a question", async () => {
  const line = new InputLine({ changed: () => {}, kept: () => {}, hint: () => {} });
  assert.equal(line.restore("half\x1b[2J\r\na thought"), true);
  assert.equal(line.draft, "half[2J\na thought");
  const read = line.read({ prompt: "> " });
  assert.equal(line.editor.text, "half[2J\na thought");
  assert.equal(line.restore("another"), false);
  line.editor.replace("");
  line.leave();
  assert.equal(await read, undefined);
});
