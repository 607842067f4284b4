/** `chat get` without a file: a list that can be shown, whatever a server says. */

import assert from "node:assert/strict";
import type { Bot } from "../../../lib/client/mod.ts";
import { runGet } from "../../../lib/client/cli/pipe_files.ts";
import { test } from "../fakes.ts";

test("runGet() lists files in lines that do no harm", async () => {
  const file = { id: "abc", name: "r\x1b.pdf", size: 5, sha256: "0".repeat(64), expires: "x" };
  const fine = { from: "bob", text: "x", time: "2026-11-21T09:00:00Z", file };
  const events = [fine, { ...fine, from: "\x1b]0;pwned\x07\u202ebob", time: "\x9b2J\x1b[31m26" }, { ...fine, time: 7 }];
  const lines: string[] = [];
  const output = {
    out: (told: readonly string[]) => Promise.resolve(void lines.push(...told)),
    err: () => Promise.reject(new Error("nothing is wrong")),
    write: () => Promise.reject(new Error("nothing is fetched")),
  };
  const bot = { history: () => Promise.resolve(events) } as unknown as Bot;
  assert.equal(await runGet(bot, { from: { room: "ops" }, files: [], json: false }, output), "ok");
  assert.deepEqual(lines, [
    "abc  2026-11-21  bob  r.pdf (5 bytes)",
    "abc  2J[31m26  ]0;pwnedbob  r.pdf (5 bytes)",
    "abc  7  bob  r.pdf (5 bytes)",
  ]);
});
