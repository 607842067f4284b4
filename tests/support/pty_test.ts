/** The raw terminal that the tests of the client stand on. */

import assert from "node:assert/strict";
import { Pty, ptys } from "./pty.ts";
import { test } from "./declare.ts";

test("Pty gives a program bytes as they are written, its size, and tells how it ended", async () => {
  await using pty = await Pty.start(
    ["sh", "-c", "stty raw; echo ready; dd bs=1 count=3; stty size; stty sane; exit 3"],
    {
      columns: 40,
      rows: 12,
    },
  );
  await pty.untilText("ready");
  await pty.resize(50, 10);
  await pty.write("\x1b", 5, Uint8Array.of(98), "\x03");
  await pty.untilText("10 50");
  const { code, modes } = await pty.ended();
  assert.equal(code, 3);
  assert.deepEqual([...modes], []);
}, ptys);

test("Pty follows modes, and a shell runs what a program has left unread", async () => {
  await using pty = await Pty.start([
    "sh",
    "-c",
    "printf '\\033[?1049h\\033[?1007s\\033[?1007;25l\\033[?1007r'; read x",
  ], {
    shell: true,
  });
  await pty.until(({ alternate }) => alternate, "the other screen");
  await pty.write("for the program\recho for the $((1 + 1))nd\r");
  const { code, modes, settings } = await pty.ended();
  assert.equal(code, 0);
  assert.deepEqual([...modes], [[1049, true], [25, false]]);
  assert.equal(settings.after, settings.before);
  await pty.untilText("for the 2nd");
}, ptys);
