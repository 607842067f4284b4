/**
 * The full screen's parts, each on its own; the whole is tested on a real terminal.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import stringWidth from "string-width";
import { cleanLine } from "../../../lib/wire/clean.ts";
import { CommandTable } from "../../../lib/client/net/commands.ts";
import { Editor } from "../../../lib/client/terminal/editor.ts";
import type { KeyName } from "../../../lib/client/terminal/keys.ts";
import { LocalCommands } from "../../../lib/client/session/local_commands.ts";
import { Backlog } from "../../../lib/client/tui/backlog.ts";
import { Completion } from "../../../lib/client/tui/completion.ts";
import { ConnectionState } from "../../../lib/client/tui/connection_state.ts";
import { Frame, steadied } from "../../../lib/client/tui/frame.ts";
import { HistoryFile } from "../../../lib/client/tui/history_file.ts";
import { type Item, itemRows, itemText, type SaidItem } from "../../../lib/client/tui/text/item.ts";
import { colorOf, makeTheme, userColors } from "../../../lib/client/tui/text/theme.ts";
import { LargePaste, Paste, type PasteAnswer } from "../../../lib/client/tui/paste.ts";
import { ReadMarks } from "../../../lib/client/tui/read_marks.ts";
import { Roster } from "../../../lib/client/tui/roster.ts";
import { waitingRows } from "../../../lib/client/tui/rows.ts";
import { unsentNotes } from "../../../lib/client/terminal/unsent.ts";
import { statusBar } from "../../../lib/client/tui/status_bar.ts";
import { textWidth } from "../../../lib/client/terminal/width.ts";
import { permitted } from "../../support/needs.ts";
import { temporaryFolder } from "../../support/process.ts";
import { fakeCommands, test } from "../fakes.ts";

const look = makeTheme(true);
const noLook = makeTheme(false);
const day = (hour: number, minute = 0, date = 21) => new Date(2026, 10, date, hour, minute);

function said(text: string, fields: Partial<SaidItem> = {}): SaidItem {
  return { kind: "said", how: "room", user: "b", text, mention: false, own: false, at: day(9), ...fields };
}

/** A row as it looks, without its escape sequences. */
function bare(row: string): string {
  // deno-lint-ignore no-control-regex
  return row.replace(/\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x1b]*\x1b\\|\x1b\][^\x07]*\x07/g, "");
}

const bareRows = (rows: readonly string[]) => rows.map((row) => bare(row).trimEnd());

test("userColors are legible on black and on white", () => {
  const levels = [0, 95, 135, 175, 215, 255];
  const linear = (value: number) => value <= 10.3 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  for (const code of userColors) {
    const cube = code - 16;
    const [red, green, blue] = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((step) =>
      linear(levels[step])
    );
    const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    assert.ok(1.05 / (luminance + 0.05) >= 3.5, `${code} on white`);
    assert.ok((luminance + 0.05) / 0.05 >= 3.5, `${code} on black`);
  }
});

test("colorOf() is a user's own in whatever case, and spread over the colours", () => {
  assert.equal(colorOf("Alice"), colorOf("alice"));
  const users = Array.from({ length: 200 }, (_, i) => `user${i}`);
  assert.ok(new Set(users.map(colorOf)).size > userColors.length * 0.8);
});

test("makeTheme() without colours keeps emphasis and sets none", () => {
  for (
    const text of [noLook.user("a"), noLook.alarm("a"), noLook.mention("a"), noLook.barAlarm("a"), noLook.direct("a")]
  ) {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /\x1b\[[0-9;]*(?:3[0-7]|38|4[0-7]|48|9[0-7])[;m]/);
  }
});

test("itemRows() gives rows that are no wider than the screen and hold all of the text", () => {
  const text = fc.array(
    fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("日本", "👩‍👩‍👧 ", "https://a.example/x ", "https://köln.example/ö", " "),
    ),
  )
    .map((pieces) => cleanLine(pieces.join("")));
  fc.assert(fc.property(text, fc.integer({ min: 4, max: 100 }), (text, columns) => {
    const rows = itemRows(said(text), columns, look, "me");
    for (const row of rows) assert.ok(stringWidth(row) <= columns, JSON.stringify([columns, row]));
    const kept = (text: string) => text.normalize().replace(/\s/g, "");
    const shown = rows.map((row) => columns < 30 ? bare(row) : bare(row).slice(6)).join("");
    assert.equal(kept(shown), kept(`b: ${text}`));
  }));
});

test("Backlog.view() shows the end, day changes, and where the unread begin", () => {
  const backlog = new Backlog(noLook);
  const items = [said("one", { at: day(23, 59, 20) }), said("two"), said("three", { at: day(10) })];
  for (const item of items) backlog.add(item);
  backlog.markUnread(items[2]);
  assert.deepEqual(bareRows(backlog.view(10, 40).rows), [
    "── Friday 2026-11-20 ───────────────────",
    "23:59 b: one",
    "── Saturday 2026-11-21 ─────────────────",
    "09:00 b: two",
    "── new ─────────────────────────────────",
    "10:00 b: three",
  ]);
  assert.deepEqual(bareRows(backlog.view(2, 40).rows), ["── new ─────────────────────────────────", "10:00 b: three"]);
});

test("Backlog.scroll() keeps what is shown while more comes in below and above", () => {
  const backlog = new Backlog(noLook);
  const items = Array.from({ length: 100 }, (_, i) => said(`line ${i}`));
  for (const item of items) backlog.add(item);
  assert.equal(backlog.scroll(9, 10, 40), false);
  const before = backlog.view(10, 40);
  assert.equal(before.below, 9);
  backlog.add(said("new"));
  backlog.insert([said("older")], items[0]);
  const after = backlog.view(10, 40);
  assert.deepEqual([after.rows, after.below], [before.rows, 10]);
  assert.equal(backlog.scroll(1000, 10, 40), true);
  assert.match(bare(backlog.view(10, 40).rows[1]), /older/);
  backlog.scroll(-2000, 10, 40);
  assert.ok(backlog.atEnd);
  assert.match(bare(backlog.view(10, 40).rows[9]), /new/);
});

test("Backlog never shows less than a full screen where there is enough, however it is scrolled and resized", () => {
  const step = fc.record({
    by: fc.integer({ min: -60, max: 60 }),
    height: fc.integer({ min: 1, max: 20 }),
    columns: fc.integer({ min: 5, max: 60 }),
  });
  fc.assert(
    fc.property(
      fc.array(step),
      fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 30, maxLength: 40 }),
      (steps, lengths) => {
        const backlog = new Backlog(noLook);
        for (const length of lengths) backlog.add(said("word ".repeat(length / 5)));
        for (const { by, height, columns } of steps) {
          backlog.scroll(by, height, columns);
          assert.equal(backlog.view(height, columns).rows.length, height);
        }
      },
    ),
  );
});

test("Backlog.presence() folds those who come and go, and in a big room around what is said", () => {
  const backlog = new Backlog(noLook);
  const rows = () => bareRows(backlog.view(20, 80).rows).slice(1);
  for (const user of ["x", "y", "z"]) backlog.presence(user, "joined", "lobby", 3, day(9));
  assert.deepEqual(rows(), ["09:00 x, y and z joined lobby"]);
  backlog.presence("y", "left", "lobby", 3, day(9));
  backlog.presence("w", "left", "lobby", 3, day(9));
  assert.deepEqual(rows(), ["09:00 x and z joined; w left lobby"]);
  for (const user of ["x", "z"]) backlog.presence(user, "left", "lobby", 3, day(9));
  backlog.presence("w", "joined", "lobby", 3, day(9));
  assert.deepEqual(rows(), [], "in sum, nobody came and nobody went");
  backlog.presence("w", "left", "lobby", 3, day(9));
  backlog.add(said("hi"));
  backlog.presence("v", "joined", "lobby", 3, day(9, 1));
  assert.equal(rows().length, 3);
  backlog.add(said("hi"));
  for (let i = 0; i < 9; i++) backlog.presence(`u${i}`, "joined", "lobby", 200, day(9, 2));
  assert.equal(rows().length, 4);
  assert.match(rows()[2], /v, u0, u1 and 7 others joined lobby/);
});

test("Frame.draw() writes the rows that changed, and all after a resize", () => {
  const frame = new Frame(false);
  const cursor = { row: 2, column: 3 };
  // deno-lint-ignore no-control-regex
  assert.match(frame.draw(["one", "two", "> "], 10, cursor), /\x1b\[2J.*one.*two.*> .*\x1b\[3;4H/s);
  const second = frame.draw(["one", "2", "> "], 10, cursor);
  assert.ok(!second.includes("one") && second.includes("\x1b[2;1H\x1b[K2"));
  assert.ok(frame.draw(["one", "2", "> "], 11, cursor).includes("one"));
});

test("steadied() sets the cursor behind what terminals disagree about", () => {
  assert.equal(steadied("plain"), "plain");
  assert.equal(steadied("a❤️b"), "a❤️\x1b[4Gb");
  assert.equal(steadied("\x1b[1m日\x1b[22mx"), "\x1b[1m日\x1b[3G\x1b[22mx");
});

test("statusBar() is exactly as wide as the screen and tells the most important first", () => {
  const standing = {
    room: "lobby",
    members: 3,
    user: "a",
    connection: "server1 (localhost:8000)",
    connected: true,
    unread: { direct: 2, feed: 1 },
    below: 0,
    waiting: 0,
    warning: undefined,
  };
  assert.equal(
    bare(statusBar(standing, 80, look)).trimEnd(),
    " lobby (3) · 2 DMs · 1 notification · server1 (localhost:8000) · a",
  );
  const offline = {
    ...standing,
    connected: false,
    connection: "reconnecting in 5 s",
    waiting: 2,
    warning: "NOT VERIFIED",
  };
  assert.equal(
    bare(statusBar(offline, 100, look)).trimEnd(),
    " NOT VERIFIED  lobby (3) · reconnecting in 5 s · 2 DMs · 1 notification · 2 to be sent · a",
  );
  const narrow = { ...offline, connection: "reconnecting in 5 s (Enter: now)", warning: undefined };
  assert.equal(bare(statusBar(narrow, 40, look)).trimEnd(), " lobby (3) · reconnecting in 5 s");
  const back = {
    ...standing,
    connection: "server1 (localhost:8000): resumed, 0 missed",
    unread: { direct: 0, feed: 0 },
  };
  assert.equal(bare(statusBar(back, 40, look)).trimEnd(), " lobby (3) · server1: resumed, 0 missed");
  for (let columns = 1; columns < 90; columns++) {
    for (const told of [standing, offline]) assert.equal(textWidth(bare(statusBar(told, columns, look))), columns);
  }
});

test("ConnectionState.text() counts down, and tells of a return for a while", () => {
  const state = new ConnectionState();
  const server = { address: { host: "one", port: 1 }, name: "server1" };
  assert.equal(state.text(server, 0), "server1 (one:1)");
  state.follow({ state: "waiting", ms: 2500 }, 1000);
  assert.equal(state.text(undefined, 1000), "reconnecting in 3 s (Enter: now)");
  assert.equal(state.changesIn(1000), 500);
  assert.equal(state.text(undefined, 3000), "reconnecting in 1 s (Enter: now)");
  state.follow({ state: "resumed", server: server.address, missed: 12 }, 5000);
  assert.equal(state.text(server, 5000), "server1 (one:1): resumed, 12 missed");
  assert.equal(state.text(server, 60_000), "server1 (one:1)");
  state.replaced();
  assert.equal(state.text(server, 60_000), "replaced by another login");
  assert.equal(state.connected, false);
});

/** What Tab makes of a line; further Tabs are further results. */
function completed(text: string, tabs = 1): string[] {
  const editor = new Editor();
  const roster = new Roster();
  for (const user of ["bob", "alice", "Albert"]) roster.spoke(user);
  roster.learn({ of: "rooms", rooms: [{ room: "general", members: 1 }, { room: "gaming", members: 0 }] }, "lobby");
  const own = new LocalCommands();
  const help = { usage: "", help: "", run: () => {} };
  own.add({ name: "search", ...help });
  own.add({ name: "verify", completes: ["user", ["yes", "no"]], ...help });
  own.add({ name: "send", completes: ["target", "path"], ...help });
  const completion = new Completion(editor, () => new CommandTable(fakeCommands), roster, own);
  editor.take({ kind: "text", text });
  return Array.from({ length: tabs }, () => {
    completion.complete(1);
    return editor.text;
  });
}

test("Completion.complete() knows commands, users and rooms", () => {
  assert.deepEqual(completed("/jo"), ["/join "]);
  assert.deepEqual(completed("/sea"), ["/search "]);
  assert.deepEqual(completed("/d"), ["/dm "]);
  assert.deepEqual(completed("/join g", 3), ["/join g", "/join gaming ", "/join general "]);
  assert.deepEqual(completed("/join ge"), ["/join general "]);
  assert.deepEqual(completed("/msg b"), ["/msg bob "]);
  assert.deepEqual(completed("bo"), ["bob: "]);
  assert.deepEqual(completed("hi @bo"), ["hi @bob "]);
  assert.deepEqual(completed("al", 4), ["al", "Albert: ", "alice: ", "Albert: "]);
  for (const opened of ["(", '"', "„", "«", "[*", "see ('"]) {
    assert.deepEqual([completed(opened + "bo"), completed(opened + "@bo")], [[`${opened}bob`], [`${opened}@bob`]]);
    assert.deepEqual(completed(opened), [opened]);
  }
  assert.deepEqual(completed("/msg bob (al", 2), ["/msg bob (al", "/msg bob (Albert"]);
  assert.deepEqual(completed("/help jo"), ["/help join "]);
  assert.deepEqual(completed("nobody "), ["nobody "]);
  assert.deepEqual(completed("/verify b"), ["/verify bob "]);
  assert.deepEqual(completed("/verify bob y"), ["/verify bob yes "]);
  assert.deepEqual(completed("/verify bob yes "), ["/verify bob yes "]);
  assert.deepEqual(completed("/send @al", 2), ["/send @al", "/send @Albert "]);
  assert.deepEqual(completed("/send #ge"), ["/send #general "]);
});

test("Completion.complete() knows the user's devices once they were listed, and the word for all others", () => {
  const editor = new Editor();
  const roster = new Roster();
  const revoke = { name: "revoke", aliases: [], help: "", typed: true };
  const commands = new CommandTable([{ ...revoke, arguments: [{ name: "device", kind: "device", optional: false }] }]);
  const completion = new Completion(editor, () => commands, roster, new LocalCommands());
  editor.take({ kind: "text", text: "/revoke " });
  completion.complete(1);
  assert.equal(editor.text, "/revoke all ");
  const device = { server: "s", since: "2026-11-28T09:00:00.000Z", client: "", here: false, side: false };
  roster.learn({ of: "devices", devices: [{ ...device, device: "laptop" }, { ...device, device: "phone" }] }, "lobby");
  editor.take({ kind: "key", name: "home" });
  editor.splice(0, editor.text.length, "/revoke ph");
  completion.complete(1);
  assert.equal(editor.text, "/revoke phone ");
  assert.deepEqual(roster.devices(), ["laptop", "phone", "all"]);
});

/** What keys make of the question about a paste; Enter is pressed after a pause where it is `Enter`, `enter` without. */
function answered(text: string, maxBytes: number, ...keys: string[]): PasteAnswer {
  const paste = new Paste(text, maxBytes);
  let answer: PasteAnswer = { kind: "none" };
  for (const key of keys) {
    assert.equal(answer.kind, "none", "no key comes behind an answer");
    const name = key.toLowerCase() as KeyName;
    const named = ["enter", "leave", "up", "backspace"].includes(name);
    answer = paste.take(named ? { kind: "key", name } : { kind: "text", text: key }, key === "Enter");
  }
  return answer;
}

test("Paste asks about several lines, and says no line of them as a command", () => {
  assert.equal(new Paste("one", 100).question, undefined);
  const three = "one\n/two\n\n three";
  assert.match(new Paste(three, 100).question!, /^3 lines: send as \(o\)ne message/);
  const one: PasteAnswer = { kind: "lines", lines: ["one ⏎ /two ⏎ three"] };
  const several: PasteAnswer = { kind: "lines", lines: ["one", "//two", " three"] };
  assert.deepEqual(answered(three, 100, "o", "enter"), one);
  assert.deepEqual(answered(three, 100, "Enter"), one);
  assert.deepEqual(answered(three, 100, "S", "enter"), several);
  assert.deepEqual(answered(three, 100, "o", "backspace", "s", "enter"), several);
  assert.deepEqual(answered(three, 100, "e", "enter"), { kind: "edit", typed: "" });
  assert.deepEqual(answered(three, 100, "leave"), { kind: "edit", typed: "" });
  const command = "/msg bob one\ntwo";
  assert.match(new Paste(command, 100).question!, /^Several lines: send as \(o\)ne message/);
  assert.deepEqual(answered(command, 100, "Enter"), { kind: "lines", lines: ["/msg bob one ⏎ two"] });
  assert.deepEqual(answered(command, 100, "s"), { kind: "edit", typed: "s" });
  assert.deepEqual(answered("\n/quit\nnow", 100, "o", "enter"), { kind: "lines", lines: ["//quit ⏎ now"] });
  assert.doesNotMatch(new Paste("one\ntwo", 5).question!, /one message/);
  assert.deepEqual(answered("one\ntwo", 5, "Enter"), { kind: "lines", lines: ["one", "two"] });
});

test("Paste takes no answer from who types on, and keeps what they type", () => {
  assert.deepEqual(answered("one\ntwo", 100, "s"), { kind: "none" }, "a letter is no answer yet");
  assert.deepEqual(answered("one\ntwo", 100, "s", "o"), { kind: "edit", typed: "so" });
  assert.deepEqual(answered("one\ntwo", 100, "sounds good"), { kind: "edit", typed: "sounds good" });
  assert.deepEqual(answered("one\ntwo", 100, "x"), { kind: "edit", typed: "x" });
  assert.deepEqual(answered("one\ntwo", 100, "enter", "enter"), { kind: "none" }, "Enter was pressed twice");
  assert.deepEqual(answered("one\ntwo", 100, "up"), { kind: "none" });
  const pasted = new Paste("one\ntwo", 100).take({ kind: "paste", text: "so" }, true);
  assert.deepEqual(pasted, { kind: "edit", typed: "so" }, "what is pasted is no answer");
});

test("waitingRows() shows lines as they were typed, in one row each", () => {
  const waiting = [
    { cmd: "say", text: "coming,\tjust a moment" },
    { cmd: "msg", to: "bob", text: "on my way" },
    { cmd: "join", room: "ops" },
    { cmd: "passwd", old: "1", new: "2" },
    { cmd: "history", user: "bob\x1b[2J", n: 5 },
  ];
  assert.deepEqual(bareRows(waitingRows(waiting, new CommandTable(fakeCommands), 30, noLook)), [
    "      … coming, just a moment",
    "      … /msg bob on my way",
    "      … /join ops",
    "      … /passwd",
    "      … /history @bob[2J 5",
  ]);
});

test("unsentNotes() tells what has no answer and what was not read, and no secret", () => {
  const session = { waiting: [{ cmd: "join", room: "ops" }], commands: new CommandTable(fakeCommands), user: "a" };
  assert.deepEqual(unsentNotes(["one", "/login a hunter2", "two\x1b[2J"], session), [
    "[CLIENT] No answer came to: /join ops",
    "[CLIENT] Not sent: one",
    "[CLIENT] Not sent: two[2J",
  ]);
});

test("Paste asks in fewer words where the terminal is narrow", () => {
  const paste = new Paste("one\n/two\n\n three", 100);
  assert.equal(paste.view(80).row, paste.question);
  assert.equal(paste.view(40).row, "3: (o)ne message, (s)everal, (e)dit? ");
});

test("LargePaste asks whether it is to be a file, and takes its further parts", () => {
  const large = () => new LargePaste("line\r\n".repeat(20_000), "lobby");
  const paste = large();
  assert.equal(paste.size, "20,001 lines, 100 kB");
  assert.equal(paste.view(40).row, "Send it to lobby as a (f)ile, (d)rop? ");
  const enter = { kind: "key", name: "enter" } as const;
  assert.deepEqual(paste.take(enter, false), { kind: "none" });
  assert.deepEqual(paste.take({ kind: "paste", text: "more", goesOn: true }, false), { kind: "none" });
  assert.equal(paste.bytes.length, 100_004);
  assert.deepEqual(paste.take({ kind: "text", text: "F" }, false), { kind: "none" });
  assert.deepEqual(paste.take(enter, false), { kind: "file" });
  assert.deepEqual(large().take(enter, true), { kind: "file" });
  for (const [letter, kind] of [["y", "file"], ["n", "drop"]]) {
    const asked = large();
    assert.deepEqual(
      asked.take({ kind: "text", text: letter }, false),
      { kind: "none" },
      "it is an answer, not for the room",
    );
    assert.equal(asked.take(enter, false).kind, kind);
  }
  assert.deepEqual(large().take({ kind: "text", text: "fine" }, true), { kind: "drop", typed: "fine" });
  assert.deepEqual(large().take({ kind: "key", name: "leave" }, true), { kind: "drop", typed: "" });
  assert.deepEqual(new LargePaste("x", undefined).take(enter, true), { kind: "drop", typed: "" });
});

test("Roster counts the room's members and forgets those of another room", () => {
  const roster = new Roster();
  assert.equal(roster.members, undefined);
  roster.learn({ of: "who", room: "lobby", members: ["a", "b"] }, "lobby");
  roster.follow({ user: "c", state: "joined" });
  roster.follow({ user: "a", state: "left" });
  roster.learn({ of: "who", room: "general", members: ["x"] }, "lobby");
  assert.equal(roster.members, 2);
  roster.moved("general");
  assert.equal(roster.members, undefined);
});

const files = await permitted("read", "write");
Deno.test({
  name: files.named("HistoryFile keeps lines for its owner alone, and none with a password"),
  ignore: files.ignored,
  async fn() {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "chat", "history");
    const history = new HistoryFile(path);
    for (const line of ["one", "two\nlines", " ", "/passwd 1 2", "LOGIN a 1", "/register a b"]) history.add(line);
    assert.deepEqual(new HistoryFile(path).read(), ["one", "two\nlines"]);
    if (Deno.build.os !== "windows") assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    for (let i = 0; i < 2100; i++) history.add(`line ${i}`);
    assert.equal(new HistoryFile(path).read().at(-1), "line 2099");
    assert.equal(Deno.readTextFileSync(path).trimEnd().split("\n").length, 500);
    Deno.writeTextFileSync(path, 'not json\n"fine"\n7\n');
    assert.deepEqual(new HistoryFile(path).read(), ["fine"]);
    Deno.writeTextFileSync(path, '\ufeff"one"\r\n"two"\r\n');
    assert.deepEqual(new HistoryFile(path).read(), ["one", "two"], "as an editor of Windows writes it");
    assert.deepEqual(new HistoryFile(undefined).read(), []);
    Deno.writeTextFileSync(path, '"one"\n"/logn a pw"\n"two"\n" /login a pw"\n');
    assert.deepEqual(new HistoryFile(path).read(), ["one", "two"], "those that an earlier release kept are not read");
    assert.equal(Deno.readTextFileSync(path), '"one"\n"two"\n', "and are gone");
    const nowhere = new HistoryFile(join(path, "history"));
    assert.match(
      nowhere.add("three")!,
      /^What you type is not kept .*history cannot be written: .*history is no folder$/,
    );
    assert.equal(nowhere.add("four"), undefined, "once is enough");
  },
});

Deno.test({
  name: files.named("ReadMarks are kept between runs"),
  ignore: files.ignored,
  async fn() {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "read");
    const marks = new ReadMarks(path);
    marks.set("a@one:1", "room:lobby", 7);
    marks.save();
    assert.equal(new ReadMarks(path).get("a@one:1", "room:lobby"), 7);
    assert.equal(new ReadMarks(path).get("b@one:1", "room:lobby"), undefined);
    Deno.writeTextFileSync(path, "broken");
    assert.equal(new ReadMarks(path).get("a@one:1", "room:lobby"), undefined);
  },
});

const kinds: readonly Item["kind"][] = ["said", "presence", "line"];
test("itemRows() draws every kind of item", () => {
  const items: Record<Item["kind"], Item> = {
    said: said("hi", { how: "direct_sent", user: "c" }),
    presence: { kind: "presence", at: day(9), room: "lobby", joined: new Set(["x"]), left: new Set() },
    line: { kind: "line", at: day(9), tone: "error", text: "[ERROR] x: y" },
  };
  assert.deepEqual(kinds.map((kind) => bare(itemRows(items[kind], 80, look, "a")[0])), [
    "09:00 DM to c: hi",
    "09:00 x joined lobby",
    "09:00 [ERROR] x: y",
  ]);
});

test("itemRows() draws what somebody does in a room as an action, and finds it so", () => {
  const does = said("* waves", { how: "room", user: "c" });
  assert.deepEqual([bare(itemRows(does, 80, look, "a")[0]), itemText(does)], ["09:00 * c waves", "* c waves"]);
  const plain = said("*waves", { how: "room", user: "c" });
  assert.deepEqual([bare(itemRows(plain, 80, look, "a")[0]), itemText(plain)], ["09:00 c: *waves", "c: *waves"]);
  const direct = said("* waves", { how: "direct", user: "c" });
  assert.equal(bare(itemRows(direct, 80, look, "a")[0]), "09:00 DM from c: * waves");
});
