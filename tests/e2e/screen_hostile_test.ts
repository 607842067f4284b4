/**
 * The full screen under what a hostile server sends: the real client on a real pty, and tmux as the terminal.
 */

import assert from "node:assert/strict";
import { HostileServer } from "../support/hostile_server.ts";
import { temporaryFolder } from "../support/process.ts";
import { assertIntact, prompted, type Shown } from "../support/screens.ts";
import { test } from "../support/server.ts";
import { terminals, Tmux } from "../support/tmux.ts";

/** What a hostile server or user may send; each is to leave the screen as it is. */
const hostile: readonly string[] = [
  "\x1b[2J\x1b[H", // clears the screen
  "\x1b]0;pwned\x07", // sets the title, as do the next two
  "\x1b]2;pwned\x1b\\",
  "\x1bkpwned\x1b\\",
  "\x1b[?1049l", // leaves the other screen
  "\x1bc", // resets the terminal
  "\x1b[10;10Hmoved",
  "\x1b[5A\x1b[2Kup",
  "\x1b[1;5r\x1b[S", // scrolls a part
  "\x1b[?25l\x1b[?7h\x1b[?1000h",
  "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
  "\x1b]52;c;cHduZWQ=\x07", // writes the clipboard
  "\x1b[6n\x1b[c\x1b]10;?\x07\x05", // has the terminal answer
  "\x1bP1$tx\x1b\\\x1b_app\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\",
  "\x9b2J\x9b1;1H\x9d0;pwned\x9c\x90q\x9c", // the same in C1
  "\x1b(0lqqk\x0e\x0f\x1b#8",
  "\x1b[31;1;5;7mred\x1b[8mhidden",
  "\r\n12:00 a: forged line",
  "a\rb\x08\x08\x08c\x7f\x0b\x0c",
  "\u202egnol si siht\u202c and \u2067isolated\u2066\u2069",
  "\u202a\u202b\u202d\u202e".repeat(200),
  "\u2066".repeat(2000),
  "zero\u200b\u200b\u200bwidth\ufeff\u2060",
  "\u200b".repeat(2600),
  "x" + "\u200d".repeat(2600),
  "\u200e\u200f\u061c".repeat(800),
  "Z" + "\u0300\u0301\u0302\u0316\u0489".repeat(500) + "algo", // climbs out of its row
  "\u0300".repeat(2000),
  "\u0e4a\u0e4b".repeat(800),
  "\u20dd\u20e0\u20e3".repeat(600),
  "x".repeat(8000), // no space to wrap at
  "日".repeat(2600),
  "👩‍👩‍👧‍👦".repeat(300),
  "👍🏽❤️🏳️‍🌈🇩🇪☺️1️⃣".repeat(60),
  "🇩🇪🇫🇷🇩".repeat(100),
  "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}\u{e0041}\u{e0042}".repeat(30), // tags
  "\u2028line\u2029paragraph\u0085next",
  "\ud800\udfff\udc00 lone \ud83d", // halves of characters
  "\ufffe\uffff\u{1ffff}\u{10ffff}\u0378\ue000\u{f0000}", // nobody's, and private
  "\u3164\u115f\u1160\uffa0\u2800\u00ad\u180e\u17b4", // fillers
  "\ufdfd\u{12031}\u{1242b}﷽", // wider than two columns
  "ﾊﾞﾊﾟｶﾞ가각힣ᄀᄀᄀ각",
  "مرحبا שלום नमस्ते கொ ကြ្ក",
  "\t".repeat(300),
  "\t\u00a0\u2003\u3000".repeat(200),
  "─│┌┐└┘█▓▒░┃━".repeat(100),
  "lobby> \u001b[7m lobby (1) · \u001b[m", // plays the input line
  "https://e.example/\x1b[2J\u202e" + "a".repeat(3000),
  Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join("."), // every C0
  Array.from({ length: 33 }, (_, code) => String.fromCharCode(0x7f + code)).join("."), // DEL and every C1
];

test(
  "chat's screen stays intact under each of 50 hostile messages, names and answers, from a server that cleans nothing",
  async () => {
    assert.equal(hostile.length, 50);
    await using folder = await temporaryFolder();
    await using server = await HostileServer.start(folder.path);
    await using tmux = await Tmux.start(folder.path);
    for (const [columns, rows] of [[80, 24], [200, 50]]) {
      const at = { port: server.port, caFile: server.caFile, state: `${folder.path}/state` };
      const a = await tmux.client({ ...at, user: "a", columns, rows });
      await a.until((shown) => prompted(shown, rows), "the prompt", 30_000);
      await a.type("half a line");
      for (const [index, text] of hostile.entries()) {
        server.say("b", text);
        server.say(text, `from number ${index}`);
        server.send({ type: "presence", room: "lobby", user: text, state: "joined" });
        server.send({ type: "system", code: "notice", message: text });
        server.send({ type: "direct", ...server.logged("b", text), topic: "inbox:a", to: "a" });
        server.say("b", `after number ${index}`);
        // The cursor is hidden and elsewhere while a frame is drawn, and what is half drawn is not looked at.
        const shown = await a.until(
          ({ rows: all, cursor }) =>
            all.some((row) => row.includes(`b: after number ${index}`)) && cursor.row === rows - 1,
          `number ${index} and the cursor in its place`,
        );
        assertIntact(shown, rows);
        assert.equal(shown.rows[rows - 1], "lobby> half a line", hostile[index]);
        assert.deepEqual(shown.cursor, { column: 18, row: rows - 1 });
        if (index % 10 === 9) {
          // What the terminal made of it piece by piece is what it makes of it when all is drawn anew.
          a.listen();
          await a.press("C-l");
          await a.untilWritten("\x1b[2J");
          const again = await a.until((drawn) => prompted(drawn, rows), "the screen once more");
          assert.deepEqual(comparable(again), comparable(shown));
        }
      }
      await a.press("C-c", "C-c", "C-c"); // the line, and the program after a warning
      await a.until(({ alternate }) => !alternate, "the terminal as it was");
    }
  },
  terminals,
);

/**
 * The rows without the status line, which a key changes: with it, the private messages on the screen are read. And
 * without what is joined to a picture: tmux leaves it out where a read ends between the two.
 */
function comparable({ rows }: Shown): string[] {
  return rows.toSpliced(-2, 1).map((row) => row.replace(/\u200d\p{Extended_Pictographic}\ufe0f?/gu, ""));
}
